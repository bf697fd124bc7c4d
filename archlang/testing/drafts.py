"""Texts while they are drawn: definitions whose values are IR in which some nodes are names, `unit(4)`, or other spellings.

Such a node is `written("unit(4)")`, a layer of that name; a number is replaced by the text `{width}`. `archlang.unparse`, which
writes IR, writes these too.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain, count
from random import Random
from typing import Any, TypeVar

from archlang import ir
from archlang.passes.rewrite import bottom_up, map_children
from archlang.unparse import PLAIN, unparse

T = TypeVar("T")
Path = tuple[int, ...]  # which child, which child of that
MAX_POINTS = 6  # of the grid of a drawn text: a test looks at every point
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

    def parameters(self) -> dict[str, str]:
        """The parameters of the definition that stand in the node, and how they are passed on."""
        there = words(self.node)
        return {name: passed for name, passed in self.definition.parameters.items() if name in there}


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

    def grow(self, options: int, more: int) -> bool:
        """Whether an axis may have that many more options; counts them if it may."""
        num_points = self.num_points // options * (options + more)
        if num_points > MAX_POINTS:
            return False
        self.num_points = num_points
        return True

    def lines(self) -> list[str]:
        """The definitions as text, each on one line; or one expression."""
        if self.anonymous and len(self.definitions) == 1:
            return [str(self.definitions[0]).partition(" = ")[2]]
        return list(map(str, self.definitions))

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


def same(one: ir.Node, other: ir.Node) -> bool:
    """Whether two nodes are equal, with the annotations, which equality leaves out."""
    return one == other and unparse(one) == unparse(other)


def words(node: ir.Node) -> set[str]:
    """The names that a piece of network may refer to, with a number glued to them or not, and some more."""
    return {name for word in WORD.findall(unparse(node)) for name in (word, word.rstrip("0123456789"))}


# --- names ------------------------------------------------------------------------------------------------------------


def picked(found: Sequence[T], pick: int) -> T | None:
    return found[pick % len(found)] if found else None


def names(random: Random) -> Iterator[str]:
    """Names to choose from, in some order."""
    start = random.randrange(len(NAMES))
    return chain(NAMES[start:], NAMES[:start], (f"name{i}" for i in count()))


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
