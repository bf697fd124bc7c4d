"""The one interface between physics and everything else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import jax

if TYPE_CHECKING:
    from archlang_runtime.envs.physics import Simulation


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class EnvState:
    """One environment between two steps (under `vmap`: with a leading axis).

    `physics`: the simulator's own state, any pytree.
    `state`: f32[state_dim], what the agent sees of it.
    `goal`: f32[goal_dim], what the agent is asked for in this episode.
    `terminated`: bool[], the episode ends here for a reason of its own (a fall), not for lack of time.
    """

    physics: Any
    state: jax.Array
    goal: jax.Array
    terminated: jax.Array


class GoalEnv(Protocol):
    """A goal-conditioned environment: two pure functions of one environment, made for `jit` and `vmap`.

    `simulation`: the model and its simulator; pictures are made of it, and `physics.x` holds where its links are.
    `identity`: all that its physics follows from, as JSON (the model, the simulator, a maze's layout), for its fingerprint.
    """

    @property
    def simulation(self) -> Simulation: ...

    @property
    def identity(self) -> Mapping[str, Any]: ...

    def reset(self, key: jax.Array) -> EnvState:
        """A new episode: start and goal drawn with `key`."""
        ...

    def step(self, state: EnvState, action: jax.Array) -> EnvState:
        """One control step with `action` (f32[action_dim], each in [-1, 1])."""
        ...
