"""The largest value that still fits a GPU, in closed form, as estimates are; and how values are searched, for a budget too.

What is free is a setting of the run (`batch_size`, `num_envs`, `replay_rows`) or a number that the specification defines, such
as `depth`. Values that the specification does not take, a depth that is no multiple of four, are left out. More of anything
takes more memory and more parameters, so that a search takes a number of steps that grows with the logarithm of its answer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import islice
from typing import Any

from archlang import syntax
from archlang.definitions import is_number, needed_in, networks_in, stands_for_number
from archlang.diagnostics import Diagnostic, DiagnosticError, SpecError, as_json, did_you_mean, short
from archlang.estimate import Estimate, Options, estimate
from archlang.report import Inputs, Report, examine
from archlang.source import Source
from archlang.spec import Spec, noted

SETTINGS = ("batch_size", "num_envs", "replay_rows")
ALSO_CALLED = {"batch": "batch_size"}
PROBED = (0, *(2**power for power in range(17)))  # values, in the order of those that are taken
LOOKED_AT = 1024  # values, for two that the specification takes

Values = Mapping[str, int | str]
Holds = Callable[[int], bool | None]  # None: there is no such value


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


# --- what is free ---------------------------------------------------------------------------------------------------------


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
    raise refused("--free", name, f"the specification takes no two small whole numbers for `{name}`", None)


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


def reason(problem: Problem, values: Values) -> str | None:
    """Why values cannot be; None where they can."""
    try:
        problem.at(values)
    except DiagnosticError as error:
        return error.diagnostics[0].message
    return None


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
        if name in problem.lists:
            help = f"make its numbers a definition, `{name} = [{{w}}, {{w}}]`, and solve for that"
            raise refused("--free", free, f"`{name}` is a list of numbers, and one number is sought", help)
        if name not in known:
            similar = did_you_mean(name, known)
            help = f"did you mean `{similar}`?" if similar else there
            raise refused("--free", free, f"there is no `{short(name)}` to solve for", help)
        if names.count(name) > 1:
            raise refused("--free", free, f"`{name}` is free twice", None)
    return names


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


# --- the largest that fits ------------------------------------------------------------------------------------------------


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
    first = start(problem, name)
    values = ladder(problem, name, {})
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


def start(problem: Problem, name: str) -> int:
    """Where the search begins: at the smallest value of a definition, at a setting as it is, or, where other settings need more
    of it, at a power of two. Raises `DiagnosticError` for what is wrong with everything else."""
    try:
        question = problem.at({}).question
    except DiagnosticError:
        powers = (2**power for power in range(31)) if problem.is_setting(name) else ()
        enough = next((power for power in powers if problem.fits({name: power}) is not None), None)
        if enough is None:
            raise
        return enough
    return getattr(question.workload, name) if question and problem.is_setting(name) else 0


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
