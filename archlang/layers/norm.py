"""Layers that normalize over the features of each row; eps 1e-6, flax's default, as in the paper's code."""

from __future__ import annotations

from dataclasses import dataclass

from archlang.layers.base import LayerType


@dataclass(frozen=True)
class LayerNorm(LayerType):
    """`ln`: (x - mean) / √(var + eps), times a learned scale, plus a learned bias (Ba et al. 2016)."""

    name = "ln"
    lowering = "archlang.lower.norm:layer_norm"
    also_called = ("layernorm", "layer_norm", "norm")

    def num_params(self, in_features: int) -> int:
        return 2 * in_features


@dataclass(frozen=True)
class RMSNorm(LayerType):
    """`rms`: x / √(mean(x²) + eps), times a learned scale (Zhang & Sennrich 2019)."""

    name = "rms"
    lowering = "archlang.lower.norm:rms_norm"
    also_called = ("rmsnorm", "rms_norm")

    def num_params(self, in_features: int) -> int:
        return in_features
