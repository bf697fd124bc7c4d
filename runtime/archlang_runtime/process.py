"""How one process works on a run: what it keeps, when it stops, who is told. It decides no number, so it is no part of the
run's configuration, and may be different at every start. Imports no jax.
"""

from __future__ import annotations

import os
import re
import time
from dataclasses import dataclass, field

from archlang import MARGIN
from archlang_runtime.errors import error

KEPT = 2  # checkpoints
FRACTIONS = ("XLA_CLIENT_MEM_FRACTION", "XLA_PYTHON_CLIENT_MEM_FRACTION")  # of a GPU's memory, for JAX; the second is older
OUT_OF_TIME = 75  # the exit status that sysexits.h calls EX_TEMPFAIL: the same command goes on
UNITS = {"d": 86_400, "h": 3_600, "m": 60, "s": 1}
DURATION = re.compile("".join(rf"(?:([0-9]{{1,9}}){unit})?" for unit in UNITS))


@dataclass(frozen=True)
class Process:
    """`keep`: how many of the newest checkpoints stay. `stop_after`: seconds that the process may take, if they are limited.
    `log`: names of loggers. `began`: when it started, by `time.monotonic`."""

    keep: int = KEPT
    stop_after: float | None = None
    log: tuple[str, ...] = ()
    began: float = field(default_factory=time.monotonic)

    def has_time_for(self, seconds: float) -> bool:
        """Whether something that takes so long would be over in time."""
        return self.stop_after is None or time.monotonic() - self.began + seconds <= self.stop_after


def duration(text: str) -> int:
    """Seconds: `2h30m` → 9000. Anything else than numbers with d, h, m, s, in this order, is E0603."""
    found = DURATION.fullmatch(text)
    seconds = sum(int(number or 0) * unit for number, unit in zip(found.groups(), UNITS.values(), strict=True)) if found else 0
    if not seconds:
        message = f"stop_after takes a time such as 45m, 2h30m or 1d12h; got {text!r}"
        raise error("E0603", message, "--stop-after", "whole numbers, each with its unit d, h, m or s, the largest first")
    return seconds


def take_memory() -> None:
    """Let JAX have what `archlang estimate` counts on, a GPU's memory less the margin, where its own rule is three quarters.

    What the user set holds. It has an effect before JAX looks for devices.
    """
    if not any(name in os.environ for name in FRACTIONS):
        os.environ[FRACTIONS[0]] = f"{1 - MARGIN:g}"
