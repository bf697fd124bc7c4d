"""Ways to write the same networks with definitions, parameters, axes, lists, arithmetic and needless brackets.

Each takes a draft, a number that picks a place in it, and a source of small choices, and does nothing where there is no such
place. The networks at the default point of the grid stay what they are; at the other points they have the same types.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, count
from random import Random
from typing import Any, TypeVar

from archlang import ir
from archlang.layers import LAYERS, find_layer
from archlang.limits import MAX_COUNT
from archlang.testing.drafts import (
    NAMES,
    Draft,
    Path,
    Place,
    at,
    freedom,
    numbers,
    put,
    sequence,
    walk,
    with_number,
    words,
    written,
)
from archlang.unparse import PLAIN, item, unparse, value

T = TypeVar("T")
Outline = Callable[[Draft, int, Random], None]
MAX_POINTS = 6  # of the grid of a drawn text: a test looks at every point
PRESERVING = tuple(name for name in LAYERS if name not in ("dense", "gaussian", "crelu", "concat_input", "dropout"))


def picked(found: Sequence[T], pick: int) -> T | None:
    return found[pick % len(found)] if found else None


def names(random: Random) -> Iterator[str]:
    """Names to choose from, in some order."""
    start = random.randrange(len(NAMES))
    return chain(NAMES[start:], NAMES[:start], (f"name{i}" for i in count()))


# --- pieces of network → definitions ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class NumberHole:
    """The number in a field of a node inside a piece, as a parameter."""

    path: Path
    name: str

    def argument(self, piece: ir.Node) -> str | None:
        found = dict(numbers(at(piece, self.path))).get(self.name)
        return None if found is None else value(found)

    def filled(self, piece: ir.Node, parameter: str) -> Any:
        return put(piece, self.path, with_number(at(piece, self.path), self.name, f"{{{parameter}}}"))

    def passed(self, parameter: str) -> str:
        return f"{{{parameter}}}"


@dataclass(frozen=True)
class PieceHole:
    """A node inside a piece, as a parameter."""

    path: Path

    def argument(self, piece: ir.Node) -> str | None:
        found = at(piece, self.path)
        return item(found, brackets="<>") if found else None

    def filled(self, piece: ir.Node, parameter: str) -> Any:
        return put(piece, self.path, written(parameter))

    def passed(self, parameter: str) -> str:
        return parameter


def holes(piece: ir.Node) -> list[NumberHole | PieceHole]:
    inside = list(walk(piece))
    found = [NumberHole(path, name) for path, node in inside for name, _ in numbers(node)]
    return [*found, *(PieceHole(path) for path, _ in inside[1:])]


def name_piece(draft: Draft, pick: int, random: Random) -> None:
    """`unit = …`; everything that is equal is written by its name."""
    place = picked(draft.places(), pick)
    if place is None:
        return
    own = parameters_in(place)
    name = draft.define(names(random), place.node, **own)
    use = written(call(name, own, 0))
    share(draft, place, place.node, lambda node: use if node == place.node else node)


def name_pattern(draft: Draft, pick: int, random: Random) -> None:
    """`unit(w) = …`; everything that is equal but for one number or one piece is written as a use of it."""
    place = picked(draft.places(), pick)
    hole = picked(holes(place.node), random.randrange(1000)) if place else None
    if place is None or hole is None:
        return
    parameter = next(name for name in names(random) if name not in words(place.node))
    body, own, style = hole.filled(place.node, parameter), parameters_in(place), random.randrange(4)
    name = draft.define(names(random), body, **{parameter: hole.passed(parameter)}, **own)

    def use(node: ir.Node) -> ir.Node:
        argument = hole.argument(node)
        if argument is None or hole.filled(node, parameter) != body:
            return node
        return written(call(name, {parameter: argument} | own, style))

    share(draft, place, body, use)


def parameters_in(place: Place) -> dict[str, str]:
    """The parameters of the definition around a piece that stand in it, and how they are passed on."""
    there = words(place.node)
    return {name: passed for name, passed in place.definition.parameters.items() if name in there}


def share(draft: Draft, place: Place, body: ir.Node, rule: Callable[[ir.Node], ir.Node]) -> None:
    """Put the rule to what stands around a piece, and to other definitions where the words of the body mean the same."""
    meant, new = words(body), draft.definitions[-1]
    bound = bool(parameters_in(place))
    alike = [d for d in draft.definitions if not bound and d is not new and not meant & d.parameters.keys()]
    draft.rewrite(rule, lambda definition: definition is place.definition or any(definition is d for d in alike))


def call(name: str, arguments: Mapping[str, str], style: int) -> str:
    """`unit(4, ln)`, `unit(w=4, norm=ln)`, `unit4(ln)` or `unit{4}(ln)`."""
    if not arguments:
        return name
    first, *others = arguments.values()
    rest = f"({', '.join(others)})" if others else ""
    plain = PLAIN.fullmatch(first)
    if style == 1:
        return f"{name}({', '.join(f'{parameter}={argument}' for parameter, argument in arguments.items())})"
    if style == 2 and plain and not name[-1].isdigit() and name + first not in NAMES:
        return f"{name}{first}{rest}"
    if style == 3 and plain:
        return f"{name}{{{first}}}{rest}"
    return f"{name}({', '.join(arguments.values())})"


# --- axes -------------------------------------------------------------------------------------------------------------


def choose(draft: Draft, pick: int, random: Random) -> None:
    """`a | b`, at the top of a definition, or in parentheses."""
    place = picked(draft.places(), pick)
    others = alternatives(place.node, random) if place else []
    if place is None or not grown(draft, 1 if place.path else len(place.definition.options), len(others)):
        return
    if place.path:
        place.put(written(f"({' | '.join(map(unparse, (place.node, *others)))})"))
    else:
        place.definition.options += others


def grown(draft: Draft, options: int, more: int) -> bool:
    """Whether an axis may have that many more options; counts them if it may."""
    num_points = draft.num_points // options * (options + more)
    if num_points > MAX_POINTS:
        return False
    draft.num_points = num_points
    return True


def alternatives(node: ir.Expression, random: Random) -> list[ir.Expression]:
    """One or two other pieces that give the same type, whatever they take."""
    others = [ir.Layer(name=name) for name in random.sample(PRESERVING, random.choice((1, 1, 2)))]
    if isinstance(node, ir.Layer) and node.name in PRESERVING:
        return list(others)
    return [sequence(other, node) for other in others]


# How a number may change without a change of types, by what it does; a whole number stays whole.
CHANGED: Mapping[str, Callable[[Any], tuple[Any, ...]]] = {
    "count": lambda count: (count + 1, 2 * count),
    "free": lambda width: (width + 1, 2 * width),
    "rate": lambda rate: (0.5, 0.0),
    "number": lambda number: (0.5, 2.0),
    "gain": lambda gain: (0.5, 2.0),
}


# --- numbers → definitions, arithmetic, axes --------------------------------------------------------------------------

# Arithmetic of a name, and what the name must stand for so that it gives a number.
ARITHMETIC: tuple[tuple[str, Callable[[int], int | None]], ...] = (
    ("n", lambda number: number),
    ("n*2", lambda number: None if number % 2 else number // 2),
    ("n/2", lambda number: number * 2),
    ("n + 1", lambda number: number - 1),
    ("2 + n", lambda number: number - 2),
    ("n - -1", lambda number: number - 1),
    ("8 - n", lambda number: 8 - number),
    ("-n", lambda number: -number),
    ("(n + 1)*2 - n", lambda number: number - 2),
    ("3*(n - 1)/3", lambda number: number + 1),
    ("8/4*n/2", lambda number: number),
)


def name_number(draft: Draft, pick: int, random: Random) -> None:
    """`dense{width}`, `{depth/4}`; equal numbers that do the same share the name, and may be an axis."""
    found = [(place, name, number) for place in draft.places() for name, number in numbers(place.node)]
    chosen = picked(found, pick)
    if chosen is None:
        return
    place, name, number = chosen
    does = freedom(place, name)
    wanted = (number, *(CHANGED[does](number)[: random.choice((0, 0, 1, 2))] if does in CHANGED else ()))
    text = spliced(draft, wanted, random)
    for other, key, same in found if text else ():
        if repr(same) == repr(number) and freedom(other, key) == does:
            other.put(with_number(at(other.definition.options[other.option], other.path), key, text))  # type: ignore[arg-type]


def spliced(draft: Draft, wanted: Sequence[int | float], random: Random) -> str | None:
    """`{depth/4}`, which is the first of the numbers, and at other values of an axis the others; None where nothing fits."""
    arithmetic, stored = random.choice(ways(wanted))
    if min(stored) < 0 and isinstance(stored[0], float):
        return None
    if len(stored) == 1 and random.random() < 0.2 and isinstance(stored[0], int):
        return f"{{{re.sub('n', literal(stored[0]), arithmetic)}}}"
    if not grown(draft, 1, len(stored) - 1):
        return None
    name = draft.define(names(random), *(f"{{{each}}}" if each < 0 else value(each) for each in stored))
    return f"{{{arithmetic.replace('n', name)}}}"


def ways(wanted: Sequence[int | float]) -> list[tuple[str, list[int | float]]]:
    """Arithmetic that gives the numbers wanted, with what its name stands for."""
    if not all(isinstance(number, int) and abs(number) < MAX_COUNT // 8 for number in wanted):
        return [("n", list(wanted))]
    found = [(text, [inverse(number) for number in wanted]) for text, inverse in ARITHMETIC]  # type: ignore[arg-type]
    return [(text, stored) for text, stored in found if None not in stored]  # type: ignore[misc]


def literal(number: int) -> str:
    return f"({number})" if number < 0 else str(number)


INTEGER = re.compile(r"(?<![-\d.e])\d+(?![\d.e])")


def name_part(draft: Draft, pick: int, random: Random) -> None:
    """`depth = {n*2}`, `widths = [{n}, 8]`: a number in a number or a list has a name too."""
    texts = [(d, i, text) for d in draft.definitions for i, text in enumerate(d.options) if isinstance(text, str)]
    found = [(d, i, match) for d, i, text in texts if "{" not in text for match in INTEGER.finditer(text)]
    chosen = picked(found, pick)
    text = spliced(draft, [int(chosen[2].group())], random) if chosen else None
    if chosen and text:
        definition, option, match = chosen
        definition.options[option] = f"{match.string[: match.start()]}{text}{match.string[match.end() :]}"


# --- lists ------------------------------------------------------------------------------------------------------------


def write_list(draft: Draft, pick: int, random: Random) -> None:
    """`<dense{widths}, ln>` for units that differ in numbers alone."""
    found = [(place, unit) for place in draft.places() if (unit := unit_of(place.node))]
    chosen = picked(found, pick)
    if chosen is None:
        return
    place, unit = chosen
    layers, there, arguments = list(unit.layers), words(place.node), dict[str, str]()
    for index, name, column in unit.columns:
        text, how = f"[{', '.join(map(value, column))}]", random.randrange(3)
        if how == 1:
            text = f"{{{draft.define(names(random), text)}}}"
        if how == 2:
            parameter = next(each for each in names(random) if each not in there | arguments.keys())
            arguments[parameter], text = text, f"{{{parameter}}}"
        layers[index] = with_number(layers[index], name, text)
    body, own = written(f"<{', '.join(map(unparse, layers))}>"), parameters_in(place)
    if arguments:
        name = draft.define(names(random), body, **{each: f"{{{each}}}" for each in arguments}, **own)
        body = written(call(name, arguments | own, random.randrange(2)))
    place.put(body)


@dataclass(frozen=True)
class Unit:
    """Layers, and the numbers that change from copy to copy: which layer, which field, the number in each copy."""

    layers: tuple[ir.Layer, ...]
    columns: list[tuple[int, str, list[int | float]]]


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


# --- other spellings --------------------------------------------------------------------------------------------------


def bracket(draft: Draft, pick: int, random: Random) -> None:
    """`(a, b)` where `a, b` would do."""
    place = picked(draft.places(), pick)
    if place:
        place.put(sequence(place.node))


def spell_out(draft: Draft, pick: int, random: Random) -> None:
    """`dense(features=256, bias=true, init=lecun_uniform)`, `dense256(bias=false)`, `par(…, join=sum)`."""
    place = picked(draft.places(), pick)
    if place and isinstance(place.node, ir.Layer) and place.node.name in LAYERS and "{" not in unparse(place.node):
        place.put(written(spelled(place.node, random.randrange(3))))
    if place and isinstance(place.node, ir.Parallel) and place.node.join == "sum":
        place.put(written(f"{unparse(place.node)[:-1]}, join=sum)"))


def spelled(layer: ir.Layer, style: int) -> str:
    arguments = {p.name: getattr(layer.layer, p.name) for p in find_layer(layer.name).parameters()}
    given = {name: value(argument) for name, argument in arguments.items() if argument is not None}
    keywords = [f"{name}={text}" for name, text in given.items()]
    if not given:
        return layer.name
    first = next(iter(given.values()))
    if style == 2 and PLAIN.fullmatch(first) and not layer.name[-1].isdigit():
        return f"{layer.name}{first}({', '.join(keywords[1:])})" if keywords[1:] else f"{layer.name}{first}"
    return f"{layer.name}({', '.join(keywords if style else given.values())})"


OUTLINES: tuple[Outline, ...] = (
    *(name_number, name_piece, name_pattern, choose, write_list, name_part, bracket, spell_out),
    *(name_number, name_pattern, choose, write_list),
)
