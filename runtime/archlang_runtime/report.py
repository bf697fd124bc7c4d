"""What a run says while it goes: one line per epoch, and a panel (live.py) below them where there is a terminal.

In a pipe, and where NO_COLOR is set, the lines come alone.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from rich.console import Console
from rich.live import Live
from rich.text import Text

from archlang_runtime.config import TrainConfig
from archlang_runtime.folder import best_epoch
from archlang_runtime.live import Progress, clock, make_live

# heading, key in the metrics, how it is written; a column is as wide as its heading and two spaces.
COLUMNS = (
    ("     steps", "env_steps", "{:,}"),
    ("at goal", "time_at_goal", "{:.1%}"),
    ("reached", "reached_goal", "{:.1%}"),
    ("critic loss", "critic_loss", "{:.3f}"),
    ("actor loss", "actor_loss", "{:.3f}"),
    ("accuracy", "accuracy", "{:.1%}"),
    ("entropy", "entropy", "{:.2f}"),
    ("  alpha", "alpha", "{:.4f}"),
    ("steps/s", "env_steps_per_second", "{:,.0f}"),
    ("  elapsed", "elapsed_seconds", "{}"),
)


class Report:
    """A run's voice. Enter it so that the terminal is left as it was."""

    def __init__(self, console: Console | None = None):
        colors = None if os.environ.get("NO_COLOR") else "auto"  # rich's own `no_color` leaves bold, dim and italic
        self.console = console or Console(highlight=False, color_system=colors)
        self.is_live = self.console.is_terminal and "NO_COLOR" not in os.environ
        self.live: Live | None = None

    def __enter__(self) -> Report:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        self.stop_live()

    def stop_live(self) -> None:
        if self.live:
            self.live.stop()
            self.live = None

    def say(self, text: str, style: str = "") -> None:
        self.console.print(Text(text, style), soft_wrap=True)

    def schedule(self, config: TrainConfig, num_params: int | None, device: str) -> None:
        """The real numbers, before anything starts."""
        size = f"{num_params:,} parameters" if num_params is not None else "networks"
        ratio = f"1 update per {config.env_steps_per_update:.4g} steps"
        asked = "" if config.total_steps == config.steps else f" ({config.steps:,} asked for)"
        rows = f"{config.num_envs} x {config.replay_rows:,} transitions"
        self.say(f"{config.environment}: {size}, seed {config.seed}, on {device}", "bold")
        self.say(f"environment steps  {config.total_steps:,}{asked}: {config.prefill_steps:,} before the first update, then")
        self.say(f"                   {plural(config.epochs, 'epoch')} of {config.steps_per_epoch:,}")
        self.say(f"updates            {config.total_updates:,} on batches of {config.batch_size}: {ratio}")
        self.say(f"replay             {rows}")

    def compiling(self) -> None:
        """What the silence before the first lines is."""
        self.say("compiling: the first two lines take the longest", "dim")

    def begin(self, config: TrainConfig, done: int, lines: Sequence[Mapping[str, Any]]) -> None:
        """The headings, and the panel, before the epoch after `done`. `lines`: those of the run so far."""
        self.epoch_width = 2 * len(str(config.epochs)) + 1
        self.compiling()
        headings = "  ".join(heading for heading, _, _ in COLUMNS)
        self.say(f"{'epoch'.rjust(self.epoch_width)}  {headings}", "bold")
        self.progress = Progress(config, done, lines)
        if self.is_live:
            self.live = make_live(self.console, self.progress)
            self.live.start()

    def epoch(self, line: Mapping[str, Any], epochs: int) -> None:
        """An epoch is over."""
        number = f"{line['epoch']}/{epochs}".rjust(max(self.epoch_width, 5))
        self.say(f"{number}  " + "  ".join(cell(column, line) for column in COLUMNS))
        self.progress.epoch(line)

    def stopping(self) -> None:
        self.say("Stopping when this epoch is over. Once more stops at once, and loses the epoch.", "yellow")

    def abandoned(self) -> None:
        self.console.show_cursor()
        self.say("Stopped at once. The same command goes on from the last checkpoint.", "yellow")

    def stopped(self, line: Mapping[str, Any], epochs: int, out_of_time: bool) -> None:
        done = f"epoch {line['epoch']} of {epochs} ({line['env_steps']:,} steps)"
        why = ": there is no time for another" if out_of_time else ""
        self.say(f"Stopped after {done}{why}. The same command goes on from there.", "yellow")

    def finished(self, lines: Sequence[Mapping[str, Any]], curve: Path) -> None:
        self.stop_live()
        before, after = lines[0]["time_at_goal"], lines[-1]["time_at_goal"]
        self.say(f"at goal {before:.1%} of the time before training, {after:.1%} after it", "bold")
        best = best_epoch(lines)
        if best and best != lines[-1]["epoch"]:
            share = next(line["time_at_goal"] for line in lines if line["epoch"] == best)
            self.say(f"best {share:.1%}, after epoch {best}: its checkpoint is kept, see `archlang eval --checkpoint best`")
        self.say(f"learning curve: {curve}")


def cell(column: tuple[str, str, str], line: Mapping[str, Any]) -> str:
    heading, key, form = column
    value = line.get(key)
    if value is None:
        return " " * len(heading)
    text = clock(value) if key == "elapsed_seconds" else form.format(value)
    return text.rjust(len(heading))


def plural(count: int, word: str) -> str:
    return f"{count:,} {word}" if count == 1 else f"{count:,} {word}s"
