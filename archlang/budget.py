"""Values of definitions whose parameters come nearest to a budget: a width for each depth, say, for an ablation of equals."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from archlang.definitions import Axis
from archlang.diagnostics import short
from archlang.report import refuse_unknown_width
from archlang.solve import Problem, Values, ladder, last, names_of, refuse_bound, refuse_unsteady, refused, taken, tried

SUFFIXES = {"": 1, "k": 10**3, "m": 10**6, "b": 10**9}
NEAR = Decimal("0.05")  # of the budget: rows that are further away are left out, unless they were asked for


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
    refuse_unknown_width(problem.report({}).networks, problem.inputs)
    for name in names if axis_of(problem, names[-1]) is None else names[:1]:
        refuse_bound(problem, name)
    rows = [nearest(problem, names[0], {}, budget)] if len(names) == 1 else list(table(problem, names[0], names[1], budget))
    if not rows:
        raise refused("--params", params, f"no {' and '.join(names)} come within {NEAR:.0%} of {budget:,} parameters", None)
    return Equal(budget, tuple(names), tuple(rows))


def budget_of(text: str) -> int:
    """`13M`, `200k`, `1.5B` → a number of parameters. Raises `DiagnosticError` (E0603)."""
    written = re.fullmatch(r"([0-9]{1,30}|[0-9]{1,3}(?:[_,][0-9]{3}){1,9})(\.[0-9]{1,30})?([kKmMbB]?)", text.strip())
    whole = re.sub("[_,]", "", written[1]) + (written[2] or "") if written else "0"
    budget = int(Decimal(whole) * SUFFIXES[written[3].lower()]) if written else 0
    if not 1 <= budget < 2**63:
        raise refused("--params", text, f"`{short(text)}` is no number of parameters", "for instance `13M`, `200k`, `1.5B`")
    return budget


def nearest(problem: Problem, name: str, others: Values, budget: int) -> Row:
    """The value of one definition that comes nearest."""
    values = ladder(problem, name, others)
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


def table(problem: Problem, name: str, second: str, budget: int) -> Iterator[Row]:
    """A row for each value of the second definition."""
    axis = axis_of(problem, second)
    if axis is not None:
        yield from (nearest(problem, name, {second: number(option)}, budget) for option in axis.options)
        return
    for value in powers(problem, second):
        row = nearest(problem, name, {second: value}, budget)
        if abs(row.params - budget) <= NEAR * budget:
            yield row
        elif row.params > budget:
            return


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
