"""A point that moves as it is told: an environment that compiles in a second. Run it for a command line that knows it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import jax
import jax.numpy as jnp

from archlang import Environment, load
from archlang_runtime import envs
from archlang_runtime.config import TrainConfig, make_config
from archlang_runtime.envs.base import EnvState
from archlang_runtime.envs.table import Task
from archlang_runtime.folder import Experiment

SPEC = Path(__file__).with_name("toy.arch").read_text()
TRAINING = {
    "steps": 300,
    "num_envs": 4,
    "episode_length": 10,
    "unroll_length": 6,
    "updates_per_unroll": 3,
    "unrolls_per_epoch": 2,
    "replay_rows": 40,
    "prefill_rows": 12,
    "batch_size": 8,
    "num_eval_envs": 4,
}


class Toy:
    """state: position (2), a constant, and a copy of the first coordinate; goal: a position; action: a step of 0.1."""

    traces = 0
    identity: Mapping[str, str] = MappingProxyType({})
    simulation: Any = None  # there is nothing to draw

    def reset(self, key: jax.Array) -> EnvState:
        start, goal = jax.random.uniform(key, (2, 2), minval=-1, maxval=1)
        return EnvState(jnp.zeros(()), see(start), goal, jnp.zeros((), bool))

    def step(self, state: EnvState, action: jax.Array) -> EnvState:
        Toy.traces += 1
        position = jnp.clip(state.state[1:3] + 0.1 * action, -1, 1)
        return EnvState(state.physics + 1, see(position), state.goal, jnp.zeros((), bool))


class Falling(Toy):
    """It also ends an episode whenever the point is far to the right."""

    def step(self, state: EnvState, action: jax.Array) -> EnvState:
        after = super().step(state, action)
        return EnvState(after.physics, after.state, after.goal, after.state[1] > 0.5)


class Bursting(Toy):
    """Its physics blows up whenever the point is far to the right: the first time to NaN, further right to infinity."""

    def step(self, state: EnvState, action: jax.Array) -> EnvState:
        after = super().step(state, action)
        burst = jnp.where(after.state[1] > 0.7, jnp.inf, jnp.where(after.state[1] > 0.5, jnp.nan, 0.0))
        return EnvState(after.physics, after.state + burst, after.goal, jnp.zeros((), bool))


class Still(Toy):
    """It does not move."""

    def step(self, state: EnvState, action: jax.Array) -> EnvState:
        return super().step(state, 0 * action)


class Hopeless(Toy):
    """Nothing ever comes of a step."""

    def step(self, state: EnvState, action: jax.Array) -> EnvState:
        after = super().step(state, action)
        return EnvState(after.physics, after.state * jnp.nan, after.goal, jnp.zeros((), bool))


def see(position: jax.Array) -> jax.Array:
    return jnp.stack([jnp.ones(()), position[0], position[1], position[0]])


def task(name: str, factory: str) -> Task:
    environment = Environment(name, state_dim=4, goal_dim=2, action_dim=2, summary="a point on a plane")
    return Task(environment, 1, 0.3, f"toy:{factory}", MappingProxyType(TRAINING))


def tasks() -> dict[str, Task]:
    return {factory.lower(): task(factory.lower(), factory) for factory in ("Toy", "Falling", "Bursting", "Still", "Hopeless")}


def config(environment: str = "toy", **chosen: int | float | str) -> TrainConfig:
    return make_config(environment, **chosen)


def experiment(spec: str = SPEC, environment: str = "toy", **chosen: int | float | str) -> Experiment:
    return Experiment(config(environment, **chosen), load(spec).bind(action_dim=2), {})


def main() -> None:
    from archlang.__main__ import main as command_line

    envs.TASKS = tasks()
    command_line()


if __name__ == "__main__":
    main()
