"""The typed IR, on one screen.

    network  = name, body
    node     = Layer(name, arguments)          dense256, ln, swish
             | Sequence(items)                 a, b, c
             | Residual(body, scale, gate, post)   res(body, scale=0.1, gate=highway, post=ln)
             | Repeat(body, count, stacked)    4x body; with stacked: (body)*250, one scan
             | Parallel(branches, join)        par(a; b)
             | Cast(dtype, body)               @dtype(bf16) body

Nodes are frozen, hashable, and go to JSON and back exactly. Types are computed from an input width, not stored. Equality,
hash and content hash ignore spans and the annotations of the plan (`remat`, `unroll`): they do not change what is computed.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from math import isqrt
from typing import Annotated, Any, ClassVar, Literal, Self, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StrictBool,
    StrictFloat,
    StrictInt,
    StrictStr,
    model_validator,
)

from archlang.layers import LayerType, make_layer
from archlang.layers.kinds import fits_float32
from archlang.limits import MAX_COUNT
from archlang.types import Type

Remat = Literal["none", "dots", "full", "nested"]
# A bare scan keeps every intermediate of every copy: 3.7 times the memory of the unrolled network for the paper's blocks.
# Keeping the matrix products alone, and computing the rest again, needs no more than the unrolled network.
DEFAULT_REMAT: Remat = "dots"


def segments_of(count: int) -> int:
    """How many segments `nested` makes of so many copies; it keeps the first value of each.

    About √count; but neither one segment, nor one copy behind them: XLA takes a loop of one step apart, and then computes again
    too early what is in it.
    """
    segments = min(count, max(2, isqrt(count)))
    while count % segments == 1:
        segments += 1
    return segments


Dtype = Literal["f32", "bf16"]
Gate = Literal["sigmoid", "highway"]


def in_float32(number: float) -> float:
    """The number, 0.0 for -0.0; raises `ValueError` where float32 has none like it."""
    if not fits_float32(number):
        raise ValueError("not a number of float32")
    return number + 0.0


Scale = Annotated[StrictFloat, AfterValidator(in_float32)]
Argument = tuple[str, StrictBool | StrictInt | StrictFloat | StrictStr]


class Node(BaseModel):
    """Base of the IR. `span` is where the node was written; it is not part of what the node is."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)
    annotations: ClassVar[frozenset[str]] = frozenset({"span"})
    holding: ClassVar[tuple[str, ...]] = ()  # the fields that are nodes, in order
    span: Annotated[Any, Field(exclude=True, repr=False)] = None

    @cached_property
    def known(self) -> dict[Any, Any]:
        """What was computed of this very node (archlang/once.py)."""
        return {}

    def __copy__(self) -> Self:
        return without_computed(super().__copy__())

    def __deepcopy__(self, memo: dict[int, Any] | None = None) -> Self:
        return without_computed(super().__deepcopy__(memo))

    def __getstate__(self) -> dict[Any, Any]:
        return super().__getstate__() | {"__dict__": vars(without_computed(super().__copy__()))}

    def meaning(self) -> tuple[Any, ...]:
        return tuple(getattr(self, f) for f in type(self).model_fields if f not in self.annotations)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Node) and self.meaning() == other.meaning()

    def __hash__(self) -> int:
        return hash(self.meaning())


N = TypeVar("N", bound=Node)
COMPUTED = ("known", "layer")  # kept with a node, and no part of it


def without_computed(node: N) -> N:
    """A copy is made to be changed, so it begins without what was computed of the original."""
    for name in COMPUTED:
        vars(node).pop(name, None)
    return node


class Layer(Node):
    """A layer of the registry with the arguments that differ from their defaults."""

    kind: Literal["layer"] = "layer"
    name: str
    arguments: tuple[Argument, ...] = ()

    @cached_property
    def layer(self) -> LayerType:
        return make_layer(self.name, self.arguments)

    @model_validator(mode="after")
    def is_known(self) -> Layer:
        try:
            canonical = self.layer.arguments()
        except (KeyError, TypeError) as error:
            raise ValueError(f"no such layer: {self.name}{dict(self.arguments)}") from error
        if repr(canonical) != repr(self.arguments):  # 0 == 0.0, but not in JSON
            raise ValueError(f"not the canonical arguments of {self.name}: {canonical}")
        return self


class Hole(Layer):
    """The place of something that was reported as wrong; it takes anything. No network that is handed out has one."""

    name: str = "?"

    @cached_property
    def layer(self) -> LayerType:
        return Anything()


@dataclass(frozen=True)
class Anything(LayerType):
    """What a hole does as a layer."""

    name = "?"
    lowering = ""

    def output(self, x: Type) -> Type:
        return Type(wrong=True, source=x.source)


class Sequence(Node):
    """Things one after the other."""

    holding: ClassVar[tuple[str, ...]] = ("items",)
    kind: Literal["sequence"] = "sequence"
    items: tuple[Expression, ...]


class Residual(Node):
    """The body plus the identity, y = post(x + scale · body(x)).

    With a gate, t = σ(W x + b) for each channel: `sigmoid` is y = x + t · body(x), `highway` y = (1 - t) · x + t · body(x)
    (Parisotto et al. 2019, "output" gate; Srivastava et al. 2015). W is square; `post` comes after the sum.
    """

    holding: ClassVar[tuple[str, ...]] = ("body", "post")
    kind: Literal["residual"] = "residual"
    body: Expression
    scale: Scale | None = None
    gate: Gate | None = None
    post: Expression | None = None


class Repeat(Node):
    """`count` copies of the body with parameters of their own. `stacked` promises one compiled body, scanned."""

    annotations: ClassVar[frozenset[str]] = frozenset({"span", "remat", "unroll"})
    holding: ClassVar[tuple[str, ...]] = ("body",)
    kind: Literal["repeat"] = "repeat"
    body: Expression
    count: Annotated[StrictInt, Field(ge=1, le=MAX_COUNT)]
    stacked: bool
    remat: Remat | None = None  # None: the plan chooses
    unroll: Annotated[StrictInt, Field(ge=1)] | None = None

    @property
    def is_annotated(self) -> bool:
        """Whether something is said about how the copies are run."""
        return self.remat is not None or self.unroll is not None

    @property
    def is_loop(self) -> bool:
        """Whether the copies are one scan. A stack of one is its body, unless it is annotated: then the loop is asked for."""
        return self.stacked and (self.count > 1 or self.is_annotated)


class Parallel(Node):
    """Branches on one input, summed or concatenated."""

    holding: ClassVar[tuple[str, ...]] = ("branches",)
    kind: Literal["parallel"] = "parallel"
    branches: Annotated[tuple[Expression, ...], Field(min_length=1)]
    join: Literal["sum", "concat"] = "sum"


class Cast(Node):
    """The body computed in another dtype; its input is converted on the way in, its output back on the way out."""

    holding: ClassVar[tuple[str, ...]] = ("body",)
    kind: Literal["cast"] = "cast"
    dtype: Dtype
    body: Expression


Expression = Annotated[Layer | Sequence | Residual | Repeat | Parallel | Cast, Field(discriminator="kind")]


class Network(Node):
    """A named network."""

    holding: ClassVar[tuple[str, ...]] = ("body",)
    kind: Literal["network"] = "network"
    name: str
    body: Expression


def content_hash(node: Node) -> str:
    """16 hex digits that are the same in every process, and equal for equal nodes."""
    text = json.dumps(content(node), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def content(value: Any) -> Any:
    """What a node is, as plain JSON data without spans, annotations, and what was not given."""
    if isinstance(value, tuple):
        return [content(item) for item in value]
    if not isinstance(value, Node):
        return value
    fields = {f: getattr(value, f) for f in type(value).model_fields if f not in value.annotations}
    return {name: content(field) for name, field in fields.items() if field is not None}


def children(node: Node) -> tuple[Node, ...]:
    """The nodes directly inside a node, in order."""
    held = (getattr(node, name) for name in node.holding)
    return tuple(chain.from_iterable(value if isinstance(value, tuple) else (value,) for value in held if value is not None))
