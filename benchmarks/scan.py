"""What a scanned stack costs against the same network unrolled: time to trace and compile a gradient, and XLA's memory for it.

    python benchmarks/scan.py

`res(4x<dense256,ln,swish>)` at several depths, batch 512, compiled for the CPU; nothing is run. The unrolled network is the
same modules in a Python loop (`archlang` lowers `16x body` so, and `(body)*16` as a scan), in the same process.
"""

from __future__ import annotations

import time
from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx
from record import record

import archlang
from archlang.lower import build

BATCH = 512
UNIT = "res(4x<dense256,ln,swish>)"
VARIANTS = {
    "unrolled": "{n}x %s",
    "scan, bare": "@remat(none) %s*{n}",
    "scan, dots (default)": "%s*{n}",
    "scan, full": "@remat(full) %s*{n}",
}
BLOCKS = (4, 16, 250)
UNROLLED_UP_TO = 16  # unrolled, 250 blocks take minutes


def measure(text: str) -> dict[str, float]:
    """Seconds to trace and compile the gradient of a loss, and the bytes of its temporary buffers."""
    network = archlang.parse(text).networks["network"]
    start = time.perf_counter()
    module = nnx.eval_shape(lambda: build(network, 256, rngs=nnx.Rngs(0)))
    graph, state = nnx.split(module)

    def loss(state: Any, x: jax.Array) -> jax.Array:
        return jnp.sum(nnx.merge(graph, state)(x) ** 2)

    x = jax.ShapeDtypeStruct((BATCH, 256), jnp.float32)
    compiled = jax.jit(jax.grad(loss)).lower(state, x).compile()
    seconds = time.perf_counter() - start
    return {"compile_seconds": round(seconds, 2), "temp_mib": round(compiled.memory_analysis().temp_size_in_bytes / 2**20, 1)}


def main() -> None:
    measure(f"{UNIT}*2")  # jax warms up
    results = {
        f"{4 * blocks} layers": {
            name: measure((text % UNIT).replace("{n}", str(blocks)))
            for name, text in VARIANTS.items()
            if name != "unrolled" or blocks <= UNROLLED_UP_TO
        }
        for blocks in BLOCKS
    }
    record("scan", "python benchmarks/scan.py", results)


if __name__ == "__main__":
    main()
