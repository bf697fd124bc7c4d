"""Lists of numbers: units that differ in numbers alone are one unit, written out for each number of a list."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from archlang import ir
from archlang.layers import LAYERS
from archlang.testing.drafts import Draft, call, names, picked, words, written
from archlang.testing.numerals import numbers, with_number
from archlang.unparse import unparse, value


def write_list(draft: Draft, pick: int, random: Random) -> None:
    """`<dense{widths}, ln>` for units that differ in numbers alone."""
    found = [(place, unit) for place in draft.places() if (unit := unit_of(place.node))]
    chosen = picked([(place, unit) for place, unit in found if unit.copies > 1] or found, pick)
    if chosen is None:
        return
    place, unit = chosen
    layers, there, arguments = list(unit.layers), words(place.node), dict[str, str]()
    for index, name, column in unit.columns:
        text, how = f"[{', '.join(map(value, column))}]", random.randrange(3)
        free = (each for each in names(random) if each not in there)  # a parameter would hide a definition of its name
        if how == 1:
            name_of_list = draft.define(free, text)
            there, text = there | {name_of_list}, f"{{{name_of_list}}}"
        if how == 2:
            parameter = next(free)
            there, arguments[parameter], text = there | {parameter}, text, f"{{{parameter}}}"
        layers[index] = with_number(layers[index], name, text)
    body, own = written(f"<{', '.join(map(unparse, layers))}>"), place.parameters()
    if arguments:
        name = draft.define(names(random), body, **{each: f"{{{each}}}" for each in arguments}, **own)
        body = written(call(name, arguments | own, random.randrange(2)))
    place.put(body)


@dataclass(frozen=True)
class Unit:
    """Layers, and the numbers that change from copy to copy: which layer, which field, the number in each copy."""

    layers: tuple[ir.Layer, ...]
    columns: list[tuple[int, str, list[int | float]]]

    @property
    def copies(self) -> int:
        return len(self.columns[0][2])


def unit_of(node: ir.Node) -> Unit | None:
    """What a sequence repeats, or one piece as one copy."""
    copies = node.items if isinstance(node, ir.Sequence) else (node,)
    written = [copy.items if isinstance(copy, ir.Sequence) else (copy,) for copy in copies]
    rows = [tuple(layer for layer in row if isinstance(layer, ir.Layer) and layer.name in LAYERS) for row in written]
    if list(map(len, rows)) != list(map(len, written)):
        return None
    if len({tuple(map(without_numbers, row)) for row in rows}) != 1:
        return None
    first = [(index, name) for index, layer in enumerate(rows[0]) for name, _ in plain_numbers(layer)]
    columns = [(index, name, [dict(numbers(row[index]))[name] for row in rows]) for index, name in first]
    changing = [column for column in columns if len(set(map(repr, column[2]))) > 1] or columns[:1]
    return Unit(rows[0], changing) if changing else None


def without_numbers(layer: ir.Layer) -> str:
    for name, _ in plain_numbers(layer):
        layer = with_number(layer, name, "")
    return unparse(layer)


def plain_numbers(layer: ir.Layer) -> list[tuple[str, int | float]]:
    """Without the gain in `orthogonal(1.4)`, which a list cannot stand for."""
    return [(name, number) for name, number in numbers(layer) if not isinstance(dict(layer.arguments)[name], str)]
