"""How many floating-point operations one forward pass of one row takes: of its matrix products, and of everything else."""

from __future__ import annotations

from archlang import ir
from archlang.analysis.parts import parts, total, width_of
from archlang.infer import output_type, summed
from archlang.types import Type

# On each number, beside the product: a bias and σ; then what makes the sum of x, the body's y and the gate's t.
GATES = {"sigmoid": 2 + 2, "highway": 2 + 4}  # x + t·y, (1 - t)·x + t·y


def flops(node: ir.Node, x: Type) -> int:
    """FLOPs of one forward pass of one row of type `x`, two per multiply-add of the matrix products; stacks count in full.

    Elementwise operations are left out. The input width must be known.
    """
    return total(node, x, lambda layer, in_features: layer.flops(in_features), gate)


def gate(in_features: int) -> int:
    """A square matrix."""
    return 2 * in_features**2


def elementwise(node: ir.Node, x: Type) -> int:
    """The operations on single numbers in the same pass: one for each addition, product, maximum, exponential, and the like."""
    inside = sum(count * elementwise(part, seen) for part, seen, count in parts(node, x))
    return inside + node.layer.elementwise(width_of(x)) if isinstance(node, ir.Layer) else inside + joins(node, x)


def joins(node: ir.Node, x: Type) -> int:
    """What puts the values in a node together."""
    if isinstance(node, ir.Residual):
        each = (1 if node.gate is None else GATES[node.gate]) + (node.scale is not None)
        return each * width_of(summed(node, x))
    if isinstance(node, ir.Parallel) and node.join == "sum":
        return (len(node.branches) - 1) * width_of(output_type(node, x))
    return 0
