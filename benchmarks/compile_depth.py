"""How long the whole program of a run takes to compile, at 4 layers and at 1024: physics, replay, losses and Adam included.

    python benchmarks/compile_depth.py [--environment E] [--rounds N] [depth …]

The epoch of `archlang train` with the paper's networks and settings, for this machine. Each is compiled in a process of its
own, without a cache; the depths take turns, and medians are compared with the first depth's. trace: until there is a program
for XLA; compile: what XLA takes.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from typing import Any

from record import record


def measure(environment: str, depth: int) -> dict[str, float]:
    """Compile in this process; seconds."""
    import jax

    import archlang
    from archlang_runtime.config import TrainConfig
    from archlang_runtime.envs import find_task
    from archlang_runtime.networks import take_apart
    from archlang_runtime.train import make_train

    dims = find_task(environment).environment
    spec = archlang.load("wang2025/base", {"depth": str(depth)}, action_dim=dims.action_dim)
    program = make_train(TrainConfig(environment=environment), take_apart(archlang.plan(spec, env=dims), dims))
    state = jax.eval_shape(program.init, jax.random.key(0))
    start = time.perf_counter()
    lowered = jax.jit(program.epoch, donate_argnums=0).lower(state)
    traced = time.perf_counter()
    lowered.compile()
    end = time.perf_counter()
    return {"trace": traced - start, "compile": end - traced, "both": end - start}


def apart(environment: str, depth: int) -> dict[str, float]:
    """`measure` in a process of its own."""
    command = [sys.executable, __file__, "--one", environment, str(depth)]
    without_cache = {name: value for name, value in os.environ.items() if name != "JAX_COMPILATION_CACHE_DIR"}
    done = subprocess.run(command, env=without_cache | {"JAX_PLATFORMS": "cpu"}, check=True, stdout=subprocess.PIPE, text=True)
    print(f"{depth} layers: {done.stdout.strip()}", file=sys.stderr, flush=True)
    return json.loads(done.stdout.splitlines()[-1])


def summarize(rounds: list[dict[str, float]]) -> dict[str, Any]:
    medians = {part: round(statistics.median(each[part] for each in rounds), 2) for part in rounds[0]}
    return {"seconds": medians, "all": [round(each["both"], 2) for each in rounds]}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("depths", nargs="*", type=int, default=[4, 1024])
    parser.add_argument("--environment", default="reacher")
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_intermixed_args()
    depths: list[int] = given.depths
    rounds = [{depth: apart(given.environment, depth) for depth in depths} for _ in range(given.rounds)]
    results = {depth: summarize([each[depth] for each in rounds]) for depth in depths}
    first = results[depths[0]]["seconds"]["both"]
    for result in results.values():
        result["ratio"] = round(result["seconds"]["both"] / first, 3)
    options = f"--environment {given.environment} --rounds {given.rounds}"
    command = " ".join(["python benchmarks/compile_depth.py", options, *map(str, depths)])
    record(
        "compile_depth",
        command,
        {"environment": given.environment} | {f"{depth} layers": each for depth, each in results.items()},
    )


if __name__ == "__main__":
    if sys.argv[1:2] == ["--one"]:
        print(json.dumps(measure(sys.argv[2], int(sys.argv[3]))))
    else:
        main()
