"""What a forward pass holds at once where nothing is kept for later: the networks while steps are collected."""

from __future__ import annotations

from archlang import ir
from archlang.analysis.products import Product, products_in
from archlang.analysis.splits import FLOAT, parts_of
from archlang.analysis.update import in_a_row
from archlang.analysis.workspace import BYTES
from archlang.targets import REFERENCE, Chip
from archlang.types import Type


def forward_bytes(network: ir.Node, x: Type, rows: int, chip: Chip = REFERENCE) -> int:
    """The most, at one of the products, for a batch of rows of type `x` on such a chip."""
    return max(
        (at(item, seen, product, rows, chip) for item, seen in in_a_row(network, x) for product in products_in(item, seen)),
        default=0,
    )


def at(item: ir.Node, x: Type, product: Product, rows: int, chip: Chip) -> int:
    """What a product takes and gives, and the parts that XLA makes of it, if it does. In more than a layer there is, besides,
    what comes into it and is added later; and of a loop the matrix, which is cut out of the stack's."""
    unit, added = BYTES[x.dtype], 0 if isinstance(item, ir.Layer) else rows * x.row_bytes
    parts = parts_of(rows, product.columns, product.rows, chip, unit)
    in_parts = FLOAT * parts * rows * product.columns if parts > 1 else 0
    matrix = FLOAT * product.rows * product.columns if isinstance(item, ir.Repeat) and item.is_loop else 0
    return added + unit * rows * (product.rows + product.columns) + in_parts + matrix


def widest(network: ir.Node, x: Type) -> int:
    """The width of a network's widest layer."""
    return max((product.columns for product in products_in(network, x)), default=0)
