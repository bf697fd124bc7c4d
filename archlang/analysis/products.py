"""The matrix products of a network."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from archlang import ir
from archlang.analysis.parts import parts
from archlang.once import once
from archlang.types import Type


@dataclass(frozen=True)
class Product:
    """A product [batch, rows] x [rows, columns] of a network, so many times."""

    rows: int
    columns: int
    times: int = 1


@once
def products_in(node: ir.Node, x: Type, merged: bool = False) -> tuple[Product, ...]:
    """The products in a node; of a loop's body once, however many copies.

    `merged`: as XLA computes them, which makes one product of a gate's and of one with which the body begins: both take x.
    """
    return tuple(found_in(node, x, merged))


def found_in(node: ir.Node, x: Type, merged: bool) -> Iterator[Product]:
    if isinstance(node, ir.Layer):
        size = node.layer.flops(x.width or 0) // 2
        if size and x.width:
            yield Product(x.width, size // x.width)
    if isinstance(node, ir.Residual) and node.gate is not None and x.width:
        yield from gated(node, x, x.width, merged)
        return
    yield from inside(node, x, merged)


def inside(node: ir.Node, x: Type, merged: bool) -> Iterator[Product]:
    loop = isinstance(node, ir.Repeat) and node.is_loop
    for part, seen, count in parts(node, x):
        for found in products_in(part, seen, merged):
            yield found if loop else replace(found, times=count * found.times)


def gated(node: ir.Residual, x: Type, width: int, merged: bool) -> Iterator[Product]:
    """The gate's product, and those of the body, and of what comes after the sum."""
    found = list(inside(node, x, merged))
    if not (merged and begins_with_product(node.body, width)):
        yield Product(width, width)
        yield from found
        return
    yield Product(width, width + found[0].columns)
    yield from found[1:]


def begins_with_product(node: ir.Node, width: int) -> bool:
    if isinstance(node, ir.Sequence):
        return begins_with_product(node.items[0], width)
    return isinstance(node, ir.Layer) and node.layer.flops(width) > 0
