"""Activations: modules without parameters."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx

from archlang.layers import LayerType
from archlang.types import Type


class Activation(nnx.Module):
    """One function of one number, applied to all."""

    def __init__(self, function: Callable[[jax.Array], jax.Array]):
        self.function = function

    def __call__(self, x: jax.Array) -> jax.Array:
        return self.function(x)


def same(x: jax.Array) -> jax.Array:
    return x


FUNCTIONS: dict[str, Any] = {
    "swish": nnx.swish,
    "relu": nnx.relu,
    "gelu": nnx.gelu,
    "tanh": jnp.tanh,
    "id": same,
}


def activation(layer: LayerType, x: Type, rngs: nnx.Rngs) -> Activation:
    """`[…, width]` → `[…, width]`."""
    return Activation(FUNCTIONS[layer.name])
