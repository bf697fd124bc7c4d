"""`gaussian`: the head of an actor."""

from __future__ import annotations

import jax
import jax.numpy as jnp
from flax import nnx

from archlang.layers.dense import Gaussian as GaussianLayer
from archlang.lower.dense import linear
from archlang.types import Type

LOG_STD_MIN, LOG_STD_MAX = -5.0, 2.0  # Wang et al. 2025, train.py


class Gaussian(nnx.Module):
    """Two dense heads: `[…, width]` → mean and log standard deviation, each `[…, action_dim]`; no squashing of the mean."""

    def __init__(self, layer: GaussianLayer, x: Type, rngs: nnx.Rngs):
        self.mean = linear(x, layer.action_dim or 0, rngs)
        self.log_std = linear(x, layer.action_dim or 0, rngs)

    def __call__(self, x: jax.Array) -> tuple[jax.Array, jax.Array]:
        bounded = jnp.tanh(self.log_std(x))
        return self.mean(x), LOG_STD_MIN + 0.5 * (LOG_STD_MAX - LOG_STD_MIN) * (bounded + 1)
