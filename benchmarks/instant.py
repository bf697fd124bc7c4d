"""How long an estimate takes once archlang is imported: for any depth, and for a grid of a thousand points.

python benchmarks/instant.py

Milliseconds of this process's CPU time, medians of 15: a specification is read, checked and estimated for a GPU, verdict and,
where it does not fit, what would mend it. The grid: ten widths and a hundred depths of the paper's networks.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from statistics import median

from record import record

import archlang
from archlang.pipeline import estimates, inputs_of, make_options

DEPTHS = (4, 64, 1024, 17_600, 10**6, 10**9)  # the fourth is too close to call
WIDTHS = range(64, 704, 64)
ROUNDS = 15
GPU = "h100-80gb"


def milliseconds(work: Callable[[], object], rounds: int = ROUNDS) -> float:
    """The median of several; the first, which loads what is loaded once, is left out."""
    taken = []
    for _ in range(rounds + 1):
        start = time.process_time()
        work()
        taken.append(1000 * (time.process_time() - start))
    return round(median(taken[1:]), 2)


def one(depth: int) -> archlang.Estimate:
    found = archlang.estimate(archlang.load("wang2025/base", {"depth": depth}), env="humanoid", gpu=GPU)
    _ = found.diagnostics, found.question and (found.question.work, found.question.time)
    return found


def grid() -> int:
    values = {"width": " | ".join(map(str, WIDTHS)), "depth": " | ".join(str(4 * n) for n in range(1, 101))}
    spec = archlang.read("wang2025/base", values)
    rows = estimates(spec, inputs_of(None, "humanoid"), make_options(GPU, False, archlang.MARGIN, None, None, {}))
    return sum(found.fits is not None and bool(found.flops_per_update) for _, found in rows)


def main() -> None:
    depths = {str(depth): {"fits": one(depth).fits, "ms": milliseconds(lambda depth=depth: one(depth))} for depth in DEPTHS}
    record(
        "instant", "python benchmarks/instant.py", {"depth": depths, "grid": {"points": grid(), "ms": milliseconds(grid, 3)}}
    )


if __name__ == "__main__":
    main()
