"""Layers that are random in training."""

from __future__ import annotations

from dataclasses import dataclass

from archlang.layers.base import LayerType, argument
from archlang.layers.kinds import RATE
from archlang.layers.saved import Saved
from archlang.types import Type


@dataclass(frozen=True)
class Dropout(LayerType):
    """`dropout0.1`: in training each number is 0 with probability `rate`, else x / (1 - rate) (Srivastava et al. 2014)."""

    name = "dropout"
    lowering = "archlang.lower.dropout:dropout"
    also_called = ("drop",)
    rate: float = argument(RATE)

    def elementwise(self, in_features: int) -> int:
        return 3 * in_features if self.rate else 0  # a comparison, / (1 - rate), the choice; not the random numbers

    def saved(self, x: Type) -> Saved:
        return Saved(drawn=x.width or 0) if self.rate else Saved(untouched=True)
