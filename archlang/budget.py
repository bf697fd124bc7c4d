"""Values of definitions whose parameters come nearest to a budget: a width for each depth, say, for an ablation of equals."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from archlang.definitions import Axis
from archlang.diagnostics import DiagnosticError, short
from archlang.free import Problem, Values, ladder, mistakes, names_of, refuse_bound, refuse_unsteady, refused, taken, tried
from archlang.report import refuse_unknown_width
from archlang.solve import last
from archlang.spec import noted

SUFFIXES = {"": 1, "k": 10**3, "m": 10**6, "b": 10**9}
NEAR = 0.05  # of the budget: rows of powers of two that are further away are left out
FAR = 0.5  # of the budget: where all that was asked for is further away, it is no answer


@dataclass(frozen=True)
class Row:
    """Values whose parameters come nearest to a budget."""

    values: Values
    params: int
    budget: int

    @property
    def deviation(self) -> float:
        """As a part of the budget; negative where there are fewer parameters."""
        return self.params / self.budget - 1

    def as_json(self) -> dict[str, Any]:
        return {"values": dict(self.values), "params": self.params, "deviation": self.deviation}


@dataclass(frozen=True)
class Equal:
    """Settings of one budget: one, or one for each value of a second definition."""

    budget: int
    names: tuple[str, ...]
    rows: tuple[Row, ...]

    def as_json(self) -> dict[str, Any]:
        """As `archlang solve --json` has it."""
        return {"budget": self.budget, "free": list(self.names), "rows": [row.as_json() for row in self.rows]}


def equal(problem: Problem, free: str | None, params: str) -> Equal:
    """The values whose parameters, of all networks together, come nearest to a budget such as `13M`.

    Of two definitions the first is solved for each value of the second: those of its axis, else the powers of two. Raises
    `DiagnosticError` (E0603) for what cannot be, and where nothing comes near.
    """
    budget, names = budget_of(params), names_of(problem, free, ())
    if len(names) > 2:
        raise refused("--free", free or "", "at most two definitions are free", f"for instance `--free {','.join(names[:2])}`")
    for name in names if axis_of(problem, names[-1]) is None else names[:1]:
        refuse_bound(problem, name)
    return Equal(budget, tuple(names), rows_near(problem, names, params))


def rows_near(problem: Problem, names: list[str], params: str) -> tuple[Row, ...]:
    """Those that are near enough; what was asked for is told however far it is, where one of it is."""
    powers = len(names) == 2 and axis_of(problem, names[1]) is None
    rows, within = [*rows_of(problem, names, budget_of(params))], NEAR if powers else FAR
    if not rows:
        help = f"give it values, for instance `--set '{names[1]}=3 | 6'`"
        raise refused("--free", ",".join(names), f"the specification takes no power of two for `{names[1]}`", help)
    near = [row for row in rows if abs(row.deviation) <= within]
    if not near:
        raise nothing_near(names, params, min(rows, key=lambda row: abs(row.deviation)), within)
    return tuple(near if powers else rows)


def nothing_near(names: list[str], params: str, row: Row, within: float) -> DiagnosticError:
    wanted = f"no {' and '.join(names)} come{'s' * (len(names) == 1)} within {within:.0%} of {row.budget:,} parameters"
    values = ", ".join(f"{name} = {row.values[name]}" for name in names)
    return refused("--params", params, wanted, f"the nearest, {values}, gives {row.params:,}")


def budget_of(text: str) -> int:
    """`13M`, `200k`, `1.5B` → a number of parameters. Raises `DiagnosticError` (E0603)."""
    written = re.fullmatch(r"([0-9]{1,30}|[0-9]{1,3}(?:[_,][0-9]{3}){1,9})(\.[0-9]{1,30})?([kKmMbB]?)", text.strip())
    whole = re.sub("[_,]", "", written[1]) + (written[2] or "") if written else "0"
    meant = Decimal(whole) * SUFFIXES[written[3].lower()] if written else Decimal(0)
    budget = int(meant)
    if not 1 <= budget < 2**63 or budget != meant:
        raise refused("--params", text, f"`{short(text)}` is no number of parameters", "for instance `13M`, `200k`, `1.5B`")
    return budget


def nearest(problem: Problem, name: str, others: Values, budget: int) -> Row:
    """The value of one definition that comes nearest."""
    values = ladder(problem, name, others)
    refuse_unknown_width(problem.report({**others, name: values.first}).networks, problem.inputs)
    refuse_unsteady(problem, name, values, others)

    def params(value: int) -> int | None:
        return problem.params({**others, name: value})

    def holds(index: int) -> bool | None:
        found = params(values[index])
        return None if found is None else found <= budget

    below = last(holds, 0) or 0
    near = [values[below], values[below + 1]]
    if params(near[1]) is None:
        near += taken(problem, name, others)
    counts = {value: count for value in near if (count := params(value)) is not None}
    best = min(counts, key=lambda value: abs(counts[value] - budget))
    return Row({**others, name: best}, counts[best], budget)


def rows_of(problem: Problem, names: list[str], budget: int) -> Iterator[Row]:
    """The nearest row; of two names, one for each value of the second, up to one that gives too much."""
    if len(names) == 1:
        yield nearest(problem, names[0], {}, budget)
        return
    first, second = names
    axis = axis_of(problem, second)
    if axis is not None:
        yield from (nearest_at(problem, first, second, option, budget) for option in axis.options)
        return
    for value in powers(problem, second):
        row = nearest(problem, first, {second: value}, budget)
        yield row
        if row.deviation > NEAR:
            return


def nearest_at(problem: Problem, name: str, second: str, option: str, budget: int) -> Row:
    """The nearest row at a value of an axis. Raises `DiagnosticError`, which names that value, where there is none."""
    others: Values = {second: number(option)}
    try:
        return nearest(problem, name, others, budget)
    except DiagnosticError as error:
        note = f"with {second} = {short(option)}"
        raise DiagnosticError(noted(mistakes(problem, others) or error.diagnostics, note)) from None


def axis_of(problem: Problem, name: str) -> Axis | None:
    return next((axis for axis in problem.spec.axes if axis.name == name), None)


def number(option: str) -> int | str:
    return int(option) if option.isdecimal() else option


def powers(problem: Problem, name: str) -> Iterator[int]:
    """The powers of two that the specification takes."""
    value, seen = 1, False
    while value < 2**62:
        taken = tried(lambda value=value: problem.report({name: value})) is not None
        if seen and not taken:
            return
        if taken:
            seen = True
            yield value
        value *= 2
