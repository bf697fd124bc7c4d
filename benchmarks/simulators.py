"""The memory that each environment's simulator needs, as XLA plans it for a GPU: `envs/simulators.json` of the runtime.

    python benchmarks/simulators.py [ENVIRONMENT …]

`state`: bytes of one environment between its steps, from the shapes of what begins an episode. `work` and `fixed`: bytes of one
environment while all of them step, and of all together; a line through XLA's plans of a whole epoch for two numbers of
environments, with networks and batches so small that collecting is all there is to it; in mazes, through zero and one plan.

What is recorded is not compiled again; an ENVIRONMENT that is named is. Nothing is run, and no GPU is needed; all of them take
two cores about an hour, those in mazes the most of it.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

from record import RESULTS, record, recorded

from archlang_runtime import envs
from archlang_runtime.envs.table import TASKS

GPU = "h100-80gb"
NUM_ENVS = (256, 1024)
IN_MAZES = (512,)  # they compile for minutes, and for all others the line goes through zero within half a percent
SPEC = "actor = dense8, gaussian\nsa_encoder = dense8\ng_encoder = dense8\n"
# Two of everything: XLA takes a loop of one round apart.
SETTINGS = {
    "steps": 1,
    "batch_size": 2,
    "replay_rows": 4,
    "prefill_rows": 2,
    "unroll_length": 2,
    "updates_per_unroll": 2,
    "unrolls_per_epoch": 2,
}
COMMAND = "python benchmarks/simulators.py"
TABLE = Path(envs.__file__).with_name("simulators.json")


def temporary(environment: str, num_envs: int) -> tuple[int, int]:
    """Bytes of an epoch's temporaries, and of its environments' state."""
    import jax

    import archlang
    from archlang.lower.compile import compile_for
    from archlang.targets import GPUS
    from archlang_runtime.program import make_program
    from archlang_runtime.workload import make_workload

    workload = make_workload(environment, SETTINGS | {"num_envs": num_envs})
    dims = envs.find_task(environment).environment
    plan = archlang.plan(archlang.load(SPEC, action_dim=dims.action_dim), env=dims)
    epoch, state, *_ = make_program(plan.networks, workload)
    compiled = compile_for(GPUS[GPU], epoch, state, donate_argnums=0)
    jax.clear_caches()
    kept = sum(leaf.size * leaf.dtype.itemsize for leaf in jax.tree.leaves(state.episodes))
    return compiled.memory_analysis().temp_size_in_bytes, kept


def measure(environment: str) -> dict[str, Any]:
    """The line, and the plans that it goes through: the last two points of zero and those."""
    plans = {num_envs: temporary(environment, num_envs) for num_envs in (IN_MAZES if "maze" in environment else NUM_ENVS)}
    points = {0: 0} | {num_envs: size for num_envs, (size, _) in plans.items()}
    (few, least), (many, most) = list(points.items())[-2:]
    work = (most - least) / (many - few)
    line = {"state": plans[many][1] // many, "work": round(work), "fixed": max(0, round(least - few * work))}
    return {**line, "temporary": {str(num_envs): size for num_envs, size in points.items() if num_envs}}


def same_physics(environment: str) -> str:
    """The first environment of the same model and simulator, which plans the same: they differ in their goals."""

    def identity(name: str) -> Any:
        return envs.load(TASKS[name]).simulation.identity

    return next(name for name in TASKS if identity(name) == identity(environment))


def simple_first(environments: Any) -> list[str]:
    """Those in mazes compile for minutes."""
    return sorted(environments, key=lambda name: ("maze" in name, "humanoid" in name))


def write_table(results: dict[str, Any]) -> None:
    """What the runtime reads, in the order of its table of environments."""
    names = ("state", "work", "fixed")
    rows = (f'  "{task}": {json.dumps({name: results[task][name] for name in names})}' for task in TASKS if task in results)
    TABLE.write_text("{\n" + ",\n".join(rows) + "\n}\n")


def main(*again: str) -> None:
    os.environ["JAX_PLATFORMS"] = "cpu"
    from archlang.lower.plugins import find_cuda_compiler

    find_cuda_compiler()
    known = recorded("simulators") if (RESULTS / "simulators.json").exists() else {}
    for environment in again or [name for name in simple_first(TASKS) if name not in known]:
        first = same_physics(environment)
        known[environment] = known[first] if first in known and first != environment else measure(environment)
        record("simulators", COMMAND, known)
        write_table(known)


if __name__ == "__main__":
    main(*sys.argv[1:])
