"""The surface tree: what was written, where. Frozen dataclasses; every node has its span. Nothing is looked up here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from archlang.diagnostics import Diagnostic
from archlang.source import Source, Span


@dataclass(frozen=True)
class Node:
    """Base of the surface tree."""

    span: Span


# --- numbers: `64`, `{depth/4}` ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Number(Node):
    """A literal, as written; it may be far too long to be a number."""

    text: str


@dataclass(frozen=True)
class Variable(Node):
    """A name inside braces."""

    name: str


@dataclass(frozen=True)
class Negative(Node):
    """`-a` inside braces."""

    operand: Arithmetic


@dataclass(frozen=True)
class Binary(Node):
    """`a + b`, `a - b`, `a * b`, `a / b` inside braces."""

    operator: str
    left: Arithmetic
    right: Arithmetic


Arithmetic = Number | Variable | Negative | Binary


@dataclass(frozen=True)
class Splice(Node):
    """`{…}`: arithmetic where a number is wanted."""

    value: Arithmetic


@dataclass(frozen=True)
class List(Node):
    """`[512, 256, 256]`."""

    items: tuple[Number | Splice, ...]


# --- pieces of network ------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Argument(Node):
    """`value` or `keyword=value` in a call."""

    value: Item
    keyword: str | None = None
    keyword_span: Span | None = None


@dataclass(frozen=True)
class Call(Node):
    """`name`, `name256`, `name{n}`, `name(…)`: a layer, a definition, `res` or `par`."""

    name: str
    name_span: Span
    glued: Splice | None = None
    branches: tuple[tuple[Argument, ...], ...] | None = None  # parted by `;`; None: no brackets were written


@dataclass(frozen=True)
class Group(Node):
    """`(…)`, which may hold an axis, or `<…>`, a unit."""

    body: Axis
    unit: bool


@dataclass(frozen=True)
class Times(Node):
    """`4x body`."""

    count: Number | Splice
    body: Item


@dataclass(frozen=True)
class Stack(Node):
    """`body*250`."""

    body: Item
    count: Number | Splice


@dataclass(frozen=True)
class Annotated(Node):
    """`@remat(full) body`."""

    name: str
    name_span: Span
    arguments: tuple[tuple[Argument, ...], ...]
    body: Item


Item = Call | Group | Times | Stack | Annotated | Number | Splice | List


@dataclass(frozen=True)
class Sequence(Node):
    """`a, b, c`."""

    items: tuple[Item, ...]


@dataclass(frozen=True)
class Axis(Node):
    """`a | b | c`: alternatives, the first is the default. Most have one and are no axis at all."""

    options: tuple[Sequence, ...]


# --- files ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Name(Node):
    """A name where it is introduced."""

    text: str


@dataclass(frozen=True)
class Definition(Node):
    """`name = value` or `name(a, b) = value`."""

    name: str
    name_span: Span
    value: Axis
    parameters: tuple[Name, ...] = ()


@dataclass(frozen=True)
class Use(Node):
    """`use "path"`; the span is that of the path with its quotes."""

    path: str


@dataclass(frozen=True, eq=False)
class File(Node):
    """A whole text: definitions, or one bare expression. `mistakes` are those that did not keep it from being read on."""

    source: Source
    uses: tuple[Use, ...] = ()
    definitions: tuple[Definition, ...] = ()
    expression: Axis | None = None
    mistakes: tuple[Diagnostic, ...] = ()
    broken: frozenset[str] = frozenset()  # names whose definitions hold a syntax mistake
    incomplete: bool = False  # a file that it uses could not be read, so that any name may be missing

    def __eq__(self, other: object) -> bool:
        """Whether it is the same object: so what depends on a file can be remembered, whatever it holds."""
        return self is other

    def __hash__(self) -> int:
        return id(self)

    @cached_property
    def by_name(self) -> Mapping[str, Definition]:
        return {definition.name: definition for definition in self.definitions}


def walk(node: Node) -> Iterator[Node]:
    """A node and everything inside it, in the order of the text."""
    todo = [node]
    while todo:
        node = todo.pop()
        yield node
        todo += reversed(tuple(children(node)))


def children(node: Node) -> Iterator[Node]:
    """The nodes directly inside a node, in the order of the text."""
    for value in vars(node).values():
        if isinstance(value, Node):
            yield value
        elif isinstance(value, tuple):
            yield from flat(value)


def flat(values: tuple[object, ...]) -> Iterator[Node]:
    for value in values:
        if isinstance(value, Node):
            yield value
        elif isinstance(value, tuple):
            yield from flat(value)
