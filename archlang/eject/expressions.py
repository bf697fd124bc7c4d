"""Calls as they are written in a file: on one line where they fit, else broken at their arguments."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

COLUMNS = 120


@dataclass(frozen=True)
class Call:
    """`nnx.Linear(8, 8, rngs=rngs)`: the head `nnx.Linear(`, three items, the tail `)`. A list is one too."""

    head: str
    items: tuple[Expression, ...]
    tail: str = ")"

    def __str__(self) -> str:
        return f"{self.head}{', '.join(map(str, self.items))}{self.tail}"


Expression = str | Call


def call(function: str, *items: Expression) -> Call:
    """
    >>> str(call("nnx.Linear", "8", "8", "rngs=rngs"))
    'nnx.Linear(8, 8, rngs=rngs)'
    """
    return Call(f"{function}(", items)


def listed(*items: Expression) -> Call:
    return Call("[", items, "]")


def lines(expression: Expression, before: str = "", after: str = "", indent: int = 0) -> Iterator[str]:
    """The lines of an expression; `before` begins the first, `after` ends the last.

    >>> print(*lines(call("f", "x" * 60, "y" * 60), before="y = "), sep="\\n")
    y = f(
        xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx,
        yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy,
    )
    """
    start = " " * indent + before
    flat = f"{start}{expression}{after}"
    if len(flat) <= COLUMNS or isinstance(expression, str) or not expression.items:
        return iter((flat,))
    return broken(expression, start, after, indent)


def broken(expression: Call, start: str, after: str, indent: int) -> Iterator[str]:
    """All items on a line of their own where they fit, else each; a sole one has no comma behind it."""
    row = f"{' ' * (indent + 4)}{', '.join(map(str, expression.items))}"
    alone = len(expression.items) == 1
    yield start + expression.head
    if len(row) <= COLUMNS:
        yield row
    else:
        for item in expression.items:
            yield from lines(item, after="" if alone else ",", indent=indent + 4)
    yield f"{' ' * indent}{expression.tail}{after}"
