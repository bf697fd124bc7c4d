"""How many arrays f32[batch, batch] the critic's loss holds at once, for each energy and loss: the runtime's `workload.LOGITS`.

    python benchmarks/logits.py

XLA's plan for an H100 of an update with networks so small that the loss is all there is to it. Nothing is run, and no GPU is
needed; it takes two cores three minutes.
"""

from __future__ import annotations

import os
from typing import Any, get_args

from record import record

import archlang
from archlang_runtime.config import EnergyName, LossName, make_config

GPU, BATCH, FLOAT = "h100-80gb", 2048, 4
SPEC = "actor = dense8, gaussian\nsa_encoder = dense8\ng_encoder = dense8\n"


def arrays(energy: str, loss: str, roles: Any) -> float:
    """Bytes of the temporaries, in arrays of a number for each pair."""
    import jax

    from archlang.lower.compile import compile_for
    from archlang.targets import GPUS
    from archlang_runtime.learn import make_learning
    from archlang_runtime.replay import Batch

    env = archlang.environment("reacher")
    learning = make_learning(make_config(env.name, energy=energy, loss=loss, batch_size=BATCH), env.action_dim, roles)
    key = jax.eval_shape(lambda: jax.random.key(0))
    rows = Batch(*(jax.ShapeDtypeStruct((BATCH, width), "float32") for width in (env.state_dim, env.action_dim, env.goal_dim)))
    shapes = (jax.eval_shape(learning.init, key), rows, key)
    plan = compile_for(GPUS[GPU], learning.update, *shapes, donate_argnums=0).memory_analysis()
    return round(plan.temp_size_in_bytes / (FLOAT * BATCH**2), 2)


def main() -> None:
    os.environ["JAX_PLATFORMS"] = "cpu"
    from archlang.lower.plugins import find_cuda_compiler
    from archlang_runtime.networks import take_apart

    find_cuda_compiler()
    env = archlang.environment("reacher")
    roles = take_apart(archlang.plan(archlang.load(SPEC, action_dim=env.action_dim), env=env), env)
    energies, losses = get_args(EnergyName), get_args(LossName)
    found = {energy: {loss: arrays(energy, loss, roles) for loss in losses} for energy in energies}
    record("logits", "python benchmarks/logits.py", {"batch": BATCH, "gpu": GPU, "arrays": found})


if __name__ == "__main__":
    main()
