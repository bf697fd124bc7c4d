"""Ctrl-C and SIGTERM: the first asks for a clean end, the second ends the process at once.

Python runs its signal handlers between two of its instructions, so it would not notice the second one before the epoch is
over. The number of a signal is therefore also written to a socket, at once, where a thread of ours reads it.
"""

from __future__ import annotations

import os
import signal
import socket
import threading
from collections.abc import Callable
from types import TracebackType

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Interruption:
    """While this is entered, `signal` is the number of the first signal that came, or None.

    `on_first` is called, in another thread, when it comes; `on_second` before the process ends.
    """

    def __init__(self, on_first: Callable[[], None], on_second: Callable[[], None]):
        self.signal: int | None = None
        self.on_first, self.on_second = on_first, on_second

    @property
    def exit_code(self) -> int:
        """128 + the signal's number: 130 after Ctrl-C."""
        return 128 + (self.signal or 0)

    def __enter__(self) -> Interruption:
        # Only the main thread may set handlers. In another, whoever runs the main one decides about signals.
        self.active = threading.current_thread() is threading.main_thread()
        if not self.active:
            return self
        self.inbox, self.outbox = socket.socketpair()
        self.outbox.setblocking(False)
        self.handlers = {number: signal.signal(number, lambda *_: None) for number in SIGNALS}
        self.wakeup = signal.set_wakeup_fd(self.outbox.fileno(), warn_on_full_buffer=False)
        threading.Thread(target=self.watch, daemon=True).start()
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        if not self.active:
            return
        signal.set_wakeup_fd(self.wakeup)
        for number, handler in self.handlers.items():
            signal.signal(number, handler)
        self.outbox.close()

    def watch(self) -> None:
        """Wait for signals until the socket is closed."""
        with self.inbox:
            while received := self.inbox.recv(1):
                if received[0] in SIGNALS:
                    self.receive(received[0])

    def receive(self, number: int) -> None:
        if self.signal is None:
            self.signal = number
            self.on_first()
            return
        self.on_second()
        os._exit(self.exit_code)  # the main thread may be inside XLA, where no exception reaches it
