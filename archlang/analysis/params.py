"""How many parameters a network has, exactly as its lowered module; and how many dense layers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from archlang import ir
from archlang.infer import copies, output_type
from archlang.types import Type


def num_params(node: ir.Node, x: Type) -> int:
    """The number of parameters for an input of type `x`, whose width must be known."""
    return PARAMS[type(node)](node, x)


def dense_layers(node: ir.Node) -> int:
    """The number of dense layers, stacks counted in full; the heads of `gaussian` are not among them."""
    inside = sum(dense_layers(child) for child in ir.children(node))
    if isinstance(node, ir.Layer):
        return int(node.name == "dense")
    return node.count * inside if isinstance(node, ir.Repeat) else inside


def layer(node: ir.Layer, x: Type) -> int:
    if x.width is None:
        raise ValueError("the number of parameters depends on the input width")
    return node.layer.num_params(x.width)


def sequence(node: ir.Sequence, x: Type) -> int:
    total = 0
    for item in node.items:
        total += num_params(item, x)
        x = output_type(item, x)
    return total


PARAMS: dict[type[ir.Node], Callable[[Any, Type], int]] = {
    ir.Layer: layer,
    ir.Sequence: sequence,
    ir.Residual: lambda node, x: num_params(node.body, x),
    ir.Repeat: lambda node, x: sum(run * num_params(node.body, seen) for seen, run in copies(node, x)[0]),
    ir.Parallel: lambda node, x: sum(num_params(branch, x) for branch in node.branches),
    ir.Cast: lambda node, x: num_params(node.body, x.with_dtype(node.dtype)),
    ir.Network: lambda node, x: num_params(node.body, x),
}
