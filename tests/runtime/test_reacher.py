"""Reacher: what its numbers mean, and that its goals can be reached and held."""

from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import kstest

from archlang_runtime.envs import load
from archlang_runtime.envs.base import EnvState, GoalEnv
from archlang_runtime.envs.episodes import reset
from archlang_runtime.envs.reacher import point_on_disc
from archlang_runtime.envs.table import TASKS

pytestmark = pytest.mark.slow
TASK = TASKS["reacher"]
NUM_ENVS, STEPS = 32, 150
CONTROL_STEP = 0.02  # s
Rollout = Callable[[EnvState, jax.Array, jax.Array], EnvState]


@pytest.fixture(scope="module")
def env() -> GoalEnv:
    return load(TASK)


@pytest.fixture(scope="module")
def start(env: GoalEnv) -> EnvState:
    return reset(env, jax.random.key(0), NUM_ENVS)


@pytest.fixture(scope="module")
def rollout(env: GoalEnv) -> Rollout:
    """From `start`, `STEPS` steps of `gain` x a controller + random actions; all states after the start, time first."""

    def run(start: EnvState, gain: jax.Array, noise: jax.Array) -> EnvState:
        def step(state: EnvState, noise: jax.Array) -> tuple[EnvState, EnvState]:
            action = jnp.clip(gain * pull(state.state, state.goal) + noise, -1, 1)
            state = jax.vmap(env.step)(state, action)
            return state, state

        return jax.lax.scan(step, start, noise)[1]

    return jax.jit(run)


def pull(state: jax.Array, goal: jax.Array) -> jax.Array:
    """Pull the fingertip to the goal by a spring and a damper, through the transposed Jacobian of the arm."""
    tip, velocity = state[:, 4:6], state[:, 7:9]
    elbow = 0.1 * jnp.stack([state[:, 0], state[:, 2]], axis=1)
    force = 70 * (goal[:, :2] - tip) - 14 * velocity
    return jnp.stack([cross(tip, force), cross(tip - elbow, force)], axis=1)


def cross(a: jax.Array, b: jax.Array) -> jax.Array:
    return a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]


def noise(seed: int) -> jax.Array:
    return jax.random.uniform(jax.random.key(seed), (STEPS, NUM_ENVS, 2), minval=-1, maxval=1)


def test_the_dimensions_are_the_tables(start: EnvState) -> None:
    dims = TASK.environment
    assert start.state.shape == (NUM_ENVS, dims.state_dim)
    assert start.goal.shape == (NUM_ENVS, dims.goal_dim)
    assert start.state.dtype == start.goal.dtype == jnp.float32


def test_goals_are_uniform_over_the_disc() -> None:
    draws = jax.random.uniform(jax.random.key(3), (2, 2_000))
    goals = np.asarray(jax.vmap(point_on_disc)(*draws), np.float64)
    area = (goals[:, 0] ** 2 + goals[:, 1] ** 2) / 0.2**2
    assert kstest(area, "uniform").pvalue > 1e-3
    assert kstest(np.arctan2(goals[:, 1], goals[:, 0]) / (2 * np.pi) + 0.5, "uniform").pvalue > 1e-3
    np.testing.assert_allclose(goals[:, 2], 0.01)


def test_the_state_is_what_its_layout_says(start: EnvState, rollout: Rollout) -> None:
    states = np.asarray(rollout(start, jnp.array(0.0), noise(0)).state, np.float64)
    cosines, sines, tip, _ = np.split(states, [2, 4, 7], axis=-1)
    np.testing.assert_allclose(cosines**2 + sines**2, 1, atol=1e-5)
    shoulder, elbow = np.moveaxis(np.arctan2(sines, cosines), -1, 0)
    reach = 0.1 * np.stack([np.cos(shoulder), np.sin(shoulder)], axis=-1)
    reach += 0.11 * np.stack([np.cos(shoulder + elbow), np.sin(shoulder + elbow)], axis=-1)
    np.testing.assert_allclose(tip[..., :2], reach, atol=1e-2)  # the spring backend's joints give a little
    np.testing.assert_allclose(tip[..., 2], 0.01, atol=5e-3)


def test_the_velocity_is_that_of_the_fingertip(start: EnvState, rollout: Rollout) -> None:
    states = np.asarray(rollout(start, jnp.array(1.0), 0 * noise(0)).state, np.float64)
    tip, velocity = states[..., 4:6], states[..., 7:9]
    difference = (tip[2:] - tip[:-2]) / (2 * CONTROL_STEP)
    assert np.std(difference - velocity[1:-1]) < 0.1 * np.std(velocity)


def test_the_same_actions_give_the_same_states(start: EnvState, rollout: Rollout) -> None:
    one, other = (rollout(start, jnp.array(0.0), noise(1)).state for _ in range(2))
    np.testing.assert_array_equal(one, other)
    assert bool(jnp.all(jnp.isfinite(one)))


def test_goals_can_be_reached_and_held(start: EnvState, rollout: Rollout) -> None:
    """By a controller that knows the arm; random actions are seldom there."""

    def time_at_goal(gain: float, noise: jax.Array) -> float:
        states = rollout(start, jnp.array(gain), noise)
        return float(jnp.mean(TASK.at_goal(states.state, states.goal)[-50:]))

    assert time_at_goal(1.0, 0 * noise(0)) > 0.8
    assert time_at_goal(0.0, noise(2)) < 0.2
