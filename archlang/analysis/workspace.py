"""What lies between the operations of one copy, for a moment: some values of its width, and what its products need.

XLA divides a product with few entries and a long inner dimension into parts, so that all cores have work, and adds up the parts
afterwards. They are what takes most.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from archlang import ir
from archlang.analysis.parts import parts
from archlang.analysis.splits import FLOAT, divided, parts_of
from archlang.once import once
from archlang.targets import Chip
from archlang.types import Type

BYTES = {"f32": 4, "bf16": 2}


@dataclass(frozen=True)
class Product:
    """A product [batch, rows] x [rows, columns] of a network, so many times."""

    rows: int
    columns: int
    times: int = 1


def workspace(node: ir.Node, x: Type, batch: int, chip: Chip, learned: bool = True) -> int:
    """What lies between the operations of one copy: some values of its width, and what its products need.

    Where it is only used, the values are what goes in and what comes out; where it is learned, what is passed back, from behind
    and to before, and what it is added to.
    """
    found, row = [Sizes.of(p, batch, chip, BYTES[x.dtype]) for p in products_in(node, x)], batch * x.row_bytes
    if not found:
        return 3 * row
    if learned and isinstance(node, ir.Layer):
        return alone(found[0])
    copies = node.count if isinstance(node, ir.Repeat) else 1
    return 3 * row + learning(found, copies) if learned else 2 * row + using(found, copies)


def alone(each: Sizes) -> int:
    """Of a product that is in no copy, what is passed back, from behind and to before, and parts: nothing is added to it."""
    in_parts = each.gradient if each.parts > 1 else 0
    return each.taken + each.given + in_parts + max(0, each.value - max(each.taken, each.given))


def using(found: list[Sizes], copies: int) -> int:
    """All that the products give, one of the matrices, which is cut out of the stack's, and the largest product."""
    matrix = max(each.matrix for each in found) * (copies > 1)
    return sum(each.times * each.given for each in found) + matrix + max(each.value for each in found)


def learning(found: list[Sizes], copies: int) -> int:
    """The larger of two. Gradients in parts, and one value that is passed back. Or gradients in one piece, a third of what the
    products take and give, which is what plans have of it (benchmarks/estimates.py), and the largest product.

    To XLA's scheduler, which takes what frees most first, the sum of the parts goes into a new array of all copies. So the next
    gradient's parts, which free what that is made of, come before it where there are many copies, and all sums at the end.
    """
    waiting = sum(each.times * each.gradient for each in found if each.waits(copies))
    pieces = sum(each.times * each.matrix for each in found) * (copies > 1)
    values = sum(each.times * (each.taken + each.given) for each in found) // 3
    largest = max(each.value for each in found)
    return max(waiting + largest, pieces + values + max(largest, *(each.gradient for each in found)))


@dataclass(frozen=True)
class Sizes:
    """Bytes of one of the products of a copy, `times` of them: its matrix, what is `taken` and `given`; and, in the parts that
    XLA makes of them, the larger of what it gives and what is passed back through it (`value`), and the matrix's gradient, in
    so many `parts`.
    """

    times: int
    matrix: int
    taken: int
    given: int
    value: int
    gradient: int
    parts: int

    def waits(self, copies: int) -> bool:
        """Whether the sum of the parts takes more memory, less what it frees, than the parts of another such gradient."""
        one = self.gradient // self.parts
        return self.parts > 1 and copies * one - self.gradient > self.gradient - self.taken - self.given

    @staticmethod
    def of(product: Product, batch: int, chip: Chip, unit: int) -> Sizes:
        rows, columns = product.rows, product.columns
        value = max(divided(batch, columns, rows, chip, unit), divided(batch, rows, columns, chip, unit))
        gradient = divided(rows, columns, batch, chip, FLOAT)
        parts = parts_of(rows, columns, batch, chip, FLOAT)
        return Sizes(product.times, unit * rows * columns, unit * batch * rows, unit * batch * columns, value, gradient, parts)


@once
def products_in(node: ir.Node, x: Type) -> tuple[Product, ...]:
    """The products in a node; of a loop's body once, however many copies."""
    return tuple(found_in(node, x))


def found_in(node: ir.Node, x: Type) -> Iterator[Product]:
    if isinstance(node, ir.Layer):
        size = node.layer.flops(x.width or 0) // 2
        if size and x.width:
            yield Product(x.width, size // x.width)
    if isinstance(node, ir.Residual) and node.gate is not None and x.width:
        yield Product(x.width, x.width)
    loop = isinstance(node, ir.Repeat) and node.is_loop
    for part, seen, count in parts(node, x):
        for found in products_in(part, seen):
            yield found if loop else replace(found, times=count * found.times)
