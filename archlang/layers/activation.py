"""Layers that apply one function to every number; they have no parameters, and all but `crelu` keep the type."""

from __future__ import annotations

from dataclasses import dataclass

from archlang.layers.base import LayerType, argument
from archlang.layers.kinds import NUMBER
from archlang.layers.saved import Saved, tanh_keeps_its_output
from archlang.types import Type


@dataclass(frozen=True)
class Swish(LayerType):
    """`swish`: x · sigmoid(x) (Ramachandran et al. 2017); also known as SiLU."""

    name = "swish"
    lowering = "archlang.lower.activation:activation"
    also_called = ("silu",)

    def elementwise(self, in_features: int) -> int:
        return 2 * in_features  # σ(x), x · σ(x)

    def saved(self, x: Type) -> Saved:
        return Saved(2 * x.row_bytes, input=True)  # sigmoid(x), and its derivative


@dataclass(frozen=True)
class Relu(LayerType):
    """`relu`: max(x, 0)."""

    name = "relu"
    lowering = "archlang.lower.activation:activation"
    also_called = ("rectifier",)

    def saved(self, x: Type) -> Saved:
        return Saved(x.width or 0)  # where x > 0, a byte each


@dataclass(frozen=True)
class Gelu(LayerType):
    """`gelu`: x · Φ(x), by its tanh approximation (Hendrycks & Gimpel 2016)."""

    name = "gelu"
    lowering = "archlang.lower.activation:activation"

    def elementwise(self, in_features: int) -> int:
        return 8 * in_features  # as jax computes it: x³, ·, +, ·, tanh, +, ·, ·

    def saved(self, x: Type) -> Saved:
        return Saved((3 + tanh_keeps_its_output()) * x.row_bytes, input=True)


@dataclass(frozen=True)
class Tanh(LayerType):
    """`tanh`: the hyperbolic tangent."""

    name = "tanh"
    lowering = "archlang.lower.activation:activation"

    def saved(self, x: Type) -> Saved:
        return Saved(x.row_bytes, output=tanh_keeps_its_output())


@dataclass(frozen=True)
class Elu(LayerType):
    """`elu`: x where x > 0, else exp(x) - 1 (Clevert et al. 2016, α = 1)."""

    name = "elu"
    lowering = "archlang.lower.activation:activation"

    def elementwise(self, in_features: int) -> int:
        return 6 * in_features  # as jax computes it, without overflow: twice x > 0, twice a choice, exp(x) - 1, · α

    def saved(self, x: Type) -> Saved:
        return Saved(x.row_bytes + 2 * (x.width or 0))


@dataclass(frozen=True)
class Mish(LayerType):
    """`mish`: x · tanh(log(1 + exp(x))) (Misra 2019)."""

    name = "mish"
    lowering = "archlang.lower.activation:activation"

    def elementwise(self, in_features: int) -> int:
        return 12 * in_features  # as jax computes it: ten for log(1 + exp(x)) without overflow, tanh, ·

    def saved(self, x: Type) -> Saved:
        return Saved(4 * x.row_bytes, input=True)


@dataclass(frozen=True)
class LeakyRelu(LayerType):
    """`leaky`, `leaky0.2`: x where x > 0, else slope · x (Maas et al. 2013, slope 0.01)."""

    name = "leaky"
    lowering = "archlang.lower.activation:LeakyRelu"
    also_called = ("leaky_relu", "leakyrelu", "lrelu")
    slope: float = argument(NUMBER, default=0.01)

    def elementwise(self, in_features: int) -> int:
        return 3 * in_features  # x ≥ 0, slope · x, the choice

    def saved(self, x: Type) -> Saved:
        return Saved(x.width or 0)


@dataclass(frozen=True)
class CRelu(LayerType):
    """`crelu`: max(x, 0) and max(-x, 0) side by side, twice the width (Shang et al. 2016)."""

    name = "crelu"
    lowering = "archlang.lower.activation:activation"
    also_called = ("concat_relu", "concatenated_relu")

    def output(self, x: Type) -> Type:
        return x if x.width is None else x.with_width(2 * x.width)

    def elementwise(self, in_features: int) -> int:
        return 3 * in_features  # max(x, 0), -x, max(-x, 0)

    def saved(self, x: Type) -> Saved:
        return Saved(2 * (x.width or 0))


@dataclass(frozen=True)
class Identity(LayerType):
    """`id`: nothing; the place of a layer that an ablation takes away."""

    name = "id"
    lowering = "archlang.lower.activation:activation"
    also_called = ("identity", "noop")

    def elementwise(self, in_features: int) -> int:
        return 0

    def saved(self, x: Type) -> Saved:
        return Saved(untouched=True)
