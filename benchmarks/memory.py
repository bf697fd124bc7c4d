"""XLA's plans of memory: insertion and relabelling, ours and JaxGCRL's; and the whole program of a run. Nothing is run.

    python benchmarks/memory.py CHECKOUT PYTHON [ENVIRONMENT …]

CHECKOUT: MichalBortkiewicz/JaxGCRL. PYTHON: one with our packages and, besides, wandb and wandb-osh, which their files import;
so one compiler plans both. Humanoid, 512 environments, episodes of 1000 steps, 10,000 rows; for this CPU and for an H100.

insert: the 62 steps of one unroll. relabel: goals for 512 x 1000 rows; theirs are windows of the buffer, shuffled and cut into
minibatches, ours are drawn one by one. minibatch: what our program does in its place, 512 rows at a time. temp: temporary
memory, beyond what goes in and comes out; batch: what comes out, but for the buffer.

The whole program of `archlang train`, for each ENVIRONMENT (humanoid if none is given), has the paper's settings: 64 layers,
minibatches of 512.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any

from record import commit, record

from archlang_runtime.config import TrainConfig
from archlang_runtime.envs import find_task

HERE = Path(__file__).parent
GPU = "h100-80gb"
DEPTH = 64
CONFIG = TrainConfig(environment="humanoid")  # the paper's settings are the defaults
WIDTHS = find_task("humanoid").environment
SIZES = {
    "num_envs": CONFIG.num_envs,
    "episode_length": CONFIG.episode_length + 1,  # of theirs the last step is never an anchor
    "unroll_length": CONFIG.unroll_length,
    "replay_rows": CONFIG.replay_rows,
    "batch_size": CONFIG.batch_size,
    "state_dim": WIDTHS.state_dim,
    "goal_dim": WIDTHS.goal_dim,
    "action_dim": WIDTHS.action_dim,
}
ROWS = CONFIG.num_envs * CONFIG.episode_length
MEBIBYTE = 2**20


def compiled(target: str, function: Any, arguments: Any) -> Any:
    """`function` for the CPU or a GPU, with its first argument donated."""
    import jax

    from archlang.lower.compile import compile_for
    from archlang.targets import GPUS

    if target == "cpu":
        return jax.jit(function, donate_argnums=0).lower(*arguments).compile()
    return compile_for(GPUS[target], function, *arguments, donate_argnums=0)


def hindsight(target: str) -> dict[str, Any]:
    """Our insertion and our sampling."""
    import jax

    from archlang_runtime import replay

    widths = WIDTHS.state_dim, WIDTHS.action_dim, WIDTHS.goal_dim
    buffer = jax.eval_shape(lambda: replay.create(CONFIG.replay_rows, CONFIG.num_envs, *widths))
    unroll = jax.eval_shape(lambda: replay.create(CONFIG.unroll_length, CONFIG.num_envs, *widths).rows)
    key = jax.eval_shape(lambda: jax.random.key(0))

    def insert(buffer: replay.Replay, unroll: replay.Transition) -> replay.Replay:
        return jax.lax.scan(lambda buffer, row: (replay.insert(buffer, row), None), buffer, unroll)[0]

    def draw(buffer: replay.Replay, key: jax.Array, rows: int) -> tuple[replay.Replay, replay.Batch]:
        return buffer, replay.sample(buffer, key, rows, CONFIG.discount)

    functions = {
        "insert": (insert, (buffer, unroll)),
        "relabel": (partial(draw, rows=ROWS), (buffer, key)),
        "minibatch": (partial(draw, rows=CONFIG.batch_size), (buffer, key)),
    }
    return {name: temporary_and_new(compiled(target, *what)) for name, what in functions.items()}


def temporary_and_new(program: Any) -> list[int]:
    """Bytes of a compiled program's temporaries, and of those of its outputs that do not take an argument's place."""
    plan = program.memory_analysis()
    return [plan.temp_size_in_bytes, plan.output_size_in_bytes - plan.alias_size_in_bytes]


def whole(environment: str) -> dict[str, Any]:
    """The epoch of `archlang train` at the paper's settings, for the GPU."""
    import archlang
    from archlang.lower.compile import planned_bytes
    from archlang_runtime.memory import num_bytes
    from archlang_runtime.program import make_program

    settings = TrainConfig(environment=environment).model_dump()
    dims = find_task(environment).environment
    spec = archlang.load("wang2025/base", {"depth": str(DEPTH)}, action_dim=dims.action_dim)
    workload = archlang.Workload(environment=dims, settings=settings)
    epoch, state, parts = make_program(archlang.plan(spec, env=dims).networks, workload)
    plan, replay = compiled(GPU, epoch, (state,)), num_bytes(parts["replay"])
    sizes = {"total": planned_bytes(plan), "temp": plan.memory_analysis().temp_size_in_bytes, "replay": replay}
    return {f"{name}_GB": round(size / 1e9, 3) for name, size in sizes.items()}


def apart(*command: str) -> Any:
    """What a process of its own prints last, as JSON."""
    environment = os.environ | {"JAX_PLATFORMS": "cpu"}
    done = subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE, text=True)
    return json.loads(done.stdout.splitlines()[-1])


def ours(what: str, argument: str) -> Any:
    return apart(sys.executable, __file__, "--one", what, argument)


def theirs(checkout: str, python: str, target: str) -> Any:
    return apart(python, str(HERE / "memory_jaxgcrl.py"), checkout, json.dumps(SIZES), target)


def in_mebibytes(plans: dict[str, list[int]]) -> dict[str, dict[str, float]]:
    return {
        name: {"temp_MiB": round(temp / MEBIBYTE, 2), "batch_MiB": round(out / MEBIBYTE, 2)}
        for name, (temp, out) in plans.items()
    }


def main(checkout: str, python: str, *environments: str) -> None:
    results: dict[str, Any] = {"jaxgcrl_commit": commit(checkout), "sizes": SIZES}
    for target in ("cpu", GPU):
        plans = {"archlang": ours("hindsight", target), "jaxgcrl": theirs(checkout, python, target)}
        results[target] = {name: in_mebibytes(plan) for name, plan in plans.items()}
    results["program"] = {environment: ours("whole", environment) for environment in environments or ("humanoid",)}
    record("memory", " ".join(["python benchmarks/memory.py CHECKOUT PYTHON", *environments]), results)


if __name__ == "__main__":
    if sys.argv[1] == "--one":
        from archlang.lower.plugins import find_cuda_compiler

        find_cuda_compiler()
        print(json.dumps({"hindsight": hindsight, "whole": whole}[sys.argv[2]](sys.argv[3])))
    else:
        main(*sys.argv[1:])
