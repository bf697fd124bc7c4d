"""Many environments side by side, each running one episode after another."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import NamedTuple, TypeVar

import jax
import jax.numpy as jnp

from archlang_runtime.envs.base import EnvState, GoalEnv

TRIES = 4
BEYOND_MEASURE = 1e6  # m, m/s, rad/s: nothing in these worlds is as far away, or as fast
Tree = TypeVar("Tree")


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Episodes:
    """`num_envs` running episodes.

    `env`: the environments, with a leading axis.
    `steps`: int32[num_envs], steps taken in the running episode.
    `number`: int32[num_envs], how many episodes each environment has finished.
    `blown_up`: int32[num_envs], how many of them ended because the physics did.
    `hopeless`: bool[num_envs], whether they did so even right after a reset, `TRIES` times in a row, the action being finite.
    """

    env: EnvState
    steps: jax.Array
    number: jax.Array
    blown_up: jax.Array
    hopeless: jax.Array


class Step(NamedTuple):
    """One step of every environment: the states before and after it (f32[num_envs, state_dim]), and its episode's number."""

    before: jax.Array
    after: jax.Array
    number: jax.Array


class Trial(NamedTuple):
    """A step on its way. `waiting`: bool[num_envs], who has made none yet."""

    episodes: Episodes
    step: Step
    waiting: jax.Array
    tries: jax.Array


@partial(jax.jit, static_argnames=("env", "num_envs"))
def reset(env: GoalEnv, key: jax.Array, num_envs: int) -> EnvState:
    """`num_envs` environments at the start of an episode. One compilation serves training and evaluation."""
    return jax.vmap(env.reset)(jax.random.split(key, num_envs))


def begin(env: GoalEnv, key: jax.Array, num_envs: int) -> Episodes:
    """Every environment at the start of its first episode."""

    def zeros(dtype: type) -> jax.Array:  # an array each: every buffer of the state is donated once
        return jnp.zeros(num_envs, dtype)

    return Episodes(reset(env, key, num_envs), zeros(jnp.int32), zeros(jnp.int32), zeros(jnp.int32), zeros(jnp.bool_))


def advance(env: GoalEnv, episodes: Episodes, actions: jax.Array, key: jax.Array, episode_length: int) -> tuple[Episodes, Step]:
    """One step in every environment; an episode that is over is followed by a new one, with a new start and goal.

    `actions`: f32[num_envs, action_dim]. The states returned are from before any reset. An environment that blows up is
    reset and makes its step from there: what it did before shows nowhere but in its count.
    """

    def unfinished(trial: Trial) -> jax.Array:
        return jnp.any(trial.waiting) & (trial.tries < TRIES)

    def attempt(trial: Trial) -> Trial:
        # A loop that runs once, unless something blows up: so physics and reset are compiled once.
        now, waiting = trial.episodes, trial.waiting
        moved = jax.vmap(env.step)(now.env, actions)
        bad = waiting & blown_up(moved)
        stepped = replace(now, env=moved, steps=now.steps + 1, blown_up=now.blown_up + bad)
        over = bad | moved.terminated | (stepped.steps >= episode_length)
        after = renew(env, stepped, waiting & over, jax.random.fold_in(key, trial.tries))
        step = Step(now.env.state, moved.state, now.number)
        return Trial(choose(waiting, after, now), choose(waiting, step, trial.step), bad, trial.tries + 1)

    nothing = Step(episodes.env.state, episodes.env.state, episodes.number)
    everyone = jnp.ones(actions.shape[0], bool)
    trial = jax.lax.while_loop(unfinished, attempt, Trial(episodes, nothing, everyone, jnp.zeros((), jnp.int32)))
    hopeless = trial.waiting & jnp.all(jnp.isfinite(actions), axis=-1)  # else it is the policy that is
    return replace(trial.episodes, hopeless=trial.episodes.hopeless | hopeless), trial.step


def blown_up(env: EnvState) -> jax.Array:
    """Whether what an environment shows is not a number, or beyond all measure: bool[num_envs]."""
    return ~jnp.all(jnp.abs(env.state) < BEYOND_MEASURE, axis=-1)


def renew(env: GoalEnv, episodes: Episodes, over: jax.Array, key: jax.Array) -> Episodes:
    """Begin a new episode where `over` (bool[num_envs]) is set."""

    def begun() -> Episodes:
        fresh = begin(env, key, over.shape[0])
        counts = {"number": episodes.number + 1, "blown_up": episodes.blown_up, "hopeless": episodes.hopeless}
        return choose(over, replace(fresh, **counts), episodes)

    # A branch, not a mask: resetting costs as much as stepping, and most of the time no episode is over.
    return jax.lax.cond(jnp.any(over), begun, lambda: episodes)


def choose(mask: jax.Array, new: Tree, old: Tree) -> Tree:
    """`new` where `mask` (bool[num_envs]) is set, else `old`."""
    return jax.tree.map(lambda new, old: jnp.where(expand(mask, new), new, old), new, old)


def expand(mask: jax.Array, like: jax.Array) -> jax.Array:
    """`mask` (bool[num_envs]) with trailing axes of length one, so that it selects rows of `like`."""
    return mask.reshape(mask.shape + (1,) * (like.ndim - 1))
