"""`scale` and `rezero`: learned factors."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx

from archlang.layers.scale import ReZero as ReZeroLayer
from archlang.layers.scale import Scale as ScaleLayer
from archlang.lower.dtypes import COMPUTE
from archlang.types import Type


class Factor(nnx.Module):
    """`[…, width]` times a learned `[width]`, or one learned number."""

    def __init__(self, shape: tuple[int, ...], init: float, dtype: Any):
        self.factor = nnx.Param(jnp.full(shape, init, jnp.float32))
        self.dtype = dtype

    def __call__(self, x: jax.Array) -> jax.Array:
        y = x * jnp.broadcast_to(self.factor[...], x.shape)
        return y.astype(self.dtype or y.dtype)


def scale(layer: ScaleLayer, x: Type, rngs: nnx.Rngs) -> Factor:
    return Factor((x.width or 0,), layer.init, COMPUTE[x.dtype])


def rezero(layer: ReZeroLayer, x: Type, rngs: nnx.Rngs) -> Factor:
    return Factor((), 0.0, COMPUTE[x.dtype])
