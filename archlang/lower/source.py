"""`concat_input`: the value beside the network's input."""

from __future__ import annotations

import jax
import jax.numpy as jnp
from flax import nnx

from archlang.layers import LayerType
from archlang.lower.rooted import Rooted
from archlang.types import Type


class ConcatInput(Rooted):
    """`[…, width]` → `[…, width + source]`, in the dtype of the value."""

    def forward(self, x: jax.Array, root: jax.Array) -> jax.Array:
        return jnp.concatenate([x, root.astype(x.dtype)], axis=-1)


def concat_input(layer: LayerType, x: Type, rngs: nnx.Rngs) -> ConcatInput:
    return ConcatInput()
