"""The matrix products at either end of a network: what the first of them need not be given in a backward pass, or the last.

The first ones take data, or what is computed from data alone: nobody asks for the gradient of that. The last ones give what
nothing reads again: where a copy of a stack is computed again, they are not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from archlang import ir
from archlang.analysis.flops import flops
from archlang.analysis.parts import parts, width_of
from archlang.analysis.sums import gate_flops
from archlang.infer import copies
from archlang.layers import LayerType
from archlang.types import Type


@dataclass(frozen=True)
class Edge:
    """FLOPs, for one row, of the matrix products up to where a walk ends; `open`: it came out at the other end."""

    flops: int = 0
    open: bool = True

    @staticmethod
    def in_order(edges: Iterable[Edge]) -> Edge:
        """One after the other, in the direction of the walk."""
        passed = 0
        for edge in edges:
            passed += edge.flops
            if not edge.open:
                return Edge(passed, open=False)
        return Edge(passed)

    @staticmethod
    def joined(edges: Iterable[Edge]) -> Edge:
        """Side by side."""
        found = list(edges)
        return Edge(sum(edge.flops for edge in found), all(edge.open for edge in found))


def of_data(node: ir.Node, x: Type) -> int:
    """FLOPs of the products that nothing learned comes before; the first layer that learns is among them."""
    return Walk(learns, backwards=False).edge(node, x).flops


def unread(node: ir.Node, x: Type, weights: bool) -> Edge:
    """The products whose outputs a backward pass does not look at; `weights`: it goes to the weights as well. Open where it
    looks at nothing."""
    return Walk(reads_to_weights if weights else reads, backwards=True).edge(node, x)


def learns(layer: LayerType, x: Type) -> bool:
    return layer.num_params(width_of(x)) > 0


def reads(layer: LayerType, x: Type) -> bool:
    """Whether the derivative to the input of a layer depends on that input; of a product it does not."""
    saved = layer.saved(x)
    return not layer.flops(width_of(x)) and bool(saved.computed or saved.input or saved.output)


def reads_to_weights(layer: LayerType, x: Type) -> bool:
    return reads(layer, x) or layer.flops(width_of(x)) > 0


@dataclass(frozen=True)
class Walk:
    """From the first part of a network on, or from the last one back, to the first that `ends` it; that one counts."""

    ends: Callable[[LayerType, Type], bool]
    backwards: bool

    def edge(self, node: ir.Node, x: Type) -> Edge:
        return EDGES.get(type(node), Walk.sequence)(self, node, x)

    def layer(self, node: ir.Layer, x: Type) -> Edge:
        return Edge(node.layer.flops(width_of(x)), not self.ends(node.layer, x))

    def sequence(self, node: ir.Node, x: Type) -> Edge:
        """Things in a row; of a residual, the body and what comes after the sum."""
        found = list(parts(node, x))
        return Edge.in_order(self.edge(part, seen) for part, seen, _ in (reversed(found) if self.backwards else found))

    def residual(self, node: ir.Residual, x: Type) -> Edge:
        """A gate's product takes what the body takes; its derivative reads both."""
        if node.gate is None:
            return self.sequence(node, x)
        if not self.backwards:
            return Edge(self.edge(node.body, x).flops + gate_flops(width_of(x)), open=False)
        after = Edge() if node.post is None else self.edge(node.post, x)
        return Edge(after.flops, open=False)

    def parallel(self, node: ir.Parallel, x: Type) -> Edge:
        return Edge.joined(self.edge(branch, x) for branch in node.branches)

    def repeat(self, node: ir.Repeat, x: Type) -> Edge:
        """All copies in a loop do the same; of others, the one at this end may do less."""
        found = self.edge(node.body, copies(node, x)[0][-1 if self.backwards else 0][0])
        if found.open:
            return Edge(flops(node, x))
        return Edge(0 if node.is_loop else found.flops, open=False)


EDGES: dict[type[ir.Node], Callable[[Walk, Any, Type], Edge]] = {
    ir.Layer: Walk.layer,
    ir.Residual: Walk.residual,
    ir.Parallel: Walk.parallel,
    ir.Repeat: Walk.repeat,
}
