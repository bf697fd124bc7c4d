"""The kinds of argument that a layer can take. A kind says what it accepts, and in words what it expects."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Protocol

from archlang.limits import MAX_NUMBER, MAX_WIDTH, MIN_NUMBER

Value = bool | int | float | str


class Kind(Protocol):
    """What an argument may be."""

    @property
    def expected(self) -> str: ...

    @property
    def example(self) -> Value:
        """A value that is accepted."""
        ...

    def accepts(self, value: Value) -> bool: ...

    def canonical(self, value: Value) -> Value:
        """The one form of a value that can be written in several: 0.0 for the number 0."""
        ...


@dataclass(frozen=True)
class Whole:
    """A whole number between two bounds, both included."""

    low: int
    high: int

    @property
    def expected(self) -> str:
        return f"a whole number from {self.low} to {self.high}"

    @property
    def example(self) -> Value:
        return min(max(self.low, 256), self.high)

    def accepts(self, value: Value) -> bool:
        return isinstance(value, int) and not isinstance(value, bool) and self.low <= value <= self.high

    def canonical(self, value: Value) -> Value:
        return value


@dataclass(frozen=True)
class Number:
    """A number of float32 from `low` (included) to below `high`."""

    low: float = -math.inf
    high: float = math.inf

    @property
    def expected(self) -> str:
        bounds = {(False, False): "", (True, False): f" from {self.low:g}", (False, True): f" below {self.high:g}"}
        both = f" from {self.low:g} to below {self.high:g}"
        return "a number" + bounds.get((math.isfinite(self.low), math.isfinite(self.high)), both)

    @property
    def example(self) -> Value:
        return next(value for value in (0.1, self.low, self.high - 1.0) if self.accepts(value))

    def accepts(self, value: Value) -> bool:
        if isinstance(value, bool | str):
            return False
        return fits_float32(value) and self.low <= value < self.high

    def canonical(self, value: Value) -> Value:
        return float(value) + 0.0  # -0.0 is 0.0


@dataclass(frozen=True)
class Flag:
    """`true` or `false`."""

    expected: str = "true or false"
    example: Value = True

    def accepts(self, value: Value) -> bool:
        return isinstance(value, bool)

    def canonical(self, value: Value) -> Value:
        return value


@dataclass(frozen=True)
class Choice:
    """One of a few names. One in `gains` may have a positive number in brackets, `orthogonal(1.4)`; without, it is 1."""

    options: tuple[str, ...]
    gains: tuple[str, ...] = ()

    @property
    def expected(self) -> str:
        shown = (f"{option}(gain)" if option in self.gains else option for option in self.options)
        return f"one of {', '.join(shown)}"

    @property
    def example(self) -> Value:
        return self.options[0]

    def accepts(self, value: Value) -> bool:
        if not isinstance(value, str):
            return False
        name, gain = split_gain(value)
        return value in self.options or (name in self.gains and gain is not None and gain > 0 and fits_float32(gain))

    def canonical(self, value: Value) -> Value:
        name, gain = split_gain(str(value))
        return name if gain in (None, 1.0) else f"{name}({gain!r})"


def fits_float32(value: float) -> bool:
    """Whether a parameter can hold the number: it is 0, or neither too large nor too small for float32."""
    return value == 0 or MIN_NUMBER <= abs(value) <= MAX_NUMBER


def split_gain(value: str) -> tuple[str, float | None]:
    """`orthogonal(1.4)` → (`orthogonal`, 1.4); (`he`, None) where no number stands in brackets."""
    match = re.fullmatch(r"([a-z_]+)\(([0-9.e+-]+)\)", value)
    try:
        return (match[1], float(match[2])) if match else (value, None)
    except ValueError:
        return value, None


WIDTH = Whole(1, MAX_WIDTH)
FLAG = Flag()
NUMBER = Number()
RATE = Number(0, 1)
INITIALIZER = Choice(("lecun_uniform", "he", "orthogonal", "zeros"), gains=("orthogonal",))
