"""The registry: every layer by the name it has in a specification. Adding a layer is one class, listed here."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from archlang.layers.activation import Gelu, Identity, Relu, Swish, Tanh
from archlang.layers.base import LayerType, Parameter
from archlang.layers.dense import Dense, Gaussian
from archlang.layers.kinds import Value
from archlang.layers.norm import LayerNorm, RMSNorm

__all__ = ["ALIASES", "LAYERS", "LayerType", "Parameter", "Value", "make_layer"]

LAYERS: Mapping[str, type[LayerType]] = MappingProxyType(
    {layer.name: layer for layer in (Dense, LayerNorm, RMSNorm, Swish, Relu, Gelu, Tanh, Identity, Gaussian)}
)
ALIASES: Mapping[str, str] = MappingProxyType({alias: layer.name for layer in LAYERS.values() for alias in layer.also_called})


def make_layer(name: str, arguments: tuple[tuple[str, Value], ...]) -> LayerType:
    """The layer that an IR node names; `KeyError`, `TypeError` or `ValueError` where there is no such layer."""
    layer = LAYERS[name]
    kinds = {p.name: p.kind for p in layer.parameters()}
    for key, value in arguments:
        if key not in kinds:
            raise ValueError(f"{name} takes no argument {key}")
        if not kinds[key].accepts(value):
            raise ValueError(f"{name}({key}={value}): expected {kinds[key].expected}")
    return layer(**dict(arguments))
