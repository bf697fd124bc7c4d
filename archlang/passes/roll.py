"""Rolls written-out repetitions into stacks: a row of identical blocks becomes one compiled body, scanned.

- A pattern is one to 16 items of a sequence, with parameters, that give the type that they take. Two copies or more in
  succession become `(pattern)*n`: as many items as possible, by patterns as short as possible.
- Where the width is not known, only what keeps any type is rolled: residuals, and layers that keep theirs.
- `x*3, x` is `x*4`: copies of its body join a stack without annotations, and stacks with the same annotations join. A stack
  with annotations takes no copies in: they were not written for those.
- Independent copies, `4x unit`, stay as written, and so do rows of layers without parameters: `swish, swish`.

Runs are found within one sequence, so canonicalize first. Where counts would together become 2⁶³ or more, nothing is rolled.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any, TypeVar

from archlang import ir
from archlang.infer import output_type
from archlang.layers import LayerType, find_layer
from archlang.limits import MAX_COUNT
from archlang.passes.canonicalize import repeat as merged
from archlang.passes.rewrite import map_children
from archlang.passes.runs import Run, best_runs
from archlang.source import Span
from archlang.types import Type

N = TypeVar("N", ir.Network, ir.Expression)


def roll(node: N, x: Type) -> N:
    """The node for inputs of type `x` with its runs rolled: same outputs and gradients, parameters stacked. Idempotent.

    >>> from archlang import parse
    >>> from archlang.types import Type
    >>> from archlang.unparse import unparse
    >>> unit = "dense8, ln, swish"
    >>> network = parse(f"{unit}, {unit}, {unit}, res(ln)*3, res(ln), dense2").networks["network"]
    >>> unparse(roll(network.body, Type.of_input(8)))
    '(dense8, ln, swish)*3, res(ln)*4, dense2'
    >>> unparse(roll(network.body, Type.of_input(29)))
    'dense8, ln, swish, (dense8, ln, swish)*2, res(ln)*4, dense2'
    """
    result = rolled(node, x)
    return result if copies(result) <= MAX_COUNT else node


def copies(node: ir.Node) -> int:
    """How many copies a node makes of the layer that it repeats most."""
    most = max(map(copies, ir.children(node)), default=1)
    return node.count * most if isinstance(node, ir.Repeat) else most


def rolled(node: ir.Node, x: Type) -> Any:
    if isinstance(node, ir.Sequence):
        return sequence(node, x)
    outside = map_children(node, lambda child: rolled(child, inside(node, x)))
    return merged(outside) if isinstance(outside, ir.Repeat) else outside


def inside(node: ir.Node, x: Type) -> Type:
    """The type that goes into what a node holds; of unknown width where its copies take different ones."""
    if isinstance(node, ir.Cast):
        return x.with_dtype(node.dtype)
    differs = isinstance(node, ir.Repeat) and not node.stacked and output_type(node.body, x) != x
    return x.with_width(None) if differs else x


def sequence(node: ir.Sequence, x: Type) -> ir.Node:
    items, y = [], x
    for item in node.items:
        items.append(rolled(item, y))
        y = output_type(item, y)
    short = shortened(items, x)
    return short[0] if len(short) == 1 else node.model_copy(update={"items": tuple(short)})


def shortened(items: list[Any], x: Type) -> list[Any]:
    """The items with their runs rolled, and the runs of what that gives."""
    stacks = with_stacks(Row.of(items, x))
    shorter = neighbours_joined(copies_joined(Row.of(stacks, x)))
    return items if len(shorter) == len(items) else shortened(shorter, x)


# --- a sequence as a row ----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Row:
    """Items in sequence with the types between them; equal items have equal numbers."""

    items: list[Any]
    types: list[Type]
    numbers: list[int]
    table: dict[Any, int]
    keeping: list[int]  # how many of the first 0, 1, 2, … items keep any type
    learning: list[int]  # and how many have parameters

    @staticmethod
    def of(items: list[Any], x: Type) -> Row:
        types = list(accumulate(items, lambda y, item: output_type(item, y), initial=x))
        table: dict[Any, int] = {}
        keeping, learning = counts(map(keeps_any_type, items)), counts(map(has_parameters, items))
        return Row(items, types, numbered(items, table), table, keeping, learning)

    def keeps(self, start: int, end: int) -> bool:
        """Whether this part gives the type that it takes, for certain."""
        same = self.types[start] == self.types[end] and self.types[start].width is not None
        return same or self.keeping[end] - self.keeping[start] == end - start

    def may_be_pattern(self, start: int, end: int) -> bool:
        return self.learning[end] > self.learning[start] and self.keeps(start, end)


def counts(flags: Iterable[bool]) -> list[int]:
    return list(accumulate(flags, initial=0))


def numbered(items: Sequence[ir.Node], table: dict[Any, int]) -> list[int]:
    return [table.setdefault(key(item), len(table)) for item in items]


def key(value: Any) -> Any:
    """What must be equal for two nodes to become copies of one: all but their spans, annotations included."""
    if isinstance(value, tuple):
        return tuple(map(key, value))
    if not isinstance(value, ir.Node):
        return value
    return tuple(key(getattr(value, name)) for name in type(value).model_fields if name != "span")


def keeps_any_type(node: ir.Node) -> bool:
    """Whether a node of a checked network gives the type that it takes, whatever that is."""
    if isinstance(node, ir.Layer):
        return find_layer(node.name).output is LayerType.output
    if isinstance(node, ir.Residual):
        return node.post is None or keeps_any_type(node.post)
    widens = isinstance(node, ir.Parallel) and node.join == "concat"
    return not widens and all(map(keeps_any_type, ir.children(node)))


def has_parameters(node: ir.Node) -> bool:
    if isinstance(node, ir.Layer):
        return node.layer.num_params(1) > 0
    gated = isinstance(node, ir.Residual) and node.gate is not None
    return gated or any(map(has_parameters, ir.children(node)))


# --- what becomes of it -----------------------------------------------------------------------------------------------


def with_stacks(row: Row) -> list[Any]:
    """The best runs as stacks."""
    items, done = [], 0
    for run in best_runs(row.numbers, row.may_be_pattern):
        items += [*row.items[done : run.start], stack(row, run)]
        done = run.end
    return items + row.items[done:]


def stack(row: Row, run: Run) -> ir.Node:
    pattern = shortened(row.items[run.start : run.start + run.period], row.types[run.start])
    body = pattern[0] if len(pattern) == 1 else ir.Sequence(items=tuple(pattern), span=around(pattern))
    count = (run.end - run.start) // run.period
    return merged(ir.Repeat(body=body, count=count, stacked=True, span=around(row.items[run.start : run.end])))


def around(items: Sequence[ir.Node]) -> Span | None:
    """From the first span to the last, where both are of one text."""
    first, last = items[0].span, items[-1].span
    if first is None or last is None or first.source is not last.source or first.start > last.start:
        return first
    return first.to(last)


def copies_joined(row: Row) -> list[Any]:
    """Copies of a stack's body before it and behind it become copies of the stack."""
    items, done = [], 0
    for at, node in enumerate(row.items):
        if at < done or not takes_copies(node):
            continue
        body = numbered(node.body.items if isinstance(node.body, ir.Sequence) else (node.body,), row.table)
        start, end = first_copy(row, body, done, at), last_copy(row, body, at + 1)
        count = node.count + (end - start - 1) // len(body)
        joined = node.model_copy(update={"count": count, "span": around(row.items[start:end])})
        items += [*row.items[done:start], joined]
        done = end
    return items + row.items[done:]


def takes_copies(node: ir.Node) -> bool:
    """A stack without annotations; with more than one copy, it keeps its type."""
    return isinstance(node, ir.Repeat) and node.stacked and not node.is_annotated and node.count > 1


def first_copy(row: Row, body: list[int], low: int, start: int) -> int:
    """Where the copies of the body begin that end at `start`."""
    before = start - len(body)
    while before >= low and row.numbers[before:start] == body and row.keeps(before, start):
        before, start = before - len(body), before
    return start


def last_copy(row: Row, body: list[int], end: int) -> int:
    """Where the copies of the body end that begin at `end`."""
    while row.numbers[end : end + len(body)] == body:
        end += len(body)
    return end


def neighbours_joined(items: list[Any]) -> list[Any]:
    """Stacks side by side that differ in nothing but their counts become one."""
    joined: list[Any] = []
    for item in items:
        if joined and may_join(joined[-1], item):
            changes = {"count": joined[-1].count + item.count, "span": around((joined[-1], item))}
            joined[-1] = joined[-1].model_copy(update=changes)
        else:
            joined.append(item)
    return joined


def may_join(one: ir.Node, other: ir.Node) -> bool:
    if not (isinstance(one, ir.Repeat) and isinstance(other, ir.Repeat) and one.stacked and one.count > 1):
        return False
    return key(one.model_copy(update={"count": other.count})) == key(other)
