"""Two pieces of network, compared as they are written: what was changed, added and removed, and where.

Things in sequence are aligned; brackets that only group are not looked at. Inside an item that stays in its place, such as
`res(…)*16`, its body is compared with the body of its partner.
"""

from __future__ import annotations

from bisect import bisect
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from archlang import ir
from archlang.passes.canonicalize import canonicalize, without_annotations
from archlang.passes.rewrite import bottom_up, map_children
from archlang.source import Span
from archlang.unparse import unparse

Kind = Literal["changed", "added", "removed", "plan"]
Items = Sequence[ir.Node]
Key = Callable[[ir.Node], Hashable]
Pairs = Sequence[tuple[ir.Node, ir.Node]]
MAX_TEXT, CONTEXT = 60, 12  # characters of a piece of network that are shown; of what two have in common, at each end
MAX_ALIGNED = 200 * 200  # pairs of items that are looked at to align two sequences; difflib's worst case is cubic


@dataclass(frozen=True)
class Change:
    """One difference. `plan`: of one annotation of a stack, which says how the network is run and not what it computes."""

    kind: Kind
    where: tuple[str, ...]  # what it lies in, from the outside in: `res(…)*16`, `par(…; …)`, `branch 2`
    before: str  # as it is written, or empty
    after: str
    note: str = ""  # which one it is where several are alike, what an added one follows, or which annotation
    before_span: Span | None = None
    after_span: Span | None = None

    def __str__(self) -> str:
        return {
            "changed": f"{self.before}{self.note and f' ({self.note})'} → {self.after}",
            "added": f"{self.after} added{self.note and f' {self.note}'}",
            "removed": f"{self.before} removed{self.note and f' ({self.note})'}",
            "plan": f"{self.note} {self.before} → {self.after}",
        }[self.kind]


def compare(before: ir.Node, after: ir.Node) -> list[Change]:
    """Every difference between two pieces of network, in the order in which they stand.

    >>> from archlang import parse
    >>> before, after = (parse(text).networks["network"].body for text in ("res(dense8, ln)*4", "res(dense8, rms)*8"))
    >>> [str(change) for change in compare(before, after)]
    ['res(…)*4 → res(…)*8', 'ln → rms']
    """
    return list(aligned(items(ungrouped(before)), items(ungrouped(after)), ()))


# --- sequences --------------------------------------------------------------------------------------------------------


def ungrouped(node: ir.Node) -> ir.Node:
    """The same without sequences in sequences."""
    return bottom_up(node, spliced)


def spliced(node: ir.Node) -> ir.Node:
    if not isinstance(node, ir.Sequence):
        return node
    inner = tuple(item for part in node.items for item in items(part))
    return inner[0] if len(inner) == 1 else node.model_copy(update={"items": inner})


def items(node: ir.Node) -> Any:
    return node.items if isinstance(node, ir.Sequence) else (node,)


def aligned(before: Items, after: Items, where: tuple[str, ...]) -> Iterator[Change]:
    """The changes that turn one sequence into another."""
    one, other = Named(before, where), Named(after, where)
    numbers: dict[ir.Node, int] = {}

    def number_of(item: ir.Node) -> int:  # equal for equal items, and quicker to compare
        return numbers.setdefault(item, len(numbers))

    return matched(one, other, range(len(before)), range(len(after)), (number_of, kind_of, family_of))


def matched(one: Named, other: Named, left: range, right: range, keys: Sequence[Key]) -> Iterator[Change]:
    """Items of equal key are partners; between them, those of equal key by the next one; what is left was replaced."""
    if not keys:
        yield from paired(one, other, left, right) if len(left) == len(right) == 1 else run(one, other, left, right)
        return
    found = [[keys[0](named.items[index]) for index in side] for named, side in ((one, left), (other, right))]
    for equal, its, others in blocks(*found):
        here = left[its.start : its.stop], right[others.start : others.stop]
        yield from paired(one, other, *here) if equal else matched(one, other, *here, keys[1:])


def kind_of(node: ir.Node) -> str:
    return node.name if isinstance(node, ir.Layer) else type(node).__name__


def family_of(node: ir.Node) -> str:
    """The file of a layer: a norm takes the place of a norm, an activation that of an activation."""
    return type(node.layer).__module__ if isinstance(node, ir.Layer) else "combinator"


def paired(one: Named, other: Named, left: range, right: range) -> Iterator[Change]:
    for index, its in zip(left, right, strict=True):
        yield from inside(one, index, other, its)


def run(one: Named, other: Named, left: range, right: range) -> Iterator[Change]:
    """Neighbours that were added, removed, or replaced by more or fewer."""
    before, after = cut(one.text_of(left), other.text_of(right))
    kind: Kind = "changed" if before and after else "removed" if before else "added"
    note = other.position(right) if not before else one.ordinal(left.start) if len(left) == 1 else ""
    yield Change(kind, one.where, before, after, note, one.span(left), other.span(right))


def blocks(before: Sequence[Any], after: Sequence[Any]) -> Iterator[tuple[bool, range, range]]:
    """The sequences in blocks that are equal or not; the longest common ends are found first, which is mostly all there is."""
    head = shared(before, after)
    tail = shared(before[head:][::-1], after[head:][::-1])
    middle = before[head : len(before) - tail], after[head : len(after) - tail]
    yield True, range(head), range(head)
    for tag, i, i_end, j, j_end in opcodes(*middle):
        yield tag == "equal", range(head + i, head + i_end), range(head + j, head + j_end)
    yield True, range(len(before) - tail, len(before)), range(len(after) - tail, len(after))


def shared(before: Sequence[Any], after: Sequence[Any]) -> int:
    """How long the beginning is that two sequences have in common."""
    pairs = enumerate(zip(before, after, strict=False))
    return next((index for index, (one, other) in pairs if one != other), min(len(before), len(after)))


def opcodes(before: Sequence[Any], after: Sequence[Any]) -> Sequence[tuple[str, int, int, int, int]]:
    if not before and not after:
        return []
    if len(before) * len(after) > MAX_ALIGNED:
        return [("replace", 0, len(before), 0, len(after))]
    from difflib import SequenceMatcher  # nothing but `archlang diff` needs it

    return SequenceMatcher(None, before, after, autojunk=False).get_opcodes()


class Named:
    """Items in sequence with the texts under which people know them."""

    def __init__(self, items: Items, where: tuple[str, ...]):
        self.items, self.where = items, where
        self.frames = [outline(item) for item in items]
        self.outlines = [unparse(without_annotations(frame)) for frame in self.frames]
        self.names = [short(text) for text in self.outlines]
        self.alike: dict[str, list[int]] = {}
        for index, text in enumerate(self.outlines):
            self.alike.setdefault(text, []).append(index)

    def ordinal(self, index: int) -> str:
        """`2nd of 3`; nothing where no other is alike."""
        alike = self.alike[self.outlines[index]]
        return f"{nth(bisect(alike, index))} of {len(alike)}" if len(alike) > 1 else ""

    def position(self, indices: range) -> str:
        """Where neighbours stand: at an end, or after which item."""
        if indices.start == 0:
            return "at the start"
        return "at the end" if indices.stop == len(self.items) else f"after {self.name(indices.start - 1)}"

    def name(self, index: int) -> str:
        note = self.ordinal(index)
        return f"{self.names[index]}{note and f' ({note})'}"

    def text_of(self, indices: range) -> str:
        return ", ".join(unparse(self.items[index]) for index in indices)

    def span(self, indices: range) -> Span | None:
        return self.items[indices.start].span if indices else None


def nth(number: int) -> str:
    teen = 10 < number % 100 < 14
    return f"{number}{'th' if teen else {1: 'st', 2: 'nd', 3: 'rd'}.get(number % 10, 'th')}"


# --- one item and its partner -----------------------------------------------------------------------------------------


def inside(one: Named, index: int, other: Named, its: int) -> Iterator[Change]:
    """The changes of an item that stays in its place."""
    left, right = list(bodies(one.items[index])), list(bodies(other.items[its]))
    if len(left) != len(right):
        yield from run(one, other, range(index, index + 1), range(its, its + 1))
        return
    yield from outside(one, index, other, its)
    where = (*one.where, one.name(index))
    for (labels, old), (_, new) in zip(left, right, strict=True):
        yield from aligned(items(old), items(new), (*where, *labels))


def outside(one: Named, index: int, other: Named, its: int) -> Iterator[Change]:
    """The changes of its outline and its plan; where it cannot be told which stack became which, the outlines show the plan."""
    frames, spans = (one.frames[index], other.frames[its]), (one.items[index].span, other.items[its].span)
    pairs = partners(*frames)
    before, after = (one.outlines[index], other.outlines[its]) if pairs is not None else map(unparse, frames)
    if before != after:
        yield Change("changed", one.where, *cut(before, after), one.ordinal(index), *spans)
    for annotation, old, new in plan_changes(pairs or ()):
        yield Change("plan", (*one.where, one.name(index)), old, new, annotation, *spans)


def bodies(node: ir.Node) -> Iterator[tuple[tuple[str, ...], ir.Node]]:
    """What an item holds and its outline does not show, through combinators directly inside one another; with labels."""
    for label, child in held(node):
        labels = (label,) if label else ()
        if is_combinator(child):
            yield from (((*labels, *more), body) for more, body in bodies(child))
        else:
            yield labels, child


def held(node: ir.Node) -> list[tuple[str, ir.Node]]:
    if isinstance(node, ir.Parallel):
        return [(f"branch {number}", branch) for number, branch in enumerate(node.branches, 1)]
    if isinstance(node, ir.Residual) and node.post is not None and not isinstance(node.post, ir.Layer):
        return [("", node.body), ("post", node.post)]
    return [("", node.body)] if isinstance(node, ir.Residual) else [("", child) for child in ir.children(node)]


def is_combinator(node: ir.Node) -> bool:
    return not isinstance(node, ir.Layer | ir.Sequence)


def partners(before: ir.Node, after: ir.Node) -> Pairs | None:
    """The stack in two outlines, if either has one, at the same place. Stacks that are lowered as one are one."""
    left, right = (list(stacks(canonicalize(frame), ())) for frame in (before, after))
    if len(left) > 1 or [place for place, _ in left] != [place for place, _ in right]:
        return None
    return [(one, other) for (_, one), (_, other) in zip(left, right, strict=True)]


def plan_changes(pairs: Pairs) -> Iterator[tuple[str, str, str]]:
    """The annotations that differ."""
    for one, other in pairs:
        for annotation in ("remat", "unroll"):
            old, new = getattr(one, annotation), getattr(other, annotation)
            if old != new:
                yield annotation, str(old or "default"), str(new or "default")


def stacks(node: ir.Node, place: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], ir.Node]]:
    """The stacks directly inside one another, each with its place: the combinators around it and the branches of those."""
    if isinstance(node, ir.Repeat) and node.stacked:
        yield place, node
    for label, child in held(node):
        if is_combinator(child):
            yield from stacks(child, (*place, label))


# --- texts ------------------------------------------------------------------------------------------------------------

REST = ir.Sequence.model_construct(items=(ir.Layer.model_construct(name="…", arguments=(), span=None),), span=None)


def outline(node: ir.Node) -> Any:
    """An item with `…` for what it holds: `@remat(full) res(…)*16`; a layer as it is."""
    if isinstance(node, ir.Layer):
        return node
    hollow = map_children(node, lambda child: outline(child) if is_combinator(child) else REST)
    if isinstance(node, ir.Residual) and isinstance(node.post, ir.Layer):
        return hollow.model_copy(update={"post": node.post})
    return hollow


def short(text: str) -> str:
    """The text, cut in the middle where it is long."""
    half = MAX_TEXT // 2 - 1
    return text if len(text) <= MAX_TEXT else f"{text[:half]} … {text[-half:]}"


def cut(before: str, after: str) -> tuple[str, str]:
    """Two texts; of long ones what they have in common is left away, but for a few characters, and then they are cut."""
    if max(len(before), len(after)) <= MAX_TEXT or not (before and after):
        return short(before), short(after)
    head = shared(before, after)
    tail = shared(before[head:][::-1], after[head:][::-1])
    start = f"… {before[head - CONTEXT : head]}" if head > 2 * CONTEXT else before[:head]
    rest = before[len(before) - tail :]
    end = f"{rest[:CONTEXT]} …" if tail > 2 * CONTEXT else rest
    one, other = (short(text[head : len(text) - tail]) for text in (before, after))
    return f"{start}{one}{end}", f"{start}{other}{end}"
