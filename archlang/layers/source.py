"""Layers that look at the network's input."""

from __future__ import annotations

from dataclasses import dataclass

from archlang.layers.base import LayerType
from archlang.layers.saved import Saved
from archlang.types import Type


@dataclass(frozen=True)
class ConcatInput(LayerType):
    """`concat_input`: the value and the network's input side by side (D2RL, Sinha et al. 2020)."""

    name = "concat_input"
    lowering = "archlang.lower.source:concat_input"
    also_called = ("d2rl", "input_concat", "dense_connection", "skip_input")

    def output(self, x: Type) -> Type:
        if x.width is None:
            return x
        return x.with_width(None if x.source is None else x.width + x.source)

    def elementwise(self, in_features: int) -> int:
        return 0

    def saved(self, x: Type) -> Saved:
        return Saved()
