"""How many parameters a network has, exactly as its lowered module; and how many dense layers."""

from __future__ import annotations

from archlang import ir
from archlang.analysis.parts import total
from archlang.types import Type


def num_params(node: ir.Node, x: Type) -> int:
    """The number of parameters for an input of type `x`, whose width must be known."""
    return total(node, x, lambda layer, in_features: layer.num_params(in_features), gate)


def dense_layers(node: ir.Node) -> int:
    """The number of dense layers, stacks counted in full; the heads of `gaussian` are not among them."""
    inside = sum(dense_layers(child) for child in ir.children(node))
    if isinstance(node, ir.Layer):
        return int(node.name == "dense")
    return node.count * inside if isinstance(node, ir.Repeat) else inside


def gate(in_features: int) -> int:
    """A square matrix and a bias."""
    return in_features * (in_features + 1)
