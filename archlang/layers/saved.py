"""What the backward pass of a layer needs of its forward pass."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, version

from archlang.types import Type


@dataclass(frozen=True)
class Saved:
    """What jax keeps of one row that goes through a layer; the numbers are bytes.

    The input and the output are flags, because a neighbour may keep the same value. The tests compare with jax.
    """

    computed: int = 0  # beside the input and the output
    input: bool = False
    output: bool = False
    drawn: int = 0  # random numbers: the one thing that is not computed from the input
    untouched: bool = False  # the output is the input itself

    @staticmethod
    def in_float32(x: Type, numbers: int, *, input: bool = False) -> Saved:
        """Of a layer that computes in float32 whatever comes in: what it needs of a bfloat16 input is a copy of its own."""
        copied = input and x.dtype != "f32"
        return Saved(4 * (numbers + copied * (x.width or 0)), input=input and not copied)


@cache
def tanh_keeps_its_output() -> bool:
    """Before 0.12 jax kept y and 1 - y for the derivative of y = tanh(x); it keeps 1 - y² alone since then."""
    try:
        major, minor = version("jax").split(".")[:2]
    except PackageNotFoundError:
        return False
    return (int(major), int(minor)) < (0, 12)
