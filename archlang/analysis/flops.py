"""How many floating-point operations one forward pass of one row takes: of its matrix products, and of everything else."""

from __future__ import annotations

from archlang import ir
from archlang.analysis.sums import sums
from archlang.types import Type


def flops(node: ir.Node, x: Type) -> int:
    """FLOPs of one forward pass of one row of type `x`, two per multiply-add of the matrix products; stacks count in full.

    Elementwise operations are left out. The input width must be known.
    """
    return sums(node, x).flops


def elementwise(node: ir.Node, x: Type) -> int:
    """The operations on single numbers in the same pass: one for each addition, product, maximum, exponential, and the like."""
    return sums(node, x).elementwise
