"""Activations: modules without parameters."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx

from archlang.layers import LayerType
from archlang.layers.activation import LeakyRelu as LeakyReluLayer
from archlang.types import Type


class Activation(nnx.Module):
    """One function without options."""

    def __init__(self, function: Callable[[jax.Array], jax.Array]):
        self.function = function

    def __call__(self, x: jax.Array) -> jax.Array:
        return self.function(x)


class LeakyRelu(nnx.Module):
    """Its slope is an attribute, not part of a function: so two of the same slope are equal to jax."""

    def __init__(self, layer: LeakyReluLayer, x: Type, rngs: nnx.Rngs):
        self.slope = layer.slope

    def __call__(self, x: jax.Array) -> jax.Array:
        return nnx.leaky_relu(x, self.slope)


def same(x: jax.Array) -> jax.Array:
    return x


def crelu(x: jax.Array) -> jax.Array:
    """`[…, width]` → `[…, 2 · width]`."""
    return jnp.concatenate([nnx.relu(x), nnx.relu(-x)], axis=-1)


FUNCTIONS: dict[str, Any] = {
    "swish": nnx.swish,
    "relu": nnx.relu,
    "gelu": nnx.gelu,
    "tanh": jnp.tanh,
    "elu": nnx.elu,
    "mish": jax.nn.mish,
    "crelu": crelu,
    "id": same,
}


def activation(layer: LayerType, x: Type, rngs: nnx.Rngs) -> Activation:
    """The module of a layer that is a plain function."""
    return Activation(FUNCTIONS[layer.name])
