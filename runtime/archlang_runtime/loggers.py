"""Where the lines of metrics go besides metrics.jsonl: `--log tensorboard`, `--log wandb`. Nothing is imported unless
asked for.

What each has been sent stands in the run's loggers.json. So a run that goes on continues its series, and a logger that is named
for the first time later gets the lines before, too. A logger that fails while the run goes is let go, and gets what it missed
at the next start: metrics.jsonl has it all.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import MappingProxyType
from typing import Any, Protocol

from archlang import DiagnosticError, did_you_mean
from archlang_runtime.errors import error
from archlang_runtime.folder import write

Line = Mapping[str, Any]


class Logger(Protocol):
    """A series of metrics somewhere else."""

    def log(self, line: Line) -> None:
        """One epoch's line, as in metrics.jsonl."""
        ...

    def close(self, exit_code: int) -> None:
        """Nothing more comes from this process."""
        ...


@dataclass(frozen=True)
class Kind:
    """`target`: import string of a class that is called with a `Series`. `package`: what it imports; an extra of archlang."""

    target: str
    package: str

    def open(self, series: Series) -> Logger:
        module, _, name = self.target.partition(":")
        return getattr(import_module(module), name)(series)


LOGGERS: Mapping[str, Kind] = MappingProxyType(
    {
        "tensorboard": Kind("archlang_runtime.log_tensorboard:TensorBoard", "tensorboardX"),
        "wandb": Kind("archlang_runtime.log_wandb:WeightsAndBiases", "wandb"),
    }
)


@dataclass(frozen=True)
class Series:
    """What a logger goes on from.

    `run`: the run's folder. `asked`: its config.json. `id`: a name for the series, the same at every start. `sent`: the last
    epoch that was ever sent, -1 for none. `first_step`: environment steps of the next line, or a number below.
    """

    run: Path
    asked: Mapping[str, Any]
    id: str
    sent: int
    first_step: int
    say: Callable[[str], None]


def find_loggers(names: Iterable[str]) -> tuple[str, ...]:
    """The names, each once. One that is unknown is E0603, one whose package is not installed E0713."""
    for name in (names := tuple(dict.fromkeys(names))):
        if name not in LOGGERS:
            similar = did_you_mean(name, LOGGERS)
            help = f"did you mean `{similar}`?" if similar else f"there are: {', '.join(LOGGERS)}"
            raise error("E0603", f"there is no logger `{name}`", "--log", help)
        if find_spec(LOGGERS[name].package) is None:
            message = f"`--log {name}` needs the package {LOGGERS[name].package}, which is not installed"
            raise error("E0713", message, "--log", f"pip install 'archlang[{name}]'")
    return names


@dataclass
class Loggers:
    """The loggers of one process. Enter it so that they are closed."""

    names: Sequence[str]
    run: Path
    say: Callable[[str], None]
    opened: dict[str, Logger] = field(default_factory=dict)
    state: dict[str, Any] = field(default_factory=dict)  # what loggers.json says of each
    exit_code: int = 1  # unless the run says otherwise

    def begin(self, asked: Mapping[str, Any], lines: Sequence[Line]) -> None:
        """Open them, and send what they lack of `lines`, the run's so far. One that cannot be opened is E0713."""
        self.state = {name: self.read().get(name) or {"id": secrets.token_hex(4), "epoch": -1} for name in self.names}
        for name in self.names:
            self.opened[name] = self.open(name, asked, lines)
        for line in lines:
            self.log(line)

    def open(self, name: str, asked: Mapping[str, Any], lines: Sequence[Line]) -> Logger:
        state = self.state[name]
        steps = [line["env_steps"] for line in lines]
        missing = [line["env_steps"] for line in lines if line["epoch"] > state["epoch"]]
        first_step = [*missing, steps[-1] + 1 if steps else 0][0]
        series = Series(self.run, asked, state["id"], state["epoch"], first_step, self.say)
        state["epoch"] = min(state["epoch"], lines[-1]["epoch"] if lines else -1)
        try:
            return LOGGERS[name].open(series)
        except DiagnosticError:
            raise
        except Exception as problem:  # other people's packages have no exception in common
            help = "leave `--log` away to go on without it"
            raise error("E0713", f"`--log {name}` cannot be used: {reason(problem)}", "--log", help) from problem

    def log(self, line: Line) -> None:
        """Send a line to those that have not got it."""
        for name, logger in list(self.opened.items()):
            if line["epoch"] > self.state[name]["epoch"]:
                self.send(name, logger, line)
        if self.opened:
            write(self.run / "loggers.json", json.dumps(self.read() | self.state) + "\n")

    def send(self, name: str, logger: Logger, line: Line) -> None:
        try:
            logger.log(line)
            self.state[name]["epoch"] = line["epoch"]
        except Exception as problem:
            del self.opened[name]
            self.say(f"note: {name} failed and gets nothing more until the next start: {reason(problem)}")

    def read(self) -> dict[str, Any]:
        """What loggers.json says; one that cannot be read says nothing."""
        try:
            return dict(json.loads((self.run / "loggers.json").read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            return {}

    def __enter__(self) -> Loggers:
        return self

    def __exit__(self, *_: object) -> None:
        for name, logger in self.opened.items():
            try:
                logger.close(self.exit_code)
            except Exception as problem:
                self.say(f"note: {name} could not be closed: {reason(problem)}")


def reason(problem: Exception) -> str:
    return next(iter(str(problem).splitlines()), "") or type(problem).__name__
