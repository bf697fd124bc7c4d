"""Layers that normalize: over the features of each row (`ln`, `rms`, `l2`), or over rows (`bn`, `rsnorm`).

Each eps is the one of the source: of flax for `ln` and `rms` (as in the paper's code) and `bn`, of SimBa for `rsnorm`.
`bn` and `rsnorm` keep running statistics, which are not parameters; in training they use and update them with every batch.
"""

from __future__ import annotations

from dataclasses import dataclass

from archlang.layers.base import LayerType
from archlang.layers.saved import Saved
from archlang.types import Type


@dataclass(frozen=True)
class LayerNorm(LayerType):
    """`ln`: (x - mean) / √(var + 1e-6), times a learned scale, plus a learned bias (Ba et al. 2016)."""

    name = "ln"
    lowering = "archlang.lower.norm:layer_norm"
    also_called = ("layernorm", "layer_norm", "norm")

    def num_params(self, in_features: int) -> int:
        return 2 * in_features

    def elementwise(self, in_features: int) -> int:
        return 7 * in_features  # Σ x, x², Σ x², x - mean, scale / √var, ·, + bias

    def saved(self, x: Type) -> Saved:
        return Saved.in_float32(x, 3 * (x.width or 0) + 4)


@dataclass(frozen=True)
class RMSNorm(LayerType):
    """`rms`: x / √(mean(x²) + 1e-6), times a learned scale (Zhang & Sennrich 2019)."""

    name = "rms"
    lowering = "archlang.lower.norm:rms_norm"
    also_called = ("rmsnorm", "rms_norm")

    def num_params(self, in_features: int) -> int:
        return in_features

    def elementwise(self, in_features: int) -> int:
        return 5 * in_features  # x², Σ x², x - 0, scale / √mean, ·

    def saved(self, x: Type) -> Saved:
        return Saved.in_float32(x, 3 * (x.width or 0) + 2)


@dataclass(frozen=True)
class BatchNorm(LayerType):
    """`bn`: (x - mean) / √(var + 1e-5), times a learned scale, plus a learned bias (Ioffe & Szegedy 2015).

    In training, mean and variance are those of the batch, and 1 % of them goes into the running ones; in evaluation they
    are the running ones.
    """

    name = "bn"
    lowering = "archlang.lower.norm:batch_norm"
    also_called = ("batchnorm", "batch_norm", "bn1d", "batchnorm1d")

    def num_params(self, in_features: int) -> int:
        return 2 * in_features

    def elementwise(self, in_features: int) -> int:
        return 7 * in_features  # as `ln`, over rows; what is done once for all rows is left out

    def saved(self, x: Type) -> Saved:
        return Saved.in_float32(x, 2 * (x.width or 0))


@dataclass(frozen=True)
class L2Norm(LayerType):
    """`l2`: x / max(‖x‖₂, 1e-6), a row of length one; the gradient is finite at 0 too."""

    name = "l2"
    lowering = "archlang.lower.norm:l2_norm"
    also_called = ("l2norm", "l2_norm", "l2_normalize", "normalize", "unit_norm", "hypersphere")

    def elementwise(self, in_features: int) -> int:
        return 3 * in_features  # x², Σ x², ·

    def saved(self, x: Type) -> Saved:
        return Saved.in_float32(x, (x.width or 0) + 3, input=True)


@dataclass(frozen=True)
class RSNorm(LayerType):
    """`rsnorm`: (x - mean) / √(var + 1e-8), with the mean and variance of all rows seen in training (SimBa, Lee et al. 2024).

    In training the batch is counted in first, then normalized with the rest; in evaluation nothing is counted.
    """

    name = "rsnorm"
    lowering = "archlang.lower.norm:RSNorm"
    also_called = ("rs_norm", "running_norm", "running_mean_std", "obs_norm", "obsnorm")

    def elementwise(self, in_features: int) -> int:
        return 6 * in_features  # Σ x, x - mean, its square, the sum of those; x - mean, / √var

    def saved(self, x: Type) -> Saved:
        return Saved.in_float32(x, x.width or 0)
