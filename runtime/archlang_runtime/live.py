"""The panel under the lines of a run, in a terminal: how far it is, how fast, how well, and in how much memory.

An epoch is one program that says nothing until it is over. In between, the time and the estimate of what is left go on; every
other number is that of the last line.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from rich.console import Console, ConsoleOptions, RenderResult
from rich.live import Live
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from archlang_runtime.config import TrainConfig
from archlang_runtime.memory import GIB, memory_in_use

REFRESH = 4  # times a second
RECENT = 5  # epochs that an estimate looks back on
SPARKS, SPARKS_IN_ASCII = "▁▂▃▄▅▆▇█", "_.-=+*#@"
NUM_SPARKS = 30
LOSSES = (("critic", "critic_loss", "{:.3f}"), ("actor", "actor_loss", "{:.3f}"), ("entropy", "entropy", "{:.2f}"))
Line = Mapping[str, Any]


class Progress:
    """The panel of a run that goes from epoch `done` on, with the lines so far. `now`: a clock, in seconds."""

    def __init__(self, config: TrainConfig, done: int, lines: Sequence[Line], now: Callable[[], float] = time.monotonic):
        self.config, self.lines, self.now = config, list(lines), now
        self.began = now()
        self.ends = [(done, self.began)] if done else []  # of epochs: the number, and when
        self.spinners = {True: Spinner("line"), False: Spinner("dots")}

    def epoch(self, line: Line) -> None:
        """Another line is there."""
        self.lines.append(line)
        self.ends.append((line["epoch"], self.now()))

    # --- estimates ---------------------------------------------------------------------------------------------------

    @property
    def seconds_per_epoch(self) -> float | None:
        """The mean of the last epochs, without that in which the program is compiled if there is another; None before that."""
        ends = self.ends[1:][-RECENT - 1 :] if len(self.ends) > 2 else self.ends
        if len(ends) < 2:
            return None
        (first, began), (last, ended) = ends[0], ends[-1]
        return (ended - began) / (last - first)

    @property
    def since(self) -> float:
        """Seconds since the last line, or the start."""
        return self.now() - (self.ends[-1][1] if self.ends else self.began)

    @property
    def completed(self) -> float:
        """Epochs, with an estimate for the one that runs."""
        share = self.since / self.seconds_per_epoch if self.seconds_per_epoch else 0.0
        return min(self.done + min(share, 0.99), self.config.epochs)

    @property
    def done(self) -> int:
        return self.ends[-1][0] if self.ends else 0

    @property
    def to_go(self) -> float | None:
        """Seconds until the end, as it looks."""
        if self.seconds_per_epoch is None:
            return None
        return (self.config.epochs - self.completed) * self.seconds_per_epoch

    # --- what is shown -----------------------------------------------------------------------------------------------

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        table = Table.grid(padding=(0, 2))
        table.add_column(style="bold")
        for name, text in self.rows(options.ascii_only):
            table.add_row(name, Text(text, no_wrap=True, overflow="ellipsis"))
        grid = Table.grid()
        grid.add_row(self.bar(options.ascii_only))
        grid.add_row(table)
        yield Panel(grid, title=self.config.environment, title_align="left", border_style="dim", expand=False)

    def bar(self, ascii_only: bool) -> Table:
        """What the run is at, how much of it is done, and the time."""
        bar = ProgressBar(self.config.epochs, self.completed, width=30)
        spent = clock(self.since + (self.lines[-1]["elapsed_seconds"] if self.lines else 0))
        left = f"about {clock(self.to_go)} to go" if self.to_go is not None else "compiling"
        row = Table.grid(padding=(0, 1))
        row.add_row(self.spinners[ascii_only], f"epoch {self.done} of {self.config.epochs}", bar, f"{spent}, {left}")
        return row

    def rows(self, ascii_only: bool) -> Iterator[tuple[str, str]]:
        """Names and numbers, as far as there are any."""
        if self.lines:
            line = self.lines[-1]
            yield "steps", f"{line['env_steps']:,} of {self.config.total_steps:,}{rates(line)}"
            goal = sparkline((each["time_at_goal"] for each in self.lines), SPARKS_IN_ASCII if ascii_only else SPARKS)
            yield "at goal", f"{line['time_at_goal']:.1%}  {goal}"
            losses = [f"{name} {form.format(line[key])}" for name, key, form in LOSSES if key in line]
            if losses:
                yield "losses", "   ".join(losses)
        yield (
            "memory",
            "   ".join(f"{name} {used / GIB:,.1f} of {limit / GIB:,.1f} GiB" for name, used, limit in memory_in_use()),
        )


def rates(line: Line) -> str:
    if "env_steps_per_second" not in line:
        return ""
    return f"   {line['env_steps_per_second']:,.0f} steps/s   {line['updates_per_second']:,.1f} updates/s"


def sparkline(values: Iterable[float], signs: str) -> str:
    """The last of some numbers as bars, from zero to the largest."""
    shown = list(values)[-NUM_SPARKS:]
    top = max(shown, default=0) or 1
    return "".join(signs[round(max(value, 0) / top * (len(signs) - 1))] for value in shown)


def clock(seconds: float) -> str:
    """`1:02:04`."""
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}"


def make_live(console: Console, progress: Progress) -> Live:
    """The panel at the bottom of the terminal; it is gone when it stops."""
    return Live(progress, console=console, refresh_per_second=REFRESH, transient=True)
