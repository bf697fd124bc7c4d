"""Strategies for typed IR: every network that is drawn is well typed for its input width."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, get_args

from hypothesis import strategies as st

from archlang import ir
from archlang.infer import output_type
from archlang.layers import LAYERS, find_layer, make_layer, plugins
from archlang.layers.kinds import Choice, Flag, Number, Whole
from archlang.limits import MAX_WIDTH
from archlang.types import Type

Draw = Callable[[st.SearchStrategy[Any]], Any]


def every_layer() -> tuple[str, ...]:
    """All layers that a specification may name, those of plug-ins included."""
    return (*LAYERS, *plugins().layers)


@dataclass(frozen=True)
class Sizes:
    """What may be drawn: widths, how often a body repeats, which layers, and whether `@dtype(bf16)` or a last `gaussian`.

    Layers that widen their input are drawn up to four times `max_width`. `dense` restores widths, in `layers` or not.
    """

    min_width: int = 1
    max_width: int = 8
    max_count: int = 4
    casts: bool = False
    heads: bool = False
    layers: tuple[str, ...] = field(default_factory=every_layer)

    def widths(self) -> st.SearchStrategy[int]:
        return st.integers(self.min_width, self.max_width)

    def allow(self, x: Type, y: Type) -> bool:
        """Whether a piece of network may map x to y."""
        limit = max(x.width or 0, min(4 * self.max_width, MAX_WIDTH))
        return not y.distribution and y.width is not None and y.width <= limit


@st.composite
def networks(draw: Draw, sizes: Sizes = Sizes(), depth: int = 3) -> tuple[ir.Network, int]:
    """A network and an input width that it takes; `depth` bounds how deeply combinators nest."""
    width = draw(sizes.widths())
    body = draw(expressions(Type.of_input(width), sizes, depth))
    if sizes.heads and draw(st.booleans()):
        body = ir.Sequence(items=(body, ir.Layer(name="gaussian", arguments=(("action_dim", draw(sizes.widths())),))))
    return ir.Network(name="network", body=body), width


@st.composite
def expressions(draw: Draw, x: Type, sizes: Sizes, depth: int) -> ir.Expression:
    """An expression that takes inputs of that type."""
    shapes = [*SHAPES, cast] if sizes.casts else list(SHAPES)
    shape = draw(st.sampled_from(shapes)) if depth else layers
    return shape(draw, x, sizes, depth - 1)


# --- layers -----------------------------------------------------------------------------------------------------------


def layers(draw: Draw, x: Type, sizes: Sizes, depth: int) -> ir.Expression:
    """One to four layers."""
    items: list[ir.Layer] = []
    for name in draw(st.lists(st.sampled_from(("dense", "dense", *sizes.layers)), min_size=1, max_size=4)):
        drawn = layer(draw, name, sizes)
        items.append(drawn if sizes.allow(x, output_type(drawn, x)) else layer(draw, "dense", sizes))
        x = output_type(items[-1], x)
    return items[0] if len(items) == 1 else ir.Sequence(items=tuple(items))


def layer(draw: Draw, name: str, sizes: Sizes) -> ir.Layer:
    """A layer with the arguments that it needs and some that it can take."""
    parameters = find_layer(name).parameters()
    given = [p for p in parameters if p.required or (type(p.kind) in VALUES and draw(st.booleans()))]
    arguments = tuple((p.name, draw(VALUES[type(p.kind)](p.kind, sizes))) for p in given)
    return ir.Layer(name=name, arguments=make_layer(name, arguments).arguments())


def dense(draw: Draw, width: int | None, sizes: Sizes) -> ir.Layer:
    """A dense layer that gives that width."""
    others = layer(draw, "dense", sizes).arguments[1:]
    return ir.Layer(name="dense", arguments=(("features", width or 1), *others))


def wholes(kind: Whole, sizes: Sizes) -> st.SearchStrategy[int]:
    low = max(kind.low, sizes.min_width)
    return st.integers(low, max(low, min(kind.high, sizes.max_width)))


def numbers(kind: Number, sizes: Sizes) -> st.SearchStrategy[Any]:
    """Of two digits, from -1 to 1 where the kind accepts that, so that deep networks neither explode nor vanish."""
    low = max(kind.low, min(kind.high, 1.0) - 2.0)
    drawn = st.floats(low, min(kind.high, low + 2.0))
    return drawn.map(lambda value: kind.canonical(round(value, 2))).filter(kind.accepts)


def choices(kind: Choice, sizes: Sizes) -> st.SearchStrategy[str]:
    gains = st.integers(1, 15).map(lambda tenths: tenths / 10)
    with_gain = [gains.map(lambda gain, name=name: f"{name}({gain})") for name in kind.gains]
    return st.one_of(st.sampled_from(kind.options), *with_gain)


# How to draw an argument, by the class of its kind. A plug-in with a kind of its own puts it here.
VALUES: dict[type, Callable[[Any, Sizes], st.SearchStrategy[Any]]] = {
    Whole: wholes,
    Number: numbers,
    Flag: lambda kind, sizes: st.booleans(),
    Choice: choices,
}


# --- combinators ------------------------------------------------------------------------------------------------------


def sequence(draw: Draw, x: Type, sizes: Sizes, depth: int) -> ir.Expression:
    first = draw(expressions(x, sizes, depth))
    return ir.Sequence(items=(first, draw(expressions(output_type(first, x), sizes, depth))))


def keeping(draw: Draw, x: Type, sizes: Sizes, depth: int) -> ir.Expression:
    """An expression that gives the width that it takes."""
    body = draw(expressions(x, sizes, depth))
    if output_type(body, x) == x:
        return body
    return ir.Sequence(items=(body, dense(draw, x.width, sizes)))


def residual(draw: Draw, x: Type, sizes: Sizes, depth: int) -> ir.Expression:
    return ir.Residual(
        body=keeping(draw, x, sizes, depth),
        scale=draw(st.none() | numbers(Number(), sizes)),
        gate=draw(st.sampled_from([None, None, "sigmoid", "highway"])),
        post=draw(st.none() | expressions(x, sizes, 0)),
    )


def repeat(draw: Draw, x: Type, sizes: Sizes, depth: int) -> ir.Expression:
    body = keeping(draw, x, sizes, depth)
    count, stacked = draw(st.integers(1, sizes.max_count)), draw(st.booleans())
    remat = draw(st.sampled_from([None, *get_args(ir.Remat)])) if stacked else None
    unroll = draw(st.sampled_from([None, 1, 2][: count + 1])) if stacked else None  # no more than the copies
    return ir.Repeat(body=body, count=count, stacked=stacked, remat=remat, unroll=unroll)


def parallel(draw: Draw, x: Type, sizes: Sizes, depth: int) -> ir.Expression:
    branches = tuple(keeping(draw, x, sizes, depth) for _ in range(draw(st.integers(1, 3))))
    joined = ir.Parallel(branches=branches, join=draw(st.sampled_from(["sum", "concat"])))
    return joined if sizes.allow(x, output_type(joined, x)) else ir.Parallel(branches=branches)


def cast(draw: Draw, x: Type, sizes: Sizes, depth: int) -> ir.Expression:
    return ir.Cast(dtype="bf16", body=draw(expressions(x.with_dtype("bf16"), sizes, depth)))


SHAPES = (layers, sequence, residual, repeat, repeat, parallel)
