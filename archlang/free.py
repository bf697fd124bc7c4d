"""What is free, while something is sought: a setting of the run, or a number that the specification defines; and its values.

Values that the specification does not take, a depth that is no multiple of four, are left out. More of anything takes more
memory and more parameters, so that a search takes a number of steps that grows with the logarithm of its answer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import islice
from typing import Any

from archlang import syntax
from archlang.definitions import is_number, needed_in, networks_in, stands_for_number
from archlang.diagnostics import Diagnostic, DiagnosticError, SpecError, did_you_mean, short
from archlang.estimate import Estimate, Options, estimate
from archlang.report import Inputs, Report, examine
from archlang.source import Source
from archlang.spec import Spec, noted

SETTINGS = ("batch_size", "num_envs", "replay_rows")
ALSO_CALLED = {"batch": "batch_size"}
PROBED = (0, *(2**power for power in range(17)))  # values, in the order of those that are taken
LOOKED_AT = 1024  # values, for two that the specification takes

Values = Mapping[str, int | str]


@dataclass(frozen=True)
class Problem:
    """What stands, while something is sought."""

    spec: Spec
    inputs: Inputs
    options: Options

    def report(self, values: Values) -> Report:
        """The networks with these values. Raises `DiagnosticError` where they cannot be."""
        defined = {name: value for name, value in values.items() if not self.is_setting(name)}
        spec = self.spec.bound(defined) if defined else self.spec
        report = examine(spec, self.inputs)
        if report.wrong:
            raise SpecError(noted(report.diagnostics, f"with {spec.where}" if spec.axes else None))
        return report

    def at(self, values: Values) -> Estimate:
        """The estimate with these values. Raises `DiagnosticError` where they cannot be."""
        given = {name: value for name, value in values.items() if self.is_setting(name)}
        options = replace(self.options, settings={**self.options.settings, **given})
        return estimate(self.report(values), self.inputs, options)

    def fits(self, values: Values) -> bool | None:
        return tried(lambda: self.at(values).fits)

    def params(self, values: Values) -> int | None:
        return tried(lambda: self.report(values).params)

    def is_setting(self, name: str) -> bool:
        """Whether it is one of the run; a definition may have the name of one."""
        return name in SETTINGS and name not in self.numbers

    def bytes(self, values: Values) -> int | None:
        return tried(lambda: self.at(values).total)

    @cached_property
    def numbers(self) -> tuple[str, ...]:
        """The numbers that the networks are made of, in the order of the text."""
        needed = needed_in(self.spec.file, networks_in(self.spec.file))
        return tuple(name for name, found in self.spec.file.by_name.items() if name in needed and is_number(found))

    @cached_property
    def lists(self) -> tuple[str, ...]:
        """Those of them that are lists of numbers."""
        return tuple(name for name in self.numbers if any(map(is_list, self.spec.file.by_name[name].value.options)))


def is_list(option: syntax.Sequence) -> bool:
    return isinstance(option.items[0], syntax.List)


def mistakes(problem: Problem, values: Values) -> tuple[Diagnostic, ...]:
    """What is wrong with the networks with these values."""
    try:
        problem.report(values)
    except DiagnosticError as error:
        return error.diagnostics
    return ()


def tried(ask: Callable[[], Any]) -> Any:
    """What is asked; None where it cannot be."""
    try:
        return ask()
    except DiagnosticError:
        return None


# --- the values that it can have ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Ladder:
    """The values that something free can have, from the first on."""

    first: int
    step: int

    def __getitem__(self, index: int) -> int:
        return self.first + index * self.step


def ladder(problem: Problem, name: str, others: Values) -> Ladder:
    """Of a setting, all numbers; of a definition, those that the specification takes. Raises `DiagnosticError` for none."""
    if problem.is_setting(name):
        return Ladder(0, 1)
    small = [*first_two(lambda value: tried(lambda: problem.report({**others, name: value})) is not None)]
    if len(small) == 2:
        return Ladder(small[0], small[1] - small[0])
    problem.report(others)  # what is wrong with everything else is told as such
    other = sum(small) + 1
    why = [f"with {other}: {mistake.message}" for mistake in mistakes(problem, {**others, name: other})]
    message = f"the specification takes no two small whole numbers for `{name}`"
    raise refused("--free", name, message, next(iter(why), None))


def first_two(taken: Callable[[int], bool]) -> Iterator[int]:
    """The first two whole numbers that are taken, if they are small."""
    return islice(filter(taken, range(1, LOOKED_AT + 1)), 2)


def taken(problem: Problem, name: str, others: Values) -> Iterator[int]:
    """All small values that the specification takes: they need not be evenly apart."""
    return (value for value in range(1, LOOKED_AT + 1) if problem.params({**others, name: value}) is not None)


def refuse_unsteady(problem: Problem, name: str, values: Ladder, others: Values) -> None:
    """Raise `DiagnosticError` where a definition changes nothing, or where more of it gives less: no search would be right."""
    if problem.is_setting(name):
        return
    tries = [{**others, name: values[index]} for index in PROBED]
    for count in (problem.params, problem.bytes):
        counts = [found for found in map(count, tries) if found is not None]
        if counts != sorted(counts):
            raise refused("--free", name, f"more `{name}` does not always take more", "solve for a definition that does")
        if len(set(counts)) > 1:
            return
    raise refused("--free", name, f"`{name}` changes nothing", None)


# --- its name -------------------------------------------------------------------------------------------------------------


def names_of(problem: Problem, free: str | None, settings: tuple[str, ...]) -> list[str]:
    """`--free width,depth` → the names, each of which is known. Raises `DiagnosticError` (E0603)."""
    known = (*settings, *(name for name in problem.numbers if name not in problem.lists))
    there = f"what can be: {', '.join(known)}" if known else "the specification defines no number"
    if free is not None and not isinstance(free, str):
        raise refused("--free", str(free), f"what is free is given by its name; got {short(repr(free))}", there)
    if not free or not free.strip():
        raise refused("--free", free or "", "nothing is free", there)
    written = map(str.strip, free.split(","))
    names = [name if name in problem.numbers else ALSO_CALLED.get(name, name) for name in written]
    for name in names:
        refuse_words(problem, name)
        refuse_list(problem, name, free)
        if name not in known:
            raise unknown(name, free, known, there)
        if names.count(name) > 1:
            raise refused("--free", free, f"`{name}` is free twice", None)
    return names


def unknown(name: str, free: str, known: tuple[str, ...], there: str) -> DiagnosticError:
    similar = did_you_mean(name, known)
    help = f"did you mean `{similar}`?" if similar else there
    return refused("--free", free, f"there is no `{short(name)}` to solve for", help)


def refuse_list(problem: Problem, name: str, free: str) -> None:
    if name in problem.lists:
        help = f"make its numbers a definition, `{name} = [{{w}}, {{w}}]`, and solve for that"
        raise refused("--free", free, f"`{name}` is a list of numbers, and one number is sought", help)


def refuse_words(problem: Problem, name: str) -> None:
    """Raise `DiagnosticError` (E0603) for an axis of numbers in which something else stands."""
    found = problem.spec.file.by_name.get(name)
    others = [option for option in found.value.options if not stands_for_number(option)] if found else []
    if found is not None and 0 < len(others) < len(found.value.options):
        message = f"`{name}` = {short(others[0].span.text)} is no number"
        raise DiagnosticError([Diagnostic("E0603", message, others[0].span)])


def refuse_bound(problem: Problem, name: str) -> None:
    """Raise `DiagnosticError` (E0603) where what is free was given a value: it would change nothing."""
    if problem.is_setting(name) and name in problem.options.settings:
        option, value = f"--{name.replace('_', '-')}", str(problem.options.settings[name])
        raise refused(option, value, f"`{option}` changes nothing: `{name}` is free", "leave it away")
    if not problem.is_setting(name) and problem.spec.file.by_name[name] is not problem.spec.written.by_name[name]:
        span, message = problem.spec.file.by_name[name].span, f"`--set {name}` changes nothing: `{name}` is free"
        help = "leave it away; with `--params`, the second of two may be given several values"
        raise DiagnosticError([Diagnostic("E0603", message, span, help=help)])


def refused(option: str, value: str, message: str, help: str | None) -> DiagnosticError:
    return DiagnosticError([Diagnostic("E0603", message, Source(value, option).span(), help=help)])
