"""The surface tree: what was written, where. Frozen dataclasses; every node has its span. Nothing is looked up here."""

from __future__ import annotations

from dataclasses import dataclass

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
    """`(…)` or `<…>`."""

    body: Sequence


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


Item = Call | Group | Times | Stack | Annotated | Number | Splice


@dataclass(frozen=True)
class Sequence(Node):
    """`a, b, c`."""

    items: tuple[Item, ...]


@dataclass(frozen=True)
class Definition(Node):
    """`name = value`."""

    name: str
    name_span: Span
    value: Sequence


@dataclass(frozen=True)
class File(Node):
    """A whole text: definitions, or one bare expression."""

    source: Source
    definitions: tuple[Definition, ...] = ()
    expression: Sequence | None = None
