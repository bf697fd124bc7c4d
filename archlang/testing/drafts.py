"""Texts while they are drawn: definitions whose values are IR in which some nodes are names, `unit(4)`, or other spellings.

Such a node is `written("unit(4)")`, a layer of that name; a number is replaced by the text `{width}`. `archlang.unparse`, which
writes IR, writes these too.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from archlang import ir
from archlang.layers import LAYERS, Value, find_layer
from archlang.layers.kinds import Number, split_gain
from archlang.passes.rewrite import bottom_up, map_children
from archlang.unparse import unparse

Path = tuple[int, ...]  # which child, which child of that
WORD = re.compile(r"[A-Za-z_]\w*")
NAMES = (
    *("width", "depth", "norm", "act", "unit", "block", "w", "n", "a", "b", "A", "_", "unit_1", "a1", "a10"),
    *("x", "x2", "e1", "ln2", "dense_", "res_", "par2", "use_", "net1", "network"),  # like other words of the language
    *("he", "zeros", "full", "bf16", "sum", "highway", "bias", "gate", "post", "join", "remat", "unroll"),  # values, keywords
)


def written(text: str) -> ir.Layer:
    """A piece of network that is written so, and binds like a call."""
    return ir.Layer.model_construct(name=text, arguments=())


def sequence(*items: ir.Expression) -> ir.Sequence:
    """Things in sequence, written ones among them."""
    return ir.Sequence.model_construct(items=items)


@dataclass
class Definition:
    """`name(parameters) = option | option`; an option that is a number or a list is text."""

    name: str
    options: list[ir.Expression | str]
    parameters: dict[str, str] = field(default_factory=dict)  # and how each is passed on: `{w}`, or `unit`

    def __str__(self) -> str:
        parameters = f"({', '.join(self.parameters)})" if self.parameters else ""
        options = (option if isinstance(option, str) else unparse(option) for option in self.options)
        return f"{self.name}{parameters} = {' | '.join(options)}"


@dataclass(frozen=True)
class Place:
    """A node of a draft."""

    definition: Definition
    option: int
    path: Path
    node: Any

    def put(self, node: ir.Expression) -> None:
        options = self.definition.options
        options[self.option] = put(options[self.option], self.path, node)


@dataclass
class Draft:
    """A specification that is being written; the first definitions are its networks."""

    definitions: list[Definition]
    anonymous: bool = False  # a single network without parameters needs no name
    num_points: int = 1  # of the grid

    def define(self, names: Iterator[str], *options: ir.Expression | str, **parameters: str) -> str:
        """A new definition; returns its name."""
        taken = {name for d in self.definitions for name in (d.name, *d.parameters)}
        name = next(name for name in names if name not in taken and name not in parameters)
        self.definitions.append(Definition(name, list(options), parameters))
        return name

    def places(self) -> list[Place]:
        options = ((d, i, option) for d in self.definitions for i, option in enumerate(d.options))
        trees = ((d, i, option) for d, i, option in options if not isinstance(option, str))
        return [Place(d, i, path, node) for d, i, tree in trees for path, node in walk(tree)]

    def rewrite(self, rule: Callable[[Any], Any], allowed: Callable[[Definition], bool]) -> None:
        """Put the rule to every node of the definitions that are allowed, innermost first."""
        for definition in filter(allowed, self.definitions):
            definition.options = [o if isinstance(o, str) else bottom_up(o, rule) for o in definition.options]


# --- nodes by their path ----------------------------------------------------------------------------------------------


def walk(node: ir.Node, path: Path = ()) -> Iterator[tuple[Path, ir.Node]]:
    """A node and all nodes in it, with their paths from it."""
    yield path, node
    for index, child in enumerate(ir.children(node)):
        yield from walk(child, (*path, index))


def at(node: ir.Node, path: Path) -> ir.Node | None:
    """The node at a path, where there is one."""
    for index in path:
        children = ir.children(node)
        if index >= len(children):
            return None
        node = children[index]
    return node


def put(node: Any, path: Path, new: ir.Node) -> Any:
    """The node with another at a path."""
    if not path:
        return new
    index = count()
    return map_children(node, lambda child: put(child, path[1:], new) if next(index) == path[0] else child)


def words(node: ir.Node) -> set[str]:
    """The names that a piece of network may refer to, with a number glued to them or not, and some more."""
    return {name for word in WORD.findall(unparse(node)) for name in (word, word.rstrip("0123456789"))}


# --- numbers of a node ------------------------------------------------------------------------------------------------


def numbers(node: Any) -> list[tuple[str, int | float]]:
    """The numbers of a node that are still written out, by the field that they stand in."""
    if isinstance(node, ir.Layer):
        found = [(name, gain(value)) for name, value in node.arguments]
    else:
        found = [(name, getattr(node, name, None)) for name in ("count", "unroll", "scale")]
    return [(name, value) for name, value in found if isinstance(value, int | float) and not isinstance(value, bool)]


def gain(value: Value) -> Value | None:
    """The number in `orthogonal(1.4)`; of another value, itself."""
    return split_gain(value)[1] if isinstance(value, str) else value


def with_number(node: Any, name: str, text: str) -> Any:
    """The node with that text in the place of a number."""
    if not isinstance(node, ir.Layer):
        return node.model_copy(update={name: text})
    arguments = tuple((key, in_place(value, text) if key == name else value) for key, value in node.arguments)
    return node.model_copy(update={"arguments": arguments})


def in_place(value: Value, text: str) -> str:
    return f"{split_gain(value)[0]}({text})" if isinstance(value, str) else text


def freedom(place: Place, name: str) -> str:
    """What a number does: a network with another `count`, `rate`, `gain`, `number` or `free` width has the same types."""
    node = place.node
    if isinstance(node, ir.Repeat):
        return "count" if name == "count" and node.unroll is None else "fixed"
    if not isinstance(node, ir.Layer):
        return "number"
    kind = next(p.kind for p in find_layer(node.name).parameters() if p.name == name)
    if isinstance(kind, Number):
        return "number" if kind.high > 1 else "rate"
    return "gain" if name == "init" else "free" if name == "features" and is_free(place) else "fixed"


def is_free(place: Place) -> bool:
    """Whether the width that a layer gives only goes into another matrix."""
    if not place.path:
        return False
    around = at(place.definition.options[place.option], place.path[:-1])  # type: ignore[arg-type]
    behind = around.items[place.path[-1] + 1 :] if isinstance(around, ir.Sequence) else ()
    for item in behind:
        if not isinstance(item, ir.Layer) or item.name not in LAYERS:
            return False
        if item.name in ("dense", "gaussian"):
            return True
    return False
