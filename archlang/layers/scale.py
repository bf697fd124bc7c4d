"""Layers that multiply by learned numbers."""

from __future__ import annotations

from dataclasses import dataclass

from archlang.layers.base import LayerType, argument
from archlang.layers.kinds import NUMBER
from archlang.layers.saved import Saved
from archlang.types import Type


@dataclass(frozen=True)
class Scale(LayerType):
    """`scale`, `scale0.1`: each channel times a learned number, which starts at `init` (LayerScale, Touvron et al. 2021)."""

    name = "scale"
    lowering = "archlang.lower.scale:scale"
    also_called = ("layer_scale", "layerscale", "scaler", "channel_scale")
    init: float = argument(NUMBER, default=1.0)

    def num_params(self, in_features: int) -> int:
        return in_features

    def saved(self, x: Type) -> Saved:
        return Saved.in_float32(x, x.width or 0, input=True)  # the factors, spread over the rows


@dataclass(frozen=True)
class ReZero(LayerType):
    """`rezero`: the row times one learned number, which starts at 0; `res(…, rezero)` (Bachlechner et al. 2020)."""

    name = "rezero"
    lowering = "archlang.lower.scale:rezero"
    also_called = ("skipinit", "skip_init", "re_zero")

    def num_params(self, in_features: int) -> int:
        return 1

    def saved(self, x: Type) -> Saved:
        return Saved.in_float32(x, x.width or 0, input=True)
