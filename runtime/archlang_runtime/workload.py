"""What a run needs beside its networks, from its settings: for the compiler's estimates. No jax."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from archlang import Environment, Simulator, Workload
from archlang_runtime.config import TrainConfig, make_config
from archlang_runtime.envs import find_task

FLOAT, INT = 4, 4  # bytes
BYTES = {"float32": 4, "bfloat16": 2}


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
        simulator=Simulator(),
        updates=config.total_updates,
        env_steps=config.total_steps,
        settings=config.model_dump(),
    )


def transition(dims: Environment) -> int:
    """Numbers in a transition: state, action, and what of the next state goals are compared with."""
    return dims.state_dim + dims.action_dim + dims.goal_dim


def loss_bytes(config: TrainConfig) -> int:
    """The logits, and their gradient."""
    return 2 * FLOAT * config.batch_size**2
