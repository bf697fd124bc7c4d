"""`dropout`, with a stream of keys of its own for every copy."""

from __future__ import annotations

from flax import nnx

from archlang.layers.dropout import Dropout as DropoutLayer
from archlang.types import Type


def dropout(layer: DropoutLayer, x: Type, rngs: nnx.Rngs) -> nnx.Dropout:
    """Keys come from the stream `dropout` of `rngs`, or from its default one."""
    return nnx.Dropout(layer.rate, rngs=rngs)
