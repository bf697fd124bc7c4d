"""The registry: every layer by the name it has in a specification. Adding a layer is one class, listed here."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from types import MappingProxyType

from archlang.layers.activation import CRelu, Elu, Gelu, Identity, LeakyRelu, Mish, Relu, Swish, Tanh
from archlang.layers.base import LayerType, Parameter, Refused, argument
from archlang.layers.dense import Dense, Gaussian
from archlang.layers.dropout import Dropout
from archlang.layers.entry_points import Plugins, load_plugins
from archlang.layers.kinds import FLAG, NUMBER, RATE, WIDTH, Choice, Number, Value, Whole
from archlang.layers.norm import BatchNorm, L2Norm, LayerNorm, RMSNorm, RSNorm
from archlang.layers.saved import Saved
from archlang.layers.scale import ReZero, Scale
from archlang.layers.source import ConcatInput

__all__ = [
    "ALIASES",
    "FLAG",
    "LAYERS",
    "NUMBER",
    "RATE",
    "WIDTH",
    "WORDS",
    "Choice",
    "LayerType",
    "Number",
    "Parameter",
    "Plugins",
    "Refused",
    "Saved",
    "Value",
    "Whole",
    "argument",
    "find_layer",
    "make_layer",
    "plugins",
]

MATRICES = (Dense, Gaussian)
NORMS = (LayerNorm, RMSNorm, BatchNorm, L2Norm, RSNorm)
ACTIVATIONS = (Swish, Relu, Gelu, Tanh, Elu, Mish, LeakyRelu, CRelu)
OTHERS = (Scale, ReZero, Dropout, ConcatInput, Identity)

LAYERS: Mapping[str, type[LayerType]] = MappingProxyType(
    {layer.name: layer for layer in (*MATRICES, *NORMS, *ACTIVATIONS, *OTHERS)}
)
WORDS = frozenset({"res", "par", "use", "true", "false"})  # of the language; no layer can have such a name
ALIASES: Mapping[str, str] = MappingProxyType({alias: layer.name for layer in LAYERS.values() for alias in layer.also_called})


@cache
def plugins() -> Plugins:
    """The layers that other packages add, and what is wrong with those that cannot be used. Looked for once."""
    return load_plugins(LAYERS, WORDS)


def find_layer(name: str) -> type[LayerType]:
    """The class of a layer, built in or of a plug-in; plug-ins are looked for only where no layer is built in.

    >>> find_layer("rms").__name__
    'RMSNorm'

    Raises `KeyError` where there is none.
    """
    return LAYERS[name] if name in LAYERS else plugins().layers[name]


def make_layer(name: str, arguments: tuple[tuple[str, Value], ...]) -> LayerType:
    """The layer that an IR node names; `KeyError`, `TypeError` or `ValueError` where there is no such layer."""
    layer = find_layer(name)
    kinds = {p.name: p.kind for p in layer.parameters()}
    for key, value in arguments:
        if key not in kinds:
            raise ValueError(f"{name} takes no argument {key}")
        if not kinds[key].accepts(value):
            raise ValueError(f"{name}({key}={value}): expected {kinds[key].expected}")
    return layer(**dict(arguments))
