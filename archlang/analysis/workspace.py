"""What lies between the operations of one copy, for a moment: some values of its width, and what its products need.

XLA divides a product with few entries and a long inner dimension into parts, so that all cores have work, and adds up the parts
afterwards. They are what takes most.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from archlang import ir
from archlang.analysis.parts import parts
from archlang.once import once
from archlang.types import Type

FLOAT = 4  # bytes of a parameter, and of its gradient
BYTES = {"f32": 4, "bf16": 2}
TILE = (64, 128)  # of a product: rows and columns that one core computes


@dataclass(frozen=True)
class Product:
    """A product [batch, rows] x [rows, columns] of a network, so many times."""

    rows: int
    columns: int
    times: int = 1


def workspace(node: ir.Node, x: Type, batch: int, cores: int, learned: bool = True) -> int:
    """What lies between the operations of one copy: some values of its width, and what its products need.

    Where it is only used, the values are what goes in and what comes out; where it is learned, what is passed back, from behind
    and to before, and what it is added to.
    """
    found, row = [Sizes.of(p, batch, cores, BYTES[x.dtype]) for p in products_in(node, x)], batch * x.row_bytes
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
    def of(product: Product, batch: int, cores: int, unit: int) -> Sizes:
        rows, columns = product.rows, product.columns
        value = max(divided(batch, columns, rows, cores, unit), divided(batch, rows, columns, cores, unit))
        gradient = divided(rows, columns, batch, cores, FLOAT)
        parts = parts_of(rows, columns, batch, cores)
        return Sizes(product.times, unit * rows * columns, unit * batch * rows, unit * batch * columns, value, gradient, parts)


def divided(rows: int, columns: int, inner: int, cores: int, unit: int) -> int:
    """Bytes of a product [rows, inner] x [inner, columns], or of its parts, which are f32 always."""
    parts = parts_of(rows, columns, inner, cores)
    return rows * columns * (unit if parts == 1 else FLOAT * parts)


def parts_of(rows: int, columns: int, inner: int, cores: int) -> int:
    """In how many parts XLA divides the inner dimension of a product [rows, inner] x [inner, columns] among the cores.

    More parts take less time each, and more to add up: the time, inner / parts + parts x tiles, is least at the root of
    inner / tiles. Powers of two, and two are none. The constants are those of XLA's choices for H100 and A100.
    """
    tiles = -(-rows // TILE[0]) * -(-columns // TILE[1])
    least, share = (24, 1.0) if cores >= 132 else (44, 0.6)
    most = min(inner / least, share * (inner / tiles) ** 0.5)
    parts = 1 << int(most).bit_length() - 1 if most >= 1 else 1
    return parts if parts > 2 else 1


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
