"""Products in parts that XLA adds up late: within what comes next, and so again in the backward pass.

Until then the parts are kept in the place of their sum. Only what goes over the rows first, to normalize them, takes the sum.
"""

from __future__ import annotations

from collections.abc import Iterator

from archlang import ir
from archlang.analysis.parts import parts
from archlang.analysis.products import products_in
from archlang.analysis.splits import divided
from archlang.analysis.workspace import BYTES
from archlang.targets import Chip
from archlang.types import Type

NORMS = {"ln", "rms", "l2", "bn", "rsnorm"}


def summed_late(things: list[tuple[ir.Node, Type]], batch: int, chip: Chip) -> Iterator[int]:
    """Bytes that are kept of each of the things in sequence beyond its sum."""
    for (node, seen), (after, _) in zip(things, [*things[1:], (None, None)], strict=True):
        activation = isinstance(after, ir.Layer) and after.name not in NORMS and not after.layer.flops(seen.width or 0)
        yield beyond(node, seen, batch, chip) if activation else 0


def again_late(item: ir.Node, x: Type, batch: int, chip: Chip) -> int:
    """The same in a copy that is computed again, of all its products but the largest, which its workspace has."""
    if not isinstance(item, ir.Repeat) or not item.is_loop or item.remat != "full":
        return 0
    found = list(inside_late(item.body, x, batch, chip))
    return sum(late * times for late, times in found) - max((late for late, _ in found), default=0)


def inside_late(node: ir.Node, x: Type, batch: int, chip: Chip) -> Iterator[tuple[int, int]]:
    """The bytes of each product in a copy, and how often there is such a one."""
    found = list(parts(node, x))
    if isinstance(node, ir.Sequence):
        yield from ((late, 1) for late in summed_late([(part, seen) for part, seen, _ in found], batch, chip))
    for part, seen, count in found:
        yield from ((late, count * times) for late, times in inside_late(part, seen, batch, chip))


def beyond(node: ir.Node, x: Type, batch: int, chip: Chip) -> int:
    """Bytes of the parts of a layer's product beyond those of their sum."""
    if not isinstance(node, ir.Layer) or x.width is None:
        return 0
    unit = BYTES[x.dtype]
    return sum(divided(batch, p.columns, p.rows, chip, unit) - batch * p.columns * unit for p in products_in(node, x))
