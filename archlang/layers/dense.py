"""Layers that multiply by a matrix."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from archlang.layers.base import LayerType, argument
from archlang.layers.kinds import FLAG, INITIALIZER, WIDTH
from archlang.layers.saved import Saved, tanh_keeps_its_output
from archlang.types import Type


@dataclass(frozen=True)
class Dense(LayerType):
    """`dense256`: y = x W + b. Kernels U(±1/√fan_in), zero biases (Wang et al. 2025, `train.py`)."""

    name = "dense"
    lowering = "archlang.lower.dense:dense"
    also_called = ("linear", "fc", "fully_connected", "affine", "proj")
    features: int = argument(WIDTH)
    bias: bool = argument(FLAG, default=True)
    init: str = argument(INITIALIZER, default="lecun_uniform")

    def output(self, x: Type) -> Type:
        return x.with_width(self.features)

    def num_params(self, in_features: int) -> int:
        return in_features * self.features + self.features * self.bias

    def flops(self, in_features: int) -> int:
        return 2 * in_features * self.features

    def elementwise(self, in_features: int) -> int:
        return self.features * self.bias

    def saved(self, x: Type) -> Saved:
        return Saved(input=True)


@dataclass(frozen=True)
class Gaussian(LayerType):
    """`gaussian8`: a diagonal Gaussian over actions; two dense heads, the mean and log σ ∈ [-5, 2] by tanh."""

    name = "gaussian"
    lowering = "archlang.lower.gaussian:Gaussian"
    also_called = ("normal", "tanh_gaussian", "diag_gaussian", "policy_head")
    action_dim: int | None = argument(WIDTH, default=None)

    @classmethod
    def example(cls) -> Self:
        return cls(8)  # which may be left away only where an environment gives it

    def output(self, x: Type) -> Type:
        return Type(self.action_dim, x.dtype, distribution=True)

    def num_params(self, in_features: int) -> int:
        return 2 * (in_features + 1) * (self.action_dim or 0)

    def flops(self, in_features: int) -> int:
        return 2 * 2 * in_features * (self.action_dim or 0)

    def elementwise(self, in_features: int) -> int:
        return 6 * (self.action_dim or 0)  # two biases; tanh, + 1, · 3.5, - 5

    def saved(self, x: Type) -> Saved:
        return Saved((1 + tanh_keeps_its_output()) * self.output(x).row_bytes, input=True)  # for the derivative of log σ
