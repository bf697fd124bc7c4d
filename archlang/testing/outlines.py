"""Ways to write the same networks with definitions, parameters, axes, lists, arithmetic and needless brackets.

Each takes a draft, a number that picks a place in it, and a source of small choices, and does nothing where there is no such
place. The networks at the default point of the grid stay what they are; at the other points they have the same types.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Any

from archlang import ir
from archlang.layers import LAYERS, find_layer
from archlang.testing.drafts import Draft, Path, Place, at, call, names, picked, put, same, sequence, walk, words, written
from archlang.testing.lists import write_list
from archlang.testing.numerals import name_number, name_part, numbers, with_number
from archlang.unparse import PLAIN, item, unparse, value

Outline = Callable[[Draft, int, Random], None]
PRESERVING = tuple(name for name in LAYERS if name not in ("dense", "gaussian", "crelu", "concat_input", "dropout"))


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
    own = place.parameters()
    name = draft.define(names(random), place.node, **own)
    use = written(call(name, own, 0))
    share(draft, place, place.node, lambda node: use if same(node, place.node) else node)


def name_pattern(draft: Draft, pick: int, random: Random) -> None:
    """`unit(w) = …`; everything that is equal but for one number or one piece is written as a use of it."""
    place = picked(draft.places(), pick)
    hole = picked(holes(place.node), random.randrange(1000)) if place else None
    if place is None or hole is None:
        return
    parameter = next(name for name in names(random) if name not in words(place.node))
    body, own, style = hole.filled(place.node, parameter), place.parameters(), random.randrange(4)
    name = draft.define(names(random), body, **{parameter: hole.passed(parameter)}, **own)

    def use(node: ir.Node) -> ir.Node:
        argument = hole.argument(node)
        if argument is None or not same(hole.filled(node, parameter), body):
            return node
        return written(call(name, {parameter: argument} | own, style))

    share(draft, place, body, use)


def share(draft: Draft, place: Place, body: ir.Node, rule: Callable[[ir.Node], ir.Node]) -> None:
    """Put the rule to what stands around a piece, and to other definitions where the words of the body mean the same."""
    meant, new = words(body), draft.definitions[-1]
    bound = bool(place.parameters())
    alike = [d for d in draft.definitions if not bound and d is not new and not meant & d.parameters.keys()]
    draft.rewrite(rule, lambda definition: definition is place.definition or any(definition is d for d in alike))


# --- axes -------------------------------------------------------------------------------------------------------------


def choose(draft: Draft, pick: int, random: Random) -> None:
    """`a | b`, at the top of a definition, or in parentheses."""
    place = picked(draft.places(), pick)
    others = alternatives(place.node, random) if place else []
    if place is None or not draft.grow(1 if place.path else len(place.definition.options), len(others)):
        return
    if place.path:
        place.put(written(f"({' | '.join(map(unparse, (place.node, *others)))})"))
    else:
        place.definition.options += others


def alternatives(node: ir.Expression, random: Random) -> list[ir.Expression]:
    """One or two other pieces that give the same type, whatever they take."""
    layers = [name for name in PRESERVING if name != getattr(node, "name", None)]
    others = [ir.Layer(name=name) for name in random.sample(layers, random.choice((1, 1, 2)))]
    if isinstance(node, ir.Layer) and node.name in PRESERVING:
        return list(others)
    return [sequence(other, node) for other in others]


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


def glue(draft: Draft, random: Random) -> None:
    """`dense{width}` for some of what is `dense({width})`."""
    draft.rewrite(lambda node: written(glued(node)) if is_braced(node) and random.random() < 0.5 else node, lambda _: True)


def is_braced(node: ir.Node) -> bool:
    """Whether the first thing that a layer can take is in braces."""
    if not isinstance(node, ir.Layer) or not node.arguments:
        return False
    name, argument = node.arguments[0]
    return str(argument).startswith("{") and name == find_layer(node.name).parameters()[0].name


def glued(layer: ir.Layer) -> str:
    (_, first), *others = layer.arguments
    keywords = ", ".join(f"{name}={value(argument)}" for name, argument in others)
    return f"{layer.name}{first}({keywords})" if keywords else f"{layer.name}{first}"


OUTLINES: tuple[Outline, ...] = (
    *(name_number, name_piece, name_pattern, choose, write_list, name_part, bracket, spell_out),
    *(name_number, name_pattern, choose, write_list),
)
