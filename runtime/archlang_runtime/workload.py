"""What a run needs beside its networks, from its settings: for the compiler's estimates. No jax."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any, get_args

from archlang import Environment, Simulator, Workload
from archlang_runtime.config import LossName, TrainConfig, make_config
from archlang_runtime.envs import find_task

FLOAT, INT = 4, 4  # bytes
BYTES = {"float32": 4, "bfloat16": 2}
METRICS, ENTROPY_METRICS = 8, 2  # of an update, numbers: `archlang_runtime.learn`
# Of f32[batch, batch], how many XLA's plan for an H100 holds at once in the critic's loss: a row for each energy, in it one for
# each loss, in the order of `LossName` (benchmarks/logits.py).
LOGITS = {
    "norm": (3, 4, 5, 4, 3),
    "l2": (3, 4, 5, 3, 3),
    "dot": (2, 2, 3, 3, 2),
    "cosine": (2, 2, 3, 3, 2),
    "mrn": (5, 5, 6, 6, 5),
}


def make_workload(environment: str, settings: Mapping[str, Any]) -> Workload:
    """The workload of a run in that environment. Raises `DiagnosticError` for settings that cannot be (E0603)."""
    config = make_config(environment, **settings)
    dims = find_task(environment).environment
    return Workload(
        batch_size=config.batch_size,
        optimizer=config.optimizer,
        environment=dims,
        num_envs=config.num_envs,
        replay_rows=config.replay_rows,
        row_bytes=transition(dims) * BYTES[config.replay_dtype] + 2 * INT,  # its episode, and where an episode ends
        hindsight_bytes=config.batch_size * transition(dims) * FLOAT,
        loss_bytes=loss_bytes(config),
        acting=acting(config),
        metrics_bytes=metrics_bytes(config),
        simulator=simulator(environment),
        updates=config.total_updates,
        env_steps=config.total_steps,
        settings=config.model_dump(),
    )


def transition(dims: Environment) -> int:
    """Numbers in a transition: state, action, and what of the next state goals are compared with."""
    return dims.state_dim + dims.action_dim + dims.goal_dim


def loss_bytes(config: TrainConfig) -> int:
    """The logits, their gradient, and what lies between the two."""
    arrays = LOGITS[config.energy][get_args(LossName).index(config.loss)]
    return arrays * FLOAT * config.batch_size**2


def acting(config: TrainConfig) -> Mapping[str, int]:
    """Rows that the networks take for a step of all environments: the critic's, where it chooses among actions."""
    rows = {"actor": config.num_envs}
    if config.explore_best_of == 1:
        return rows
    return {**rows, "sa_encoder": config.explore_best_of * config.num_envs, "g_encoder": config.num_envs}


def metrics_bytes(config: TrainConfig) -> int:
    """The metrics of every update, until the epoch is over."""
    return (METRICS + ENTROPY_METRICS * (config.entropy == "learned")) * FLOAT * config.updates_per_epoch


def simulator(environment: str) -> Simulator:
    """What was planned for an environment: each of the table has an entry, which a test checks; a test's own has none."""
    return Simulator(**simulators().get(environment, {}))


@cache
def simulators() -> Mapping[str, Mapping[str, int]]:
    """By environment, from `benchmarks/simulators.py`."""
    return json.loads((files("archlang_runtime.envs") / "simulators.json").read_text(encoding="utf-8"))
