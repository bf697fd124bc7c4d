"""The environments that can be trained on, as data: dimensions, where the goal stands in the state, what counts as success.

Importing this file loads neither jax nor brax: the compiler reads the dimensions to check a specification, and
`archlang_runtime.envs.load` imports the physics of one environment when it is needed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from archlang import Environment


@dataclass(frozen=True)
class Task:
    """An environment, and what training on it needs to know.

    `goal_start`: the goal is compared with `goal_dim` numbers of the state from here on.
    `radius`: an agent is at its goal while the distance between the two is below it, in the units of the state.
    `factory`: import string of a class that follows `archlang_runtime.envs.base.GoalEnv`, called with `arguments`.
    `training`: settings that suit this environment; they stand in for `TrainConfig`'s defaults, and flags for them.
    """

    environment: Environment
    goal_start: int
    radius: float
    factory: str
    training: Mapping[str, int | float] = field(default_factory=dict)
    arguments: Mapping[str, str] = field(default_factory=dict)

    def achieved(self, state: Any) -> Any:
        """The part of `state` (f32[..., state_dim]) that a goal is compared with: f32[..., goal_dim]."""
        return state[..., self.goal_start : self.goal_start + self.environment.goal_dim]

    def at_goal(self, state: Any, goal: Any) -> Any:
        """Whether each state (f32[..., state_dim]) is within the radius of its goal (f32[..., goal_dim]): bool[...]."""
        return ((self.achieved(state) - goal) ** 2).sum(-1) < self.radius**2


REACHER = Task(
    environment=Environment(
        name="reacher",
        state_dim=10,
        goal_dim=3,
        action_dim=2,
        summary="a planar arm with two joints brings its fingertip to a point",
    ),
    goal_start=4,
    radius=0.05,
    factory="archlang_runtime.envs.reacher:Reacher",
    # Two CPU cores reach the plateau of the learning curve with these within a few minutes.
    training=MappingProxyType(
        {
            "steps": 400_000,
            "num_envs": 128,
            "episode_length": 200,
            "batch_size": 256,
            "replay_rows": 1_000,
            "prefill_rows": 200,
            "unroll_length": 50,
            "updates_per_unroll": 200,
            "unrolls_per_epoch": 5,
            "num_eval_envs": 128,
        }
    ),
)

TASKS: Mapping[str, Task] = MappingProxyType({task.environment.name: task for task in (REACHER,)})
