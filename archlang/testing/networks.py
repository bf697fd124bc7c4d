"""Strategies for typed IR: every network that is drawn is well typed for its input width."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

from archlang import ir
from archlang.infer import output_type
from archlang.layers import LAYERS
from archlang.types import Type

Draw = Callable[[st.SearchStrategy[Any]], Any]
KEEPING = tuple(name for name in LAYERS if name not in ("dense", "gaussian"))


@dataclass(frozen=True)
class Sizes:
    """What may be drawn: widths, how often a body repeats, and whether `@dtype(bf16)` may occur."""

    min_width: int = 1
    max_width: int = 8
    max_count: int = 4
    casts: bool = False

    def widths(self) -> st.SearchStrategy[int]:
        return st.integers(self.min_width, self.max_width)


@st.composite
def networks(draw: Draw, sizes: Sizes = Sizes(), depth: int = 3) -> tuple[ir.Network, int]:
    """A network and an input width that it takes; `depth` bounds how deeply combinators nest."""
    width = draw(sizes.widths())
    return ir.Network(name="network", body=draw(expressions(width, sizes, depth))), width


@st.composite
def expressions(draw: Draw, width: int, sizes: Sizes, depth: int) -> ir.Expression:
    """An expression that takes inputs of that width."""
    shapes = [*SHAPES, cast] if sizes.casts else list(SHAPES)
    shape = draw(st.sampled_from(shapes)) if depth else layers
    return shape(draw, width, sizes, depth - 1)


def dense(draw: Draw, width: int) -> ir.Layer:
    options = draw(st.sampled_from([(), (("bias", False),), (("init", "he"),)]))
    return ir.Layer(name="dense", arguments=(("features", width), *options))


def layers(draw: Draw, width: int, sizes: Sizes, depth: int) -> ir.Expression:
    """One to four layers."""
    names = draw(st.lists(st.sampled_from(("dense", "dense", *KEEPING)), min_size=1, max_size=4))
    items = [dense(draw, draw(sizes.widths())) if name == "dense" else ir.Layer(name=name) for name in names]
    return items[0] if len(items) == 1 else ir.Sequence(items=tuple(items))


def sequence(draw: Draw, width: int, sizes: Sizes, depth: int) -> ir.Expression:
    first = draw(expressions(width, sizes, depth))
    return ir.Sequence(items=(first, draw(expressions(width_after(first, width), sizes, depth))))


def keeping(draw: Draw, width: int, sizes: Sizes, depth: int) -> ir.Expression:
    """An expression that gives the width that it takes."""
    body = draw(expressions(width, sizes, depth))
    if width_after(body, width) == width:
        return body
    return ir.Sequence(items=(body, dense(draw, width)))


def residual(draw: Draw, width: int, sizes: Sizes, depth: int) -> ir.Expression:
    return ir.Residual(body=keeping(draw, width, sizes, depth))


def repeat(draw: Draw, width: int, sizes: Sizes, depth: int) -> ir.Expression:
    body = keeping(draw, width, sizes, depth)
    count, stacked = draw(st.integers(1, sizes.max_count)), draw(st.booleans())
    remat = draw(st.sampled_from([None, "none", "dots", "full"])) if stacked else None
    unroll = draw(st.sampled_from([None, 1, 2])) if stacked else None
    return ir.Repeat(body=body, count=count, stacked=stacked, remat=remat, unroll=unroll)


def parallel(draw: Draw, width: int, sizes: Sizes, depth: int) -> ir.Expression:
    count, join = draw(st.integers(1, 3)), draw(st.sampled_from(["sum", "concat"]))
    branches = [keeping(draw, width, sizes, depth) for _ in range(count)]
    return ir.Parallel(branches=tuple(branches), join=join)


def cast(draw: Draw, width: int, sizes: Sizes, depth: int) -> ir.Expression:
    return ir.Cast(dtype="bf16", body=draw(expressions(width, sizes, depth)))


SHAPES = (layers, sequence, residual, repeat, repeat, parallel)


def width_after(node: ir.Expression, width: int) -> int:
    return output_type(node, Type(width)).width or 0
