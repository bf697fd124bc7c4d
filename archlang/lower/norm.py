"""`ln` and `rms`, with flax's eps of 1e-6."""

from __future__ import annotations

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
