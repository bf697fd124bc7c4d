"""A ring buffer in device memory, and goals drawn from the future of what it holds.

Every row is one transition of one environment: `state`, `action`, and `achieved`, the part of the *next* state that goals
are compared with. So the last step of an episode has a future like any other, every stored row can be an anchor, and no
step is ever its own goal.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import jax
import jax.numpy as jnp


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Transition:
    """`state`: f32[..., state_dim]; `action`: f32[..., action_dim]; `achieved`: f32[..., goal_dim]; `episode`: int32[...]."""

    state: jax.Array
    action: jax.Array
    achieved: jax.Array
    episode: jax.Array


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Replay:
    """`rows`: transitions [capacity, num_envs, ...]; the one written at time `t` stands in row `t % capacity`.

    `last`: int32[capacity, num_envs], the time of the newest row of episode `e`, at `e % capacity`. Stored episodes are
    consecutive and each has a row, so no two of them share a slot.
    `time`: int32[], transitions written so far in each environment.
    `since`: int32[], those of them that were lost: 0, unless the buffer was emptied. None of them is ever drawn.
    """

    rows: Transition
    last: jax.Array
    time: jax.Array
    since: jax.Array

    @property
    def capacity(self) -> int:
        return self.last.shape[0]

    @property
    def num_envs(self) -> int:
        return self.last.shape[1]


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Batch:
    """`state`: f32[batch, state_dim]; `action`: f32[batch, action_dim]; `goal`: f32[batch, goal_dim]."""

    state: jax.Array
    action: jax.Array
    goal: jax.Array


def create(capacity: int, num_envs: int, state_dim: int, action_dim: int, goal_dim: int, dtype: str = "float32") -> Replay:
    """An empty buffer of `capacity` rows for each environment; `dtype`, float32 or bfloat16, is what they are kept in."""

    def zeros(width: int) -> jax.Array:
        return jnp.zeros((capacity, num_envs, width), dtype)

    integers = jnp.zeros((capacity, num_envs), jnp.int32)
    rows = Transition(zeros(state_dim), zeros(action_dim), zeros(goal_dim), integers)
    return Replay(rows, jnp.zeros_like(integers), jnp.zeros((), jnp.int32), jnp.zeros((), jnp.int32))


def emptied(like: Replay, time: jax.Array) -> Replay:
    """A buffer of the form of `like` (arrays or shapes) that has lost all `time` transitions of each environment."""
    nothing = jax.tree.map(lambda part: jnp.zeros(part.shape, part.dtype), like)
    return replace(nothing, time=time, since=jnp.copy(time))  # two arrays: each is donated once


def insert(replay: Replay, transition: Transition) -> Replay:
    """Write one transition per environment (leading axis `num_envs`) over the oldest ones; in place where donated."""
    row = replay.time % replay.capacity

    def write(stored: jax.Array, new: jax.Array) -> jax.Array:
        return jax.lax.dynamic_update_index_in_dim(stored, new.astype(stored.dtype), row, axis=0)

    rows = jax.tree.map(write, replay.rows, transition)
    slots = transition.episode % replay.capacity
    last = replay.last.at[slots, jnp.arange(replay.num_envs)].set(replay.time)
    return Replay(rows, last, replay.time + 1, replay.since)


def sample(replay: Replay, key: jax.Array, batch_size: int, discount: float) -> Batch:
    """Anchors uniform over all stored transitions, with replacement; goals from the future of each one's episode.

    The goal is what was achieved `k` steps after the anchor with probability ∝ discount^k, k = 1 … steps of this episode
    stored from the anchor on (Eysenbach et al. 2022, eq. 2, cut at what is known). O(1) per row.
    """
    time_key, env_key, goal_key = jax.random.split(key, 3)
    stored = jnp.minimum(replay.time - replay.since, replay.capacity)
    time = replay.time - 1 - jax.random.randint(time_key, (batch_size,), 0, stored)
    env = jax.random.randint(env_key, (batch_size,), 0, replay.num_envs)
    anchor = jax.tree.map(lambda stored: stored[time % replay.capacity, env], replay.rows)
    horizon = replay.last[anchor.episode % replay.capacity, env] - time + 1
    ahead = truncated_geometric(jax.random.uniform(goal_key, (batch_size,)), discount, horizon)
    goal = replay.rows.achieved[(time + ahead - 1) % replay.capacity, env]
    return Batch(*(part.astype(jnp.float32) for part in (anchor.state, anchor.action, goal)))


def truncated_geometric(uniform: jax.Array, discount: float, horizon: jax.Array) -> jax.Array:
    """k in 1 … horizon with P(k) ∝ discount^k, by inverting F(k) = (1 - discount^k) / (1 - discount^horizon).

    `uniform`: f32[...] in [0, 1); `horizon`: int32[...], at least 1. Returns int32[...].
    """
    log_discount = jnp.log(discount)
    mass = -jnp.expm1(horizon * log_discount)
    ahead = 1 + jnp.floor(jnp.log1p(-uniform * mass) / log_discount).astype(jnp.int32)
    return jnp.clip(ahead, 1, horizon)
