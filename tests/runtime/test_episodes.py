"""One episode after another: when they end, what they are numbered, and what the caller sees of the last step."""

from __future__ import annotations

import functools
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import toy

from archlang_runtime.envs.episodes import TRIES, Episodes, advance, begin

LENGTH = 5
RIGHT = jnp.tile(jnp.array([1.0, 0.0]), (4, 1))


advance_of = functools.cache(lambda env: jax.jit(partial(advance, env, episode_length=LENGTH)))
TOY, FALLING = toy.Toy(), toy.Falling()


def walk(env: toy.Toy, steps: int) -> tuple[list[Episodes], list[jax.Array]]:
    """The episodes before each step and after the last, and the states that the steps led to; everyone goes right."""
    episodes, reached = [begin(env, jax.random.key(0), 4)], []
    for key in jax.random.split(jax.random.key(1), steps):
        after, step = advance_of(env)(episodes[-1], RIGHT, key)
        episodes.append(after)
        reached.append(step.after)
    return episodes, reached


def test_episodes_end_for_lack_of_time_and_are_numbered() -> None:
    episodes, _ = walk(TOY, 2 * LENGTH + 1)
    assert [int(e.steps[0]) for e in episodes] == [0, 1, 2, 3, 4, 0, 1, 2, 3, 4, 0, 1]
    assert [int(e.number[0]) for e in episodes] == [0] * 5 + [1] * 5 + [2] * 2


def test_a_new_episode_has_a_new_start_and_goal_everywhere() -> None:
    episodes, _ = walk(TOY, LENGTH)
    before, after = episodes[0].env, episodes[-1].env
    assert not np.any(np.asarray(before.goal) == np.asarray(after.goal))
    assert not np.any(np.asarray(before.state[:, 1:3]) == np.asarray(after.state[:, 1:3]))
    assert len(np.unique(np.asarray(after.goal), axis=0)) == 4


def test_the_last_state_of_an_episode_is_seen_before_the_reset() -> None:
    episodes, reached = walk(TOY, LENGTH)
    expected = np.minimum(np.asarray(episodes[0].env.state[:, 1]) + 0.1 * LENGTH, 1)
    np.testing.assert_allclose(reached[-1][:, 1], expected, rtol=1e-5)
    assert not np.allclose(episodes[-1].env.state[:, 1], expected)


def test_terminated_episodes_end_alone() -> None:
    episodes, reached = walk(FALLING, 12)
    for before, states, after in zip(episodes, reached, episodes[1:], strict=False):
        over = np.asarray((states[:, 1] > 0.5) | (before.steps + 1 == LENGTH))
        np.testing.assert_array_equal(after.number - before.number, over)
        np.testing.assert_array_equal(after.steps, np.where(over, 0, before.steps + 1))
        np.testing.assert_array_equal(after.env.state[~over], states[~over])


@pytest.mark.parametrize("env", [TOY, FALLING])
def test_the_same_key_gives_the_same_episodes(env: toy.Toy) -> None:
    one, other = walk(env, 6)[0][-1], walk(env, 6)[0][-1]
    jax.tree.map(np.testing.assert_array_equal, one, other)


def test_what_blows_up_starts_anew_and_is_counted() -> None:
    """Every step that is seen is one within an episode, and finite; the others go on as if nothing had happened."""
    bursting = toy.Bursting()
    episodes = begin(bursting, jax.random.key(0), 64)
    right = jnp.tile(jnp.array([1.0, 0.0]), (64, 1))
    for key in jax.random.split(jax.random.key(1), 8):
        after, step = advance_of(bursting)(episodes, right, key)
        burst = np.asarray(after.blown_up > episodes.blown_up)
        assert burst.any()
        assert not burst.all()
        np.testing.assert_allclose(step.after[:, 1], np.minimum(step.before[:, 1] + 0.1, 1), rtol=1e-5)
        np.testing.assert_array_equal(step.before[~burst], episodes.env.state[~burst])
        assert not np.any(np.all(np.asarray(step.before[burst] == episodes.env.state[burst]), axis=1))
        np.testing.assert_array_equal(step.number, episodes.number + after.blown_up - episodes.blown_up)
        episodes = after
    assert not np.any(episodes.hopeless)


def test_what_always_blows_up_is_hopeless() -> None:
    episodes, _ = walk(toy.Hopeless(), 1)
    np.testing.assert_array_equal(episodes[-1].hopeless, np.ones(4, bool))
    np.testing.assert_array_equal(episodes[-1].blown_up, np.full(4, TRIES))
