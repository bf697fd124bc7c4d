"""Two specifications → their structural difference, with what it costs: parameters, FLOPs and saved activations."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from archlang import ir
from archlang.analysis.flops import flops
from archlang.analysis.params import num_params
from archlang.analysis.saved import saved_bytes
from archlang.compare import Change, compare
from archlang.diagnostics import place_json, printable
from archlang.passes.canonicalize import canonical_hash, canonicalize
from archlang.source import Span
from archlang.types import Type

Status = Literal["same", "rewritten", "plan", "changed", "added", "removed"]
Networks = Mapping[str, ir.Network]
Grid = Mapping[str, tuple[str, ...]]  # axes with their values
MAX_CHANGES = 20  # that are shown of the same networks

MEASURES: dict[str, Callable[[ir.Node, Type], int]] = {"params": num_params, "flops": flops, "saved_bytes": saved_bytes}


@dataclass(frozen=True)
class Measure:
    """A number before and after; None where there is no such network, or where its input width is not known."""

    before: int | None
    after: int | None

    @property
    def delta(self) -> int | None:
        return None if self.before is None or self.after is None else self.after - self.before

    def as_json(self) -> dict[str, int | None]:
        return {"before": self.before, "after": self.after, "delta": self.delta}


@dataclass(frozen=True)
class NetworkDifference:
    """What happened to one network.

    `rewritten`: the same network, written differently. `plan`: the same, but for annotations that say how it is run.
    `measures` are of one input row: `params`, `flops` (two per multiply-add, forward), `saved_bytes` (for the backward pass).
    """

    name: str
    status: Status
    changes: tuple[Change, ...]
    measures: Mapping[str, Measure]

    def as_json(self) -> dict[str, Any]:
        measures = {name: measure.as_json() for name, measure in self.measures.items()}
        return {"status": self.status, "changes": [change_json(change) for change in self.changes], **measures}


@dataclass(frozen=True)
class AxisDifference:
    """An axis with other values than before; None where there is no such axis. Networks are compared at the first of them."""

    name: str
    before: tuple[str, ...] | None
    after: tuple[str, ...] | None

    def __str__(self) -> str:
        before, after = ("no axis" if values is None else " | ".join(values) for values in (self.before, self.after))
        return f"axis {self.name}: {before} → {after}"


def axis_differences(before: Grid, after: Grid) -> tuple[AxisDifference, ...]:
    """The axes that are not the same on both sides."""
    names = [name for name in dict.fromkeys([*before, *after]) if before.get(name) != after.get(name)]
    return tuple(AxisDifference(name, before.get(name), after.get(name)) for name in names)


@dataclass(frozen=True)
class Difference:
    """What parts two specifications; false where they are written alike and mean the same."""

    networks: tuple[NetworkDifference, ...]
    axes: tuple[AxisDifference, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.axes) or any(network.status != "same" for network in self.networks)

    def total(self, measure: str) -> Measure:
        """The sum over the networks of each side."""
        found = [(network.status, network.measures[measure]) for network in self.networks]
        before = [m.before for status, m in found if status != "added"]
        after = [m.after for status, m in found if status != "removed"]
        return Measure(summed(before), summed(after))

    def as_json(self) -> dict[str, Any]:
        totals = {name: self.total(name).as_json() for name in MEASURES}
        axes = {axis.name: {"before": axis.before, "after": axis.after} for axis in self.axes}
        return {"axes": axes, "networks": {network.name: network.as_json() for network in self.networks}, **totals}

    def lines(self) -> list[str]:
        """What people read: what is added, removed or the same, then each change once, then the numbers."""
        return [*map(str, self.axes), *statuses(self), *changes(self), *numbers(self)]


def diff(before: Networks, after: Networks, in_features: Mapping[str, int | None]) -> Difference:
    """The difference of the networks of two specifications, `in_features` being the input widths of the networks by name.

    Networks of one name are compared; so are the only network of one side and the only one of the other.
    """
    if len(before) == len(after) == 1 and before.keys() != after.keys():
        (old,), (new,) = before.items(), after.items()
        return Difference((difference(f"{old[0]} → {new[0]}", old[1], new[1], in_features.get(new[0])),))
    names = dict.fromkeys([*before, *after])
    pairs = ((name, before.get(name), after.get(name), in_features.get(name)) for name in names)
    return Difference(tuple(difference(*pair) for pair in pairs))


def difference(name: str, before: ir.Network | None, after: ir.Network | None, in_features: int | None) -> NetworkDifference:
    status, changed = status_of(before, after)
    x = Type.of_input(in_features)
    bodies = [side and canonicalize(side.body) for side in (before, after)]  # what is lowered
    sides = {measure: [measured(count, body, x) for body in bodies] for measure, count in MEASURES.items()}
    return NetworkDifference(name, status, tuple(changed), {measure: Measure(*both) for measure, both in sides.items()})


def status_of(before: ir.Network | None, after: ir.Network | None) -> tuple[Status, list[Change]]:
    if before is None or after is None:
        return ("added" if before is None else "removed"), []
    found = compare(before.body, after.body)
    if not found:
        return "same", []
    if canonical_hash(before.body) != canonical_hash(after.body):
        return "changed", found
    plan = compare(canonicalize(before.body), canonicalize(after.body))  # they differ in annotations alone
    return ("plan" if plan else "rewritten"), plan


def measured(count: Callable[[ir.Node, Type], int], body: ir.Node | None, x: Type) -> int | None:
    return None if body is None or x.width is None else count(body, x)


def summed(numbers: Sequence[int | None]) -> int | None:
    return None if None in numbers else sum(number or 0 for number in numbers)


# --- for programs -----------------------------------------------------------------------------------------------------


def change_json(change: Change) -> dict[str, Any]:
    what = {"kind": change.kind, "where": list(change.where), "note": change.note}
    sides = {"before": (change.before, change.before_span), "after": (change.after, change.after_span)}
    return what | {side: {"text": text} | place_json(span) if text else None for side, (text, span) in sides.items()}


# --- for people -------------------------------------------------------------------------------------------------------

PLAN = "the same, under another plan"
SAID: dict[Status, str] = {
    "removed": "removed",
    "added": "added",
    "same": "the same",
    "rewritten": "the same, written differently",
}
Places = dict[Any, list[tuple[str, Change]]]  # by change, wherever it was found: the network and the change there


def statuses(found: Difference) -> list[str]:
    """`g_encoder: removed`."""
    names = {status: [network.name for network in found.networks if network.status == status] for status in SAID}
    return [f"{', '.join(names[status])}: {said}" for status, said in SAID.items() if names[status]]


def changes(found: Difference) -> list[str]:
    """The changes under the networks that have them; one in a definition that is used at several places is shown once."""
    places: Places = {}
    for network in found.networks:
        for change in network.changes:
            places.setdefault(identity(change), []).append((network.name, change))
    groups: dict[tuple[str, ...], list[tuple[str, str]]] = {}
    for uses in places.values():
        groups.setdefault(tuple(dict.fromkeys(name for name, _ in uses)), []).append(described(uses))
    only_plan = {network.name for network in found.networks if network.status == "plan"}
    said = {names: f": {PLAN}" if only_plan.issuperset(names) else "" for names in groups}
    return [line for names, rows in groups.items() for line in (", ".join(names) + said[names], *table(rows))]


def identity(change: Change) -> Any:
    """Equal for what is one change to people: at the same places of the texts, whatever uses them."""
    spans = (change.before_span, change.after_span)
    annotation = change.note if change.kind == "plan" else ""
    return change.kind, annotation, change.before, change.after, spans if any(spans) else (change.where, change.note)


def described(uses: Sequence[tuple[str, Change]]) -> tuple[str, str]:
    """The change and where it lies, and the lines of the texts."""
    first = uses[0][1]
    wheres = {change.where for _, change in uses}
    inside = f"{len(wheres)} places" if len(wheres) > 1 else " › ".join(first.where)
    plan = "plan of " if first.kind == "plan" else "in "
    lines = dict.fromkeys(place(span) for span in (first.before_span, first.after_span) if span)
    return f"{plan}{inside}: {first}" if inside else str(first), " → ".join(lines)


def place(span: Span) -> str:
    return f"{span.source.name}:{span.line}"


def table(rows: Sequence[tuple[str, str]]) -> list[str]:
    """The rows as two columns, the first ones of many."""
    width = max(len(row[0]) for row in rows[:MAX_CHANGES])
    more = [f"  and {len(rows) - MAX_CHANGES:,} more"] if len(rows) > MAX_CHANGES else []
    return [printable(f"  {what:<{width}}   {lines}".rstrip()) for what, lines in rows[:MAX_CHANGES]] + more


WIDTHS_UNKNOWN = "parameters, FLOPs and saved activations depend on the input widths: `--env E` or `--in N`"
TITLES = {"params": "parameters", "flops": "FLOPs per row, forward", "saved_bytes": "saved activations per row, bytes"}


def numbers(found: Difference) -> list[str]:
    """The measures of all networks together that are known on both sides, if anything differs."""
    if all(network.status in ("same", "rewritten") for network in found.networks):
        return []
    measures = {title: found.total(measure) for measure, title in TITLES.items()}
    known = {title: measure for title, measure in measures.items() if measure.delta is not None}
    return in_columns([[title, *cells(measure)] for title, measure in known.items()]) if known else [WIDTHS_UNKNOWN]


def cells(measure: Measure) -> tuple[str, str, str]:
    """`1,024 → 4,096`, `+3,072`, `× 4`."""
    if not measure.delta:
        return f"{measure.after:,}", "unchanged", ""
    times = f"{measure.after / measure.before:.3g}" if measure.before and measure.after else "1"
    return f"{measure.before:,} → {measure.after:,}", f"{measure.delta:+,}", f"× {times}" if times != "1" else ""


def in_columns(rows: Sequence[Sequence[str]]) -> list[str]:
    """Numbers end below each other, whatever stands before them."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    padded = ([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])] for row in rows)
    return ["   ".join(row).rstrip() for row in padded]
