"""The type rules: node + input type → output type.

Total, and without complaints: on a network that the checks accept it is exact; on others it gives what the node would like
to be, so that the checks can compare. Repeats cost one step, not `count` steps, wherever the type settles.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from typing import Any

from archlang import ir
from archlang.layers import Refused
from archlang.types import Type


def output_type(node: ir.Node, x: Type) -> Type:
    """The type of the output of `node` for an input of type `x`."""
    return RULES[type(node)](node, x)


def layer(node: ir.Layer, x: Type) -> Type:
    try:
        return node.layer.output(x)
    except Refused:
        return Type(wrong=True, source=x.source)


def copies(node: ir.Repeat, x: Type) -> tuple[list[tuple[Type, int]], Type]:
    """The input types that the copies of a repeat see, each with how many see it: (29, 1), (256, 249); and the output."""
    runs: list[tuple[Type, int]] = []
    left = node.count
    while left:
        y = output_type(node.body, x)
        settled = node.stacked or y == x
        runs.append((x, left if settled else 1))
        left -= runs[-1][1]
        x = y
    return runs, x


def parallel(node: ir.Parallel, x: Type) -> Type:
    outputs = [output_type(branch, x) for branch in node.branches]
    if node.join == "sum":
        return next((output for output in outputs if output.width is not None), outputs[0])
    widths = [output.width for output in outputs]
    return x.with_width(None if None in widths else sum(width or 0 for width in widths))


def cast(node: ir.Cast, x: Type) -> Type:
    return output_type(node.body, x.with_dtype(node.dtype)).with_dtype(x.dtype)


def summed(node: ir.Residual, x: Type) -> Type:
    """The type of the sum in a residual, which `post` takes."""
    return x if x.width is not None else output_type(node.body, x)


def residual(node: ir.Residual, x: Type) -> Type:
    y = summed(node, x)
    return y if node.post is None else output_type(node.post, y)


RULES: dict[type[ir.Node], Callable[[Any, Type], Type]] = {
    ir.Layer: layer,
    ir.Hole: layer,
    ir.Sequence: lambda node, x: reduce(lambda value, item: output_type(item, value), node.items, x),
    ir.Residual: residual,
    ir.Repeat: lambda node, x: copies(node, x)[1],
    ir.Parallel: parallel,
    ir.Cast: cast,
    ir.Network: lambda node, x: output_type(node.body, x),
}
