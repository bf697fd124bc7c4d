"""In how many parts XLA divides the inner dimension of a matrix product, so that all cores have work; and what those take.

The parts are products of their own, each as large as the whole, and lie in memory until they are added up. XLA takes the power
of two that costs least by its model (openxla/xla, xla/backends/gpu/transforms/splitk_rewriter.cc), so that there is nothing to
estimate. Other versions of XLA have other models: benchmarks/estimates.py holds this one against its plans.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

from archlang.targets import Chip

FLOAT = 4  # bytes of a number in a part, whatever the dtype of the product
TILE = 128  # rows, and columns, that one core computes at a time
MOST = 11  # 2^11 parts


class Costs(NamedTuple):
    """In XLA's unit: of a FLOP of one core, of a byte that the product moves, of one that adding up moves, and of adding up."""

    flop: float
    byte: float
    added_byte: float
    adding: float


# From this major compute capability on: Blackwell, Hopper, and older ones.
COSTS = {
    10: Costs(100, 0.0848863, 189.711, 1.21563e8),
    9: Costs(100, 0.194136, 193.1384, 4.36e7),
    0: Costs(100, 0.0666955, 467.815, 5.65307e7),
}


def divided(rows: int, columns: int, inner: int, chip: Chip, unit: int) -> int:
    """Bytes of a product [rows, inner] x [inner, columns], or of its parts; `unit`: those of a number of the product."""
    parts = parts_of(rows, columns, inner, chip, unit)
    return rows * columns * (unit if parts == 1 else FLOAT * parts)


def parts_of(rows: int, columns: int, inner: int, chip: Chip, unit: int) -> int:
    """In how many parts the inner dimension of a product [rows, inner] x [inner, columns] is divided."""
    return cheapest(rows, columns, inner, unit, chip.cores, chip.family.capability[0])


@lru_cache(maxsize=2**14)
def cheapest(rows: int, columns: int, inner: int, unit: int, cores: int, major: int) -> int:
    costs = next(found for least, found in COSTS.items() if major >= least)
    cost = model(rows, columns, inner, unit, cores, costs)
    return min((1 << power for power in range(MOST + 1)), key=cost)


def model(rows: int, columns: int, inner: int, unit: int, cores: int, costs: Costs) -> Callable[[int], float]:
    """What a product costs in so many parts."""
    height, width = min(rows, TILE), min(columns, TILE)
    tiles = -(-rows // TILE) * -(-columns // TILE)
    at_once = cores * TILE**2 / (height * width)
    read, size = (rows + columns) * inner * unit, rows * columns

    def cost(parts: int) -> float:
        computing = 2 * height * width * -(-inner // parts) * max(1.0, parts * tiles / at_once) * costs.flop
        if parts == 1:
            return max(computing, (read + size * unit) * costs.byte)
        moving = (read + size * parts * FLOAT) * costs.byte
        return max(computing, moving) + costs.adding + size * (parts * FLOAT + unit) * costs.added_byte

    return cost
