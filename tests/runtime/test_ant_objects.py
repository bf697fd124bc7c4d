"""The ant with a ball, and with a block: where things start, what the state means, and that they are shoved."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from brax.kinematics import forward
from scipy.stats import kstest

from archlang_runtime.envs import ant_ball, ant_push, load
from archlang_runtime.envs.base import EnvState
from archlang_runtime.envs.physics import brax_as_it_is, mujoco
from archlang_runtime.envs.table import TASKS, Task

BALL, PUSH = TASKS["ant_ball"], TASKS["ant_push"]


def build(task: Task) -> Any:
    return load(task)


@pytest.mark.parametrize("task", [BALL, PUSH])
def test_the_dimensions_are_the_tables(task: Task) -> None:
    start, dims = jax.eval_shape(build(task).reset, jax.random.key(0)), task.environment
    assert (start.state.shape, start.goal.shape) == ((dims.state_dim,), (dims.goal_dim,))
    assert start.state.dtype == start.goal.dtype == jnp.float32
    assert build(task).simulation.system.act_size() == dims.action_dim


def at(task: Task, q: np.ndarray) -> tuple[Any, SimpleNamespace]:
    """MuJoCo's bodies and brax's in joint positions `q`; the velocities are 0, 1, 2, …"""
    model = mujoco.MjModel.from_xml_string(build(task).simulation.xml)
    data = mujoco.MjData(model)
    data.qpos, data.qvel = q, np.arange(model.nv)
    mujoco.mj_forward(model, data)
    positions, velocities = jnp.asarray(q, jnp.float32), jnp.asarray(data.qvel, jnp.float32)
    with brax_as_it_is():
        x, _ = jax.jit(forward)(build(task).simulation.system, positions, velocities)
    return data, SimpleNamespace(q=positions, qd=velocities, x=x)


def pose(task: Task, *things: float) -> np.ndarray:
    """The model's own pose, with the torso elsewhere and the ball or block at `things`."""
    q = np.array(build(task).simulation.system.init_q)
    q[:2], q[-len(things) :] = (1.5, -2.5), things
    return q


# --- the ball --------------------------------------------------------------------------------------------------------


def test_goals_are_uniform_on_a_circle_and_balls_between() -> None:
    goals, balls = jax.vmap(ant_ball.place)(jax.random.uniform(jax.random.key(0), (4_000, 2)))
    goals, offsets = np.asarray(goals, np.float64), np.asarray(balls - 0.2 * goals, np.float64)
    np.testing.assert_allclose(np.linalg.norm(goals, axis=1), 5, rtol=1e-5)
    assert kstest(np.arctan2(goals[:, 1], goals[:, 0]) / (2 * np.pi) + 0.5, "uniform").pvalue > 1e-3
    assert kstest(np.arccos(np.clip(offsets[:, 0], -1, 1)) / np.pi, "uniform").pvalue > 1e-3
    np.testing.assert_allclose(offsets[:, 1], goals[:, 1] / 5, atol=1e-5)


@pytest.mark.slow
def test_what_is_compared_with_a_goal_is_the_ball() -> None:
    data, physics = at(BALL, pose(BALL, 3.0, -4.0))
    state = build(BALL).observe(physics)
    np.testing.assert_allclose(BALL.achieved(state), data.body("ball").xpos[:2], atol=1e-5)
    np.testing.assert_allclose(state[:15], data.qpos[:15], atol=1e-6)
    np.testing.assert_allclose(state[15:29], data.qvel[:14])


# --- the block -------------------------------------------------------------------------------------------------------


def test_goals_are_uniform_in_two_rooms() -> None:
    goals = np.asarray(jax.vmap(ant_push.draw_goal)(jax.random.split(jax.random.key(0), 4_000)), np.float64)
    right = goals[:, 0] > goals[:, 1]
    assert abs(np.mean(right) - 0.5) < 0.03
    corners = np.where(right[:, None], [16, 8], [8, 16])
    for share in np.moveaxis((goals - corners) / 2, -1, 0):
        assert kstest(share, "uniform").pvalue > 1e-3


@pytest.mark.slow
def test_the_state_holds_the_torso_and_the_block() -> None:
    data, physics = at(PUSH, pose(PUSH, 1.0, -0.5, 0.1))
    state = ant_push.observe(physics)
    np.testing.assert_allclose(PUSH.achieved(state), data.body("torso").xpos[:2], atol=1e-5)
    np.testing.assert_allclose(state[29:], data.body("block").xpos[:2], atol=1e-5)
    np.testing.assert_allclose(state[:15], data.qpos[:15], atol=1e-6)
    np.testing.assert_allclose(state[15:29], data.qvel[:14])


def test_the_walls_are_the_pictures() -> None:
    """Every cell of the picture is a wall where it has a letter, and none where it has none."""
    rows = [line.split()[:5] for line in str(ant_push.__doc__).splitlines()[2:7]]
    for row, cells in enumerate(rows):
        for column, cell in enumerate(cells):
            x, y = 8 * (column - 1), 8 * (3 - row)
            covering = [name for name, (c, h) in ant_push.WALLS.items() if abs(x - c[0]) < h[0] and abs(y - c[1]) < h[1]]
            assert covering == ([cell] if cell in ant_push.WALLS else []), (x, y)
    assert rows[2][2] == "M"
    assert ant_push.BLOCK[:2] == (8, 8)
    assert rows[3][1] == "o"


# --- an episode ------------------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("task", [BALL, PUSH], ids=["ball", "block"])
def test_an_episode(task: Task) -> None:
    """The same key gives the same start and states; it terminates when, and only when, the torso is too low or too high."""
    env = build(task)

    @jax.jit
    def run(key: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array]:
        def step(state: EnvState, action: jax.Array) -> tuple[EnvState, tuple[jax.Array, jax.Array]]:
            after = env.step(state, action)
            return after, (after.state, after.terminated)

        actions = jnp.repeat(jax.random.uniform(key, (30, 8), minval=-1, maxval=1), 10, axis=0)
        start = env.reset(key)
        return start.state, *jax.lax.scan(step, start, actions)[1]

    (start, states, terminated), (_, again, _) = run(jax.random.key(0)), run(jax.random.key(0))
    assert np.abs(start[:15] - env.simulation.system.init_q[:15]).max() <= 0.1
    np.testing.assert_array_equal(states, again)
    assert bool(jnp.all(jnp.isfinite(states)))
    np.testing.assert_array_equal(terminated, (states[:, 2] < 0.2) | (states[:, 2] > 1.0))
