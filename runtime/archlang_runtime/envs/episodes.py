"""Many environments side by side, each running one episode after another."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial

import jax
import jax.numpy as jnp

from archlang_runtime.envs.base import EnvState, GoalEnv


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Episodes:
    """`num_envs` running episodes.

    `env`: the environments, with a leading axis.
    `steps`: int32[num_envs], steps taken in the running episode.
    `number`: int32[num_envs], how many episodes each environment has finished.
    """

    env: EnvState
    steps: jax.Array
    number: jax.Array


@partial(jax.jit, static_argnames=("env", "num_envs"))
def reset(env: GoalEnv, key: jax.Array, num_envs: int) -> EnvState:
    """`num_envs` environments at the start of an episode. One compilation serves training and evaluation."""
    return jax.vmap(env.reset)(jax.random.split(key, num_envs))


def begin(env: GoalEnv, key: jax.Array, num_envs: int) -> Episodes:
    """Every environment at the start of its first episode."""
    # Two arrays, not one twice: each buffer of the state is donated once.
    return Episodes(reset(env, key, num_envs), jnp.zeros(num_envs, jnp.int32), jnp.zeros(num_envs, jnp.int32))


def advance(
    env: GoalEnv, episodes: Episodes, actions: jax.Array, key: jax.Array, episode_length: int
) -> tuple[Episodes, jax.Array]:
    """One step in every environment; an episode that is over is followed by a new one, with a new start and goal.

    `actions`: f32[num_envs, action_dim]. Returns the episodes and the states right after the step, before any reset:
    f32[num_envs, state_dim].
    """
    moved = jax.vmap(env.step)(episodes.env, actions)
    stepped = replace(episodes, env=moved, steps=episodes.steps + 1)
    over = moved.terminated | (stepped.steps >= episode_length)
    # A branch, not a mask: resetting costs as much as stepping, and most of the time no episode is over.
    renewed = jax.lax.cond(jnp.any(over), lambda: renew(env, stepped, over, key), lambda: stepped)
    return renewed, moved.state


def renew(env: GoalEnv, episodes: Episodes, over: jax.Array, key: jax.Array) -> Episodes:
    """Begin a new episode where `over` (bool[num_envs]) is set."""
    fresh = replace(begin(env, key, over.shape[0]), number=episodes.number + 1)
    return jax.tree.map(lambda new, old: jnp.where(expand(over, new), new, old), fresh, episodes)


def expand(mask: jax.Array, like: jax.Array) -> jax.Array:
    """`mask` (bool[num_envs]) with trailing axes of length one, so that it selects rows of `like`."""
    return mask.reshape(mask.shape + (1,) * (like.ndim - 1))
