"""How many floating-point operations the matrix products of a network take."""

from __future__ import annotations

from archlang import ir
from archlang.analysis.parts import total
from archlang.types import Type


def flops(node: ir.Node, x: Type) -> int:
    """FLOPs of one forward pass of one row of type `x`, two per multiply-add of the matrix products; stacks count in full.

    Elementwise operations are left out. The input width must be known.
    """
    return total(node, x, lambda layer, in_features: layer.flops(in_features), gate)


def gate(in_features: int) -> int:
    """A square matrix."""
    return 2 * in_features**2
