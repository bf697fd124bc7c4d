"""The parts of a node, with the type that each sees and how often it occurs: what every sum over a network walks over."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from archlang import ir
from archlang.infer import copies, output_type, summed
from archlang.types import Type

Part = tuple[ir.Node, Type, int]  # a node directly inside another, its input type, how many copies of it there are


def width_of(x: Type) -> int:
    if x.width is None:
        raise ValueError("this depends on a width that is not known")
    return x.width


def parts(node: ir.Node, x: Type) -> Iterator[Part]:
    """The nodes directly inside a node, in order."""
    return PARTS[type(node)](node, x)


def in_sequence(items: tuple[ir.Node, ...], x: Type) -> Iterator[Part]:
    for item in items:
        yield item, x, 1
        x = output_type(item, x)


def residual(node: ir.Residual, x: Type) -> Iterator[Part]:
    yield node.body, x, 1
    if node.post is not None:
        yield node.post, summed(node, x), 1


PARTS: dict[type[ir.Node], Callable[[Any, Type], Iterator[Part]]] = {
    ir.Layer: lambda node, x: iter(()),
    ir.Sequence: lambda node, x: in_sequence(node.items, x),
    ir.Residual: residual,
    ir.Repeat: lambda node, x: ((node.body, seen, count) for seen, count in copies(node, x)[0]),
    ir.Parallel: lambda node, x: ((branch, x, 1) for branch in node.branches),
    ir.Cast: lambda node, x: iter([(node.body, x.with_dtype(node.dtype), 1)]),
    ir.Network: lambda node, x: iter([(node.body, x, 1)]),
}
