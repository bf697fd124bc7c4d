"""The largest value that still fits a GPU, in closed form, as estimates are; and how values are searched, for a budget too."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from archlang.diagnostics import DiagnosticError, as_json
from archlang.estimate import Estimate
from archlang.free import (
    LOOKED_AT,
    PROBED,
    SETTINGS,
    Ladder,
    Problem,
    Values,
    ladder,
    names_of,
    refuse_bound,
    refuse_unsteady,
    refused,
    taken,
    tried,
)

POWERS = tuple(2**power for power in range(31))  # of a setting that others need more of
Holds = Callable[[int], bool | None]  # None: there is no such value


@dataclass(frozen=True)
class Largest:
    """The largest value that fits, and why there is no larger one: None where memory is why."""

    name: str
    value: int
    estimate: Estimate
    limit: str | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """What was free, as that of a budget has it."""
        return (self.name,)

    @property
    def gpu(self) -> str:
        target = self.estimate.question and self.estimate.question.target
        return "" if target is None else target.gpu.name

    def as_json(self) -> dict[str, Any]:
        """As `archlang solve --json` has it."""
        return {"free": self.name, "value": self.value, "limit": self.limit or "memory"} | self.estimate.as_json()


class NothingFits(DiagnosticError):
    """No value of what is free fits the GPU. Holds the estimate of the smallest value, or of a setting as it is."""

    def __init__(self, name: str, estimate: Estimate):
        super().__init__(
            replace(found, notes=(*found.notes, f"no value of `{name}` makes it fit")) for found in estimate.diagnostics
        )
        self.name, self.estimate = name, estimate

    def as_json(self) -> dict[str, Any]:
        """As `archlang solve --json` has it."""
        diagnostics = [as_json(diagnostic) for diagnostic in self.diagnostics]
        return {"free": self.name, "value": None, "limit": "memory"} | self.estimate.as_json() | {"diagnostics": diagnostics}


def largest(problem: Problem, free: str | None) -> Largest:
    """The largest value of what is free with which the program surely fits the GPU.

    Raises `DiagnosticError`: E0603 for what cannot be free, E0501 where no value fits.
    """
    settings = SETTINGS if problem.inputs.env is not None else SETTINGS[:1]  # an update alone has a batch
    name = only(names_of(problem, free, settings), free or "")
    refuse_bound(problem, name)
    refuse_both(problem, name)
    values = ladder(problem, name, {})
    first = start(problem, name, values)
    refuse_unsteady(problem, name, values, {})
    found = last(lambda index: problem.fits({name: values[index]}), first)
    if found is None:
        raise NothingFits(name, problem.at({name: values[first]}))
    best, limit = values[found], reason(problem, {name: values[found + 1]})
    if limit is not None and not problem.is_setting(name):
        best = max([best, *(value for value in taken(problem, name, {}) if problem.fits({name: value}))])
        limit = f"{limit}, and no larger value up to {LOOKED_AT:,} is taken, or fits"
    return Largest(name, best, problem.at({name: best}), limit)


def refuse_goals(gpu: str | None, params: str | int | None) -> None:
    """Raise `DiagnosticError` (E0603) where it is not said what is to be met, or two things are."""
    if params is None and gpu is None:
        help = "give a GPU with `--gpu`, or a number of parameters with `--params`"
        raise refused("--gpu", "", "there is nothing to meet", help)
    if params is not None and gpu is not None:
        help = "leave `--gpu` away, or `--params`"
        raise refused("--gpu", str(gpu), "a number of parameters is met on any GPU", help)


def only(names: list[str], free: str) -> str:
    if len(names) > 1:
        raise refused("--free", free, "with `--gpu` one thing is free at a time", f"for instance `--free {names[0]}`")
    return names[0]


def refuse_both(problem: Problem, name: str) -> None:
    if name in SETTINGS and name in problem.numbers:
        message, help = f"`{name}` is a setting of the run and a definition", "call the definition something else"
        raise refused("--free", name, message, help)


def reason(problem: Problem, values: Values) -> str | None:
    """Why values cannot be; None where they can."""
    try:
        problem.at(values)
    except DiagnosticError as error:
        return error.diagnostics[0].message
    return None


def start(problem: Problem, name: str, values: Ladder) -> int:
    """Where the search begins: at a setting as it is, or, where others need more of it, at a power of two; of a definition, at
    the first value that can be. Raises `DiagnosticError` for what is wrong with everything else."""
    question = tried(lambda: problem.at({}).question) if problem.is_setting(name) else None
    if question is not None:
        return getattr(question.workload, name)
    candidates = POWERS if problem.is_setting(name) else PROBED
    found = next((index for index in candidates if problem.fits({name: values[index]}) is not None), None)
    if found is None:
        problem.at({} if problem.is_setting(name) else {name: values[0]})
    return found or 0


def last(holds: Holds, start: int) -> int | None:
    """The last number that holds, of numbers that do up to one of them; those before the first that holds may be none."""
    if holds(start):
        end = start + 1
        while holds(end):
            start, end = end, 2 * end
        return between(lambda number: holds(number) is True, start, end)
    found = between(lambda number: holds(number) is not False, 0, start)
    return found if holds(found) else None


def between(holds: Callable[[int], bool], low: int, end: int) -> int:
    """The last number from `low` to below `end` that holds; `low` is taken to."""
    while end - low > 1:
        middle = (low + end) // 2
        low, end = (middle, end) if holds(middle) else (low, middle)
    return low
