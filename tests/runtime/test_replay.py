"""The buffer against a slow reference: which rows can be anchors, and which goals follow with which probability."""

from __future__ import annotations

from collections import Counter
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import chisquare

from archlang_runtime import replay as buffer
from archlang_runtime.replay import Replay, Transition, truncated_geometric

DISCOUNT = 0.8
NUM_ENVS = 3
# Episode lengths of the three environments, repeated: ends at unlike times, episodes of one step, one longer than the buffer.
LENGTHS = ((5,), (1, 1, 7, 2), (1000,))
Row = tuple[int, int]  # environment, time


def episodes_at(time: int) -> list[int]:
    """The number of the running episode in each environment when `time` steps were taken."""
    return [int(np.searchsorted(np.cumsum(lengths * 300), time, side="right")) for lengths in LENGTHS]


def row(time: int) -> Transition:
    """What stands in it says where it is from: state (environment, time), achieved (environment, time + 1)."""
    env, now = np.arange(NUM_ENVS, dtype=np.float32), np.full(NUM_ENVS, time, np.float32)
    where, then = np.stack([env, now], axis=1), np.stack([env, now + 1], axis=1)
    return Transition(*map(jnp.asarray, (where, now[:, None], then, np.array(episodes_at(time), np.int32))))


@jax.jit
def inserted(replay: Replay, rows: Transition) -> Replay:
    """One row after the other."""
    return jax.lax.scan(lambda replay, row: (buffer.insert(replay, row), None), replay, rows)[0]


def rows_of(times: range) -> Transition:
    return jax.tree.map(lambda *leaves: jnp.asarray(np.stack(leaves)), *[row(time) for time in times])


def filled(capacity: int, time: int) -> Replay:
    replay = buffer.create(capacity, NUM_ENVS, state_dim=2, action_dim=1, goal_dim=2)
    return inserted(replay, rows_of(range(time)))


def reference(capacity: int, time: int) -> dict[Row, list[int]]:
    """Every stored row with the times that its goal may be from, by looking at all rows."""
    stored = range(max(0, time - capacity), time)
    return {
        (env, anchor): [t + 1 for t in stored if t >= anchor and episodes_at(t)[env] == episodes_at(anchor)[env]]
        for env in range(NUM_ENVS)
        for anchor in stored
    }


def draw(replay: Replay, size: int) -> list[tuple[Row, Row]]:
    """Anchors and goals as (environment, time)."""
    batch = jax.jit(buffer.sample, static_argnums=(2, 3))(replay, jax.random.key(0), size, DISCOUNT)
    np.testing.assert_array_equal(batch.state[:, 1:], batch.action)
    anchors, goals = np.asarray(batch.state, int), np.asarray(batch.goal, int)
    return [((a[0], a[1]), (g[0], g[1])) for a, g in zip(anchors.tolist(), goals.tolist(), strict=True)]


@pytest.mark.parametrize("time", [1, 2, 11, 16, 17, 38, 160])
def test_goals_follow_the_law(time: int) -> None:
    """Before the ring is full, when it just is, and after it has wrapped."""
    capacity, futures = 16, reference(16, time)
    pairs = draw(filled(capacity, time), 60_000)
    assert {anchor for anchor, _ in pairs} == futures.keys()
    assert all(goal[0] == anchor[0] and goal[1] in futures[anchor] for anchor, goal in pairs)
    counts, together = Counter(anchor for anchor, _ in pairs), Counter(pairs)
    assert chisquare([counts[anchor] for anchor in futures]).pvalue > 1e-4 if len(futures) > 1 else True
    for anchor, times in futures.items():
        weights = DISCOUNT ** np.arange(1, len(times) + 1)
        expected = counts[anchor] * weights / weights.sum()
        assert len(times) == 1 or chisquare([together[anchor, (anchor[0], t)] for t in times], expected).pvalue > 1e-5


@pytest.mark.parametrize(("lost", "time"), [(7, 18), (40, 41), (40, 90)])
def test_an_emptied_buffer_draws_nothing_of_what_it_lost(lost: int, time: int) -> None:
    """It loses them in the middle of an episode, and draws before the ring is full again, and after."""
    capacity = 16
    replay = buffer.emptied(filled(capacity, lost), jnp.array(lost, jnp.int32))
    assert not any(jnp.any(part) for part in jax.tree.leaves(replay.rows))
    replay = inserted(replay, rows_of(range(lost, time)))
    futures = {(env, anchor): times for (env, anchor), times in reference(min(capacity, time - lost), time).items()}
    pairs = draw(replay, 3_000)
    assert {anchor for anchor, _ in pairs} == futures.keys()
    assert all(goal[0] == anchor[0] and goal[1] in futures[anchor] for anchor, goal in pairs)


@pytest.mark.parametrize("discount", [0.5, 0.99, 0.9999])
@pytest.mark.parametrize("horizon", [1, 2, 7, 300])
def test_truncated_geometric_is_exact(discount: float, horizon: int) -> None:
    """A fine grid of uniform numbers gives each k its share, to within the grid and float32."""
    uniform = (jnp.arange(2**18) + 0.5) / 2**18
    ahead = truncated_geometric(uniform, discount, jnp.full(uniform.shape, horizon))
    shares = np.bincount(np.asarray(ahead), minlength=horizon + 1) / uniform.size
    weights = discount ** np.arange(1, horizon + 1)
    np.testing.assert_allclose(shares[1:], weights / weights.sum(), atol=5e-5)
    assert shares[0] == 0


@pytest.mark.parametrize("uniform", [0.0, 1e-30, 0.5, 1 - 2**-24])
@pytest.mark.parametrize("discount", [1e-6, 0.5, 0.999999])
def test_truncated_geometric_stays_in_range(uniform: float, discount: float) -> None:
    horizon = jnp.array([1, 2, 1000, 2**30])
    ahead = truncated_geometric(jnp.full(4, uniform), discount, horizon)
    assert bool(jnp.all((ahead >= 1) & (ahead <= horizon)))


def test_rows_are_written_in_place() -> None:
    replay = jax.eval_shape(lambda: buffer.create(1000, NUM_ENVS, 2, 1, 2))
    compiled = jax.jit(buffer.insert, donate_argnums=0).lower(replay, jax.eval_shape(lambda: row(0))).compile()
    memory: Any = compiled.memory_analysis()
    size = sum(leaf.size * leaf.dtype.itemsize for leaf in jax.tree.leaves(replay))
    assert memory.alias_size_in_bytes == size
    assert memory.temp_size_in_bytes < size / 10
