"""Layers that apply one function to every number; they keep the type and have no parameters."""

from __future__ import annotations

from dataclasses import dataclass

from archlang.layers.base import LayerType


@dataclass(frozen=True)
class Swish(LayerType):
    """`swish`: x · sigmoid(x) (Ramachandran et al. 2017); also known as SiLU."""

    name = "swish"
    lowering = "archlang.lower.activation:activation"
    also_called = ("silu",)


@dataclass(frozen=True)
class Relu(LayerType):
    """`relu`: max(x, 0)."""

    name = "relu"
    lowering = "archlang.lower.activation:activation"
    also_called = ("rectifier",)


@dataclass(frozen=True)
class Gelu(LayerType):
    """`gelu`: x · Φ(x), by its tanh approximation (Hendrycks & Gimpel 2016)."""

    name = "gelu"
    lowering = "archlang.lower.activation:activation"


@dataclass(frozen=True)
class Tanh(LayerType):
    """`tanh`: the hyperbolic tangent."""

    name = "tanh"
    lowering = "archlang.lower.activation:activation"


@dataclass(frozen=True)
class Identity(LayerType):
    """`id`: nothing; the place of a layer that an ablation takes away."""

    name = "id"
    lowering = "archlang.lower.activation:activation"
    also_called = ("identity", "none", "noop")
