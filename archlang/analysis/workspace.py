"""What lies between the operations of one copy, for a moment: some values of its width, and what its products need.

XLA divides a product with few entries and a long inner dimension into parts, so that all cores have work, and adds up the parts
afterwards. They are what takes most.
"""

from __future__ import annotations

from dataclasses import dataclass

from archlang import ir
from archlang.analysis.products import Product, has_gate, products_in
from archlang.analysis.splits import FLOAT, divided, parts_of
from archlang.targets import Chip
from archlang.types import Type

BYTES = {"f32": 4, "bf16": 2}


def workspace(node: ir.Node, x: Type, batch: int, chip: Chip, learned: bool = True) -> int:
    """What lies between the operations of one copy: some values of its width, and what its products need.

    Where it is only used, the values are what goes in and what comes out; where it is learned, what is passed back, from behind
    and to before, and what it is added to.
    """
    products = products_in(node, x, batch) if has_gate(node) else products_in(node, x)
    found, row = [Sizes.of(p, batch, chip, BYTES[x.dtype]) for p in products], batch * x.row_bytes
    if not found:
        return 3 * row
    if learned and isinstance(node, ir.Layer):
        return alone(found[0])
    copies = node.count if isinstance(node, ir.Repeat) else 1
    if not learned:
        return 2 * row + using(found, copies)
    again = isinstance(node, ir.Repeat) and node.is_loop and node.remat == "full"
    return learning(found, copies, row, again)


def alone(each: Sizes) -> int:
    """Of a product that is in no copy, what is passed back, from behind and to before, and parts: nothing is added to it."""
    in_parts = each.gradient if each.parts > 1 else 0
    return each.taken + each.given + in_parts + max(0, each.value - max(each.taken, each.given))


def using(found: list[Sizes], copies: int) -> int:
    """All that the products give, one of the matrices, which is cut out of the stack's, and the largest product."""
    matrix = max(each.matrix for each in found) * (copies > 1)
    return sum(each.times * each.given for each in found) + matrix + max(each.value for each in found)


def learning(found: list[Sizes], copies: int, row: int, again: bool) -> int:
    """The larger of two. Gradients in parts, and one value that is passed back. Or gradients in one piece, matrices, and what
    the products take and give: where a copy is computed `again`, all of it, and what is passed back; else a third of it, which
    is what plans have (benchmarks/estimates.py), and three values of the copy's width.

    To XLA's scheduler, which takes what frees most first, the sum of the parts goes into a new array of all copies. So the next
    gradient's parts, which free what that is made of, come before it where there are many copies, and all sums at the end.
    """
    waiting = sum(each.times * each.gradient for each in found if each.waits(copies))
    pieces = sum(each.times * each.matrix for each in found) * (copies > 1)
    values = sum(each.times * (each.taken + each.given) for each in found)
    held = row + values if again else 3 * row + values // 3
    largest = max(each.value for each in found)
    return max(3 * row + waiting + largest, held + pieces + max(largest, *(each.gradient for each in found)))


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
