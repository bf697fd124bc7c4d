"""The normalizations. What they compute in bfloat16 they compute in float32 and round; statistics stay float32."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx

from archlang.layers import LayerType
from archlang.lower.dtypes import COMPUTE
from archlang.types import Type


def layer_norm(layer: LayerType, x: Type, rngs: nnx.Rngs) -> nnx.LayerNorm:
    """Scale and bias over `[…, width]`."""
    return nnx.LayerNorm(x.width or 0, dtype=COMPUTE[x.dtype], rngs=rngs)


def rms_norm(layer: LayerType, x: Type, rngs: nnx.Rngs) -> nnx.RMSNorm:
    """A scale over `[…, width]`."""
    return nnx.RMSNorm(x.width or 0, dtype=COMPUTE[x.dtype], rngs=rngs)


def batch_norm(layer: LayerType, x: Type, rngs: nnx.Rngs) -> nnx.BatchNorm:
    """Statistics over all axes but the last, `[…, width]`; momentum 0.99 and eps 1e-5, flax's defaults."""
    return nnx.BatchNorm(x.width or 0, dtype=COMPUTE[x.dtype], promote_dtype=promote, rngs=rngs)


def promote(args: Any, /, *, dtype: Any = None, inexact: bool = True) -> Any:
    """All to the widest of their dtypes, even where the result will be bfloat16: rounded statistics are other ones."""
    widest = jnp.result_type(*args)
    return tuple(jnp.asarray(arg, widest) for arg in args)


class L2Norm(nnx.Module):
    """x / max(‖x‖₂, 1e-6) over `[…, width]`; the maximum is taken before the root, whose gradient at 0 is infinite."""

    def __call__(self, x: jax.Array) -> jax.Array:
        wide = x.astype(jnp.promote_types(x.dtype, jnp.float32))
        squares = jnp.sum(jnp.square(wide), axis=-1, keepdims=True)
        return (wide * jax.lax.rsqrt(jnp.maximum(squares, 1e-12))).astype(x.dtype)


def l2_norm(layer: LayerType, x: Type, rngs: nnx.Rngs) -> L2Norm:
    return L2Norm()


class RSNorm(nnx.Module):
    """Running statistics of `[…, width]`, as in SimBa (`scale_rl/agents/wrappers`): mean 0, variance 1, count 1e-4 at first.

    A batch of n rows with mean m and variance v is counted in by Chan et al.'s formula, with δ = m - mean and N = count + n:
    mean + δ n / N, (var · count + v n + δ² count n / N) / N, N. No gradient flows through the statistics.
    No rows change nothing.
    """

    def __init__(self, layer: LayerType, x: Type, rngs: nnx.Rngs):
        self.mean = nnx.BatchStat(jnp.zeros(x.width or 0, jnp.float32))
        self.var = nnx.BatchStat(jnp.ones(x.width or 0, jnp.float32))
        self.count = nnx.BatchStat(jnp.asarray(1e-4, jnp.float32))
        self.dtype = COMPUTE[x.dtype]
        self.use_running_average = False  # the name that `train()` and `eval()` set

    def __call__(self, x: jax.Array) -> jax.Array:
        if not self.use_running_average and x.size:
            self.count_in(jax.lax.stop_gradient(x))
        mean = jnp.broadcast_to(self.mean[...], x.shape)
        y = (x - mean) * jnp.broadcast_to(jax.lax.rsqrt(self.var[...] + 1e-8), x.shape)
        return y.astype(self.dtype or y.dtype)

    def count_in(self, x: jax.Array) -> None:
        """Update the statistics, which keep their dtype."""
        rows = x.reshape(-1, x.shape[-1]).astype(self.mean.dtype)
        mean, var, count, n = self.mean[...], self.var[...], self.count[...], rows.shape[0]
        delta, total = rows.mean(axis=0) - mean, count + n
        squares = var * count + rows.var(axis=0) * n + jnp.square(delta) * count * n / total
        self.mean[...], self.var[...], self.count[...] = mean + delta * n / total, squares / total, total
