"""How long one SGD step of the paper's three networks takes on this machine, for each variant, in turn within one process.

    python benchmarks/step_time.py [--batch B] [depth …]

Medians of interleaved steps, so that a noisy minute hits all alike, and ratios to the unrolled network of the same depth. It
runs on the device that jax finds. See `update.py` for the step and its variants.
"""

from __future__ import annotations

import argparse
import statistics
import time
from typing import Any

import jax
from record import record
from update import UNROLLED, VARIANTS, program

ROUNDS = 12
UNROLLED_UP_TO = 64  # layers


def ready(variant: str, depth: int, batch: int) -> tuple[Any, list[Any]]:
    """A compiled step and what it takes, drawn at random."""
    update, shapes, init = program(variant, depth, batch)
    keys = jax.random.split(jax.random.key(0), 4)
    rows = type(shapes[1])(
        *(jax.random.normal(key, leaf.shape) for key, leaf in zip(keys, jax.tree.leaves(shapes[1]), strict=False))
    )
    state = [init(jax.random.key(1)), rows, jax.random.key(2)]
    return jax.jit(update, donate_argnums=0).lower(*state).compile(), state


def step(compiled: Any, state: list[Any]) -> float:
    """One step; seconds."""
    start = time.perf_counter()
    state[0], _ = jax.block_until_ready(compiled(*state))
    return time.perf_counter() - start


def measure(depth: int, batch: int) -> dict[str, Any]:
    variants = [variant for variant in VARIANTS if variant not in UNROLLED or depth <= UNROLLED_UP_TO]
    steps = {variant: ready(variant, depth, batch) for variant in variants}
    for compiled, state in steps.values():
        step(compiled, state)
    seconds: dict[str, list[float]] = {variant: [] for variant in variants}
    for _ in range(ROUNDS):
        for variant, (compiled, state) in steps.items():
            seconds[variant].append(step(compiled, state))
    medians = {variant: statistics.median(times) for variant, times in seconds.items()}
    base = medians.get("unrolled", medians["default"])
    return {variant: {"seconds": round(median, 4), "ratio": round(median / base, 3)} for variant, median in medians.items()}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("depths", nargs="*", type=int, default=[64])
    parser.add_argument("--batch", type=int, default=256)
    given = parser.parse_args()
    results = {"device": jax.devices()[0].device_kind, "batch": given.batch, "rounds": ROUNDS}
    results |= {f"{depth} layers": measure(depth, given.batch) for depth in given.depths}
    command = " ".join(["python benchmarks/step_time.py", f"--batch {given.batch}", *map(str, given.depths)])
    record(f"step_time_{jax.default_backend()}", command, results)


if __name__ == "__main__":
    main()
