"""One SGD step of the paper's three networks, compiled for an H100: seconds to trace and compile, and XLA's plan of its memory.

    python benchmarks/step.py [--only VARIANT]… [depth …]

See `update.py` for the step and its variants; batch 512. Nothing is run, and no GPU is needed. Each is compiled in a process of
its own. Unrolled, 256 layers take minutes; at 1024 the compiler needs more memory than 24 GB.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time

from record import record, recorded
from update import UNROLLED, VARIANTS, program

GPU = "h100-80gb"
UNROLLED_UP_TO = 256  # layers
SCANS_FROM = 2_000  # layers from which the policies that keep less are measured alone
DEPTHS = (16, 64, 256, 1024, 20_000)


def measure(variant: str, depth: int) -> dict[str, float]:
    """Compile one variant in this process."""
    from archlang.lower.compile import compile_for, planned_bytes
    from archlang.lower.plugins import find_cuda_compiler
    from archlang.targets import GPUS

    find_cuda_compiler()
    start = time.perf_counter()
    update, shapes, _ = program(variant, depth)
    compiled = compile_for(GPUS[GPU], update, *shapes, donate_argnums=0)
    seconds = time.perf_counter() - start
    megabytes = {"temp_MB": compiled.memory_analysis().temp_size_in_bytes, "total_MB": planned_bytes(compiled)}
    return {"seconds": round(seconds, 2), **{name: round(size / 1e6, 1) for name, size in megabytes.items()}}


def apart(variant: str, depth: int) -> dict[str, float] | str:
    """`measure` in a process of its own: nothing is warm, and its memory is its own."""
    command = [sys.executable, __file__, "--one", variant, str(depth)]
    done = subprocess.run(command, env=os.environ | {"JAX_PLATFORMS": "cpu"}, capture_output=True, text=True)
    print(f"{variant}, {depth} layers: {done.stdout.strip() or done.stderr[-300:]}", file=sys.stderr, flush=True)
    return json.loads(done.stdout) if done.returncode == 0 else "failed"


def measured(variant: str, depth: int) -> bool:
    if variant in UNROLLED:
        return depth <= UNROLLED_UP_TO
    return depth < SCANS_FROM or variant in ("default", "full", "nested")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("depths", nargs="*", type=int, default=list(DEPTHS))
    parser.add_argument("--only", action="append", choices=VARIANTS, default=[])
    given = parser.parse_args()
    results = recorded("step") if given.only else {}
    for depth in given.depths:
        found = {v: apart(v, depth) for v in given.only or VARIANTS if measured(v, depth)}
        results[f"{depth} layers"] = results.get(f"{depth} layers", {}) | found
    record("step", " ".join(["python benchmarks/step.py", *map(str, given.depths)]), results)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--one"]:
        print(json.dumps(measure(sys.argv[2], int(sys.argv[3]))))
    else:
        main()
