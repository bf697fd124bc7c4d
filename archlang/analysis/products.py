"""The matrix products of a network."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from archlang import ir
from archlang.analysis.parts import parts
from archlang.once import once
from archlang.types import Type

MERGED = 32 * 2**20  # bytes of the smaller of two products, below which XLA for GPUs makes one of them


@dataclass(frozen=True)
class Product:
    """A product [batch, rows] x [rows, columns] of a network, so many times."""

    rows: int
    columns: int
    times: int = 1

    def moved(self, batch: int) -> int:
        """Bytes that it takes and gives, in f32."""
        return 4 * (batch * (self.rows + self.columns) + self.rows * self.columns)


@once
def products_in(node: ir.Node, x: Type, batch: int = 0, /) -> tuple[Product, ...]:
    """The products in a node; of a loop's body once, however many copies.

    With a batch, as XLA computes them: it makes one of a gate's product and of one with which the body begins, both of which
    take x, where either is small (openxla/xla, xla/hlo/transforms/simplifiers/dot_merger.h).
    """
    return tuple(found_in(node, x, batch))


def found_in(node: ir.Node, x: Type, batch: int) -> Iterator[Product]:
    if isinstance(node, ir.Layer):
        size = node.layer.flops(x.width or 0) // 2
        if size and x.width:
            yield Product(x.width, size // x.width)
    if isinstance(node, ir.Residual) and node.gate is not None and x.width:
        yield from gated(node, x, x.width, batch)
        return
    yield from inside(node, x, batch)


def inside(node: ir.Node, x: Type, batch: int) -> Iterator[Product]:
    loop = isinstance(node, ir.Repeat) and node.is_loop
    for part, seen, count in parts(node, x):
        for found in products_in(part, seen, batch):
            yield found if loop else replace(found, times=count * found.times)


def gated(node: ir.Residual, x: Type, width: int, batch: int) -> Iterator[Product]:
    """The gate's product, and those of the body, and of what comes after the sum."""
    gate, found = Product(width, width), list(inside(node, x, batch))
    merged = batch and begins_with_product(node.body, width) and min(gate.moved(batch), found[0].moved(batch)) < MERGED
    if not merged:
        yield gate
        yield from found
        return
    yield Product(width, width + found[0].columns)
    yield from found[1:]


def begins_with_product(node: ir.Node, width: int) -> bool:
    if isinstance(node, ir.Sequence):
        return bool(node.items) and begins_with_product(node.items[0], width)
    return isinstance(node, ir.Layer) and node.layer.flops(width) > 0


@once
def has_gate(node: ir.Node, /) -> bool:
    """Whether any residual in a node has one: without, XLA computes the products as they are written."""
    return (isinstance(node, ir.Residual) and node.gate is not None) or any(map(has_gate, ir.children(node)))
