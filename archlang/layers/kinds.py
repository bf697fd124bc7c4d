"""The kinds of argument that a layer can take. A kind says what it accepts, and in words what it expects."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from archlang.limits import MAX_WIDTH

Value = bool | int | float | str


class Kind(Protocol):
    """What an argument may be."""

    @property
    def expected(self) -> str: ...

    def accepts(self, value: Value) -> bool: ...


@dataclass(frozen=True)
class Whole:
    """A whole number between two bounds, both included."""

    low: int
    high: int

    @property
    def expected(self) -> str:
        return f"a whole number from {self.low} to {self.high}"

    def accepts(self, value: Value) -> bool:
        return isinstance(value, int) and not isinstance(value, bool) and self.low <= value <= self.high


@dataclass(frozen=True)
class Flag:
    """`true` or `false`."""

    expected: str = "true or false"

    def accepts(self, value: Value) -> bool:
        return isinstance(value, bool)


@dataclass(frozen=True)
class Choice:
    """One of a few names."""

    options: tuple[str, ...]

    @property
    def expected(self) -> str:
        return f"one of {', '.join(self.options)}"

    def accepts(self, value: Value) -> bool:
        return value in self.options


WIDTH = Whole(1, MAX_WIDTH)
FLAG = Flag()
INITIALIZER = Choice(("lecun_uniform", "he", "zeros"))
