"""How many parameters a network has, exactly as its lowered module; and how many dense layers."""

from __future__ import annotations

from archlang import ir
from archlang.analysis.sums import sums
from archlang.types import Type


def num_params(node: ir.Node, x: Type) -> int:
    """The number of parameters for an input of type `x`, whose width must be known."""
    return sums(node, x).params


def dense_layers(node: ir.Node) -> int:
    """The number of dense layers, stacks counted in full; the heads of `gaussian` are not among them."""
    inside = sum(dense_layers(child) for child in ir.children(node))
    if isinstance(node, ir.Layer):
        return int(node.name == "dense")
    return node.count * inside if isinstance(node, ir.Repeat) else inside
