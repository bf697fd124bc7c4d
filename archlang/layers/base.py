"""What a layer is: one frozen class that holds its text form, arguments, type rule, parameter count and lowering.

    @dataclass(frozen=True)
    class Dense(LayerType):
        name = "dense"
        lowering = "archlang.lower.dense:dense"
        features: int = argument(WIDTH)
        bias: bool = argument(FLAG, default=True)

The fields are the arguments, in the order in which they are written; `dense256` is `dense(256)` is `dense(features=256)`.
"""

from __future__ import annotations

from dataclasses import MISSING, dataclass, field, fields
from functools import cache
from typing import Any, ClassVar, Self

from archlang.layers.kinds import Kind, Value
from archlang.layers.saved import Saved
from archlang.types import Type


@dataclass(frozen=True)
class Parameter:
    """An argument that a layer can take."""

    name: str
    kind: Kind
    default: Any
    required: bool


def argument(kind: Kind, default: Any = MISSING) -> Any:
    """Declare an argument of a layer; without a default it must be written."""
    return field(default=default, metadata={"kind": kind})


class Refused(Exception):
    """Raised by the `output` of a layer that cannot take a width; says what it needs: `an even width`."""


@dataclass(frozen=True)
class LayerType:
    """Base of all layers. Defaults are those of a layer that keeps its type and has no parameters."""

    name: ClassVar[str]
    lowering: ClassVar[str]  # "module:name" of a callable (layer, type, rngs) → nnx.Module; a string, so no jax here
    also_called: ClassVar[tuple[str, ...]] = ()  # what other libraries call it; for `did you mean`

    def __post_init__(self) -> None:
        """Arguments take their one form, so that `dropout(0)` is `dropout(0.0)`."""
        for p in self.parameters():
            value = getattr(self, p.name)
            if value is not p.default:
                object.__setattr__(self, p.name, p.kind.canonical(value))

    def output(self, x: Type) -> Type:
        """The type of the output for an input of type `x`. Raises `Refused` where the layer cannot take that width."""
        return x

    def num_params(self, in_features: int) -> int:
        """How many numbers are learned."""
        return 0

    def flops(self, in_features: int) -> int:
        """Two for each multiply-add of matrix products, for one row forward.

        A layer that has any is taken for one matrix product, as wide as its output, with nothing but linear maps around it.
        """
        return 0

    def elementwise(self, in_features: int) -> int:
        """Operations on single numbers beside the matrix products, for one row forward.

        One for each addition, product, maximum, exponential and the like, also of sums; by default one for each number.
        """
        return in_features

    def saved(self, x: Type) -> Saved:
        """What jax keeps for the backward pass; by default one derivative for each number, as of a function of one number."""
        return Saved(x.row_bytes)

    @classmethod
    @cache
    def parameters(cls) -> tuple[Parameter, ...]:
        return tuple(Parameter(f.name, f.metadata["kind"], f.default, f.default is MISSING) for f in fields(cls))

    @classmethod
    def example(cls) -> Self:
        """The layer with some value for each argument that must be written."""
        return cls(**{p.name: p.kind.example for p in cls.parameters() if p.required})

    def arguments(self) -> tuple[tuple[str, Value], ...]:
        """The arguments that differ from their defaults, in the order of declaration: the canonical form."""
        values = ((p, getattr(self, p.name)) for p in self.parameters())
        return tuple((p.name, value) for p, value in values if p.required or value != p.default)
