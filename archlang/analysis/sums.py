"""Everything that is a sum over the layers of a network, in one walk; stacks count in full."""

from __future__ import annotations

from dataclasses import dataclass

from archlang import ir
from archlang.analysis.parts import parts, width_of
from archlang.infer import output_type, summed
from archlang.once import once
from archlang.types import Type

# Of a residual's gate, on each number, beside the product: a bias and σ; then what joins x, the body's y and the gate's t.
GATES = {"sigmoid": 2 + 2, "highway": 2 + 4}  # x + t·y, (1 - t)·x + t·y


@dataclass(frozen=True)
class Sums:
    """Of a node: the numbers that it learns; of one row forward, its matrix products, their FLOPs, two to a multiply-add, and
    those whose matrix is learned; and the operations on single numbers: one for each addition, product, maximum, exponential.
    """

    params: int = 0
    products: int = 0
    flops: int = 0
    learned_flops: int = 0
    elementwise: int = 0

    def plus(self, other: Sums, times: int = 1) -> Sums:
        return Sums(
            self.params + times * other.params,
            self.products + times * other.products,
            self.flops + times * other.flops,
            self.learned_flops + times * other.learned_flops,
            self.elementwise + times * other.elementwise,
        )


@once
def sums(node: ir.Node, x: Type, /) -> Sums:
    """Those of a node for an input of type `x`.

    Raises `ValueError` where a width is not known: of the input, or of the action.
    """
    if isinstance(node, ir.Layer):
        return of_layer(node, x)
    found = Sums(elementwise=joins(node, x))
    for part, seen, count in parts(node, x):
        found = found.plus(sums(part, seen), count)
    return found.plus(of_gate(width_of(x))) if isinstance(node, ir.Residual) and node.gate is not None else found


def of_layer(node: ir.Layer, x: Type) -> Sums:
    width_of(output_type(node, x))  # of a bare `gaussian` it is not known
    layer, width = node.layer, width_of(x)
    params, flops = layer.num_params(width), layer.flops(width)
    return Sums(params, int(flops > 0), flops, flops if params else 0, layer.elementwise(width))


def of_gate(width: int) -> Sums:
    """A square matrix and a bias."""
    flops = gate_flops(width)
    return Sums(width * (width + 1), 1, flops, flops)


def gate_flops(width: int) -> int:
    return 2 * width**2


def joins(node: ir.Node, x: Type) -> int:
    """The operations that put the values in a node together."""
    if isinstance(node, ir.Residual):
        each = (1 if node.gate is None else GATES[node.gate]) + (node.scale is not None)
        return each * width_of(summed(node, x))
    if isinstance(node, ir.Parallel) and node.join == "sum":
        return (len(node.branches) - 1) * width_of(output_type(node, x))
    return 0
