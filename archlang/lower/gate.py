"""The gate of a residual: how much of the body goes into the sum, for each channel."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
from flax import nnx

from archlang.lower.dense import linear
from archlang.types import Type


@dataclass(frozen=True)
class Law:
    """Where the gate's bias starts, and how x, the body's y and the gate's t make the sum."""

    bias: float
    join: Callable[[jax.Array, jax.Array, jax.Array], jax.Array]


def add(x: jax.Array, y: jax.Array, t: jax.Array) -> jax.Array:
    return x + t * y


def mix(x: jax.Array, y: jax.Array, t: jax.Array) -> jax.Array:
    return (1 - t) * x + t * y


LAWS: dict[str, Law] = {
    "sigmoid": Law(0.0, add),  # Parisotto et al. 2019, the "output" gate: x always passes, so the gate starts half open
    "highway": Law(-1.0, mix),  # Srivastava et al. 2015, section 2.2: negative, so that a deep network first carries x
}


class Gate(nnx.Module):
    """t = σ(W x + b); maps x and the body's y, both `[…, width]`, to their gated sum."""

    def __init__(self, kind: str, x: Type, rngs: nnx.Rngs):
        bias: Any = nnx.initializers.constant(LAWS[kind].bias)
        self.kind = kind
        self.linear = linear(x, x.width or 0, rngs, bias_init=bias)

    def __call__(self, x: jax.Array, y: jax.Array) -> jax.Array:
        return LAWS[self.kind].join(x, y, nnx.sigmoid(self.linear(x)))
