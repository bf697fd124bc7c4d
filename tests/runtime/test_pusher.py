"""Pusher: where pucks and goals are, what the state means, and that the arm pushes the puck."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from brax.kinematics import forward
from scipy.stats import kstest

from archlang_runtime.envs import load
from archlang_runtime.envs.base import EnvState
from archlang_runtime.envs.physics import brax_as_it_is, mujoco
from archlang_runtime.envs.pusher import GOALS, PUCKS, Pusher, Rectangle, keep_apart, place
from archlang_runtime.envs.table import TASKS, Task

pytestmark = pytest.mark.optimized  # its steps take longer than their compilation
EASY, HARD = TASKS["pusher_easy"], TASKS["pusher_hard"]
NUM_ENVS, STEPS = 32, 120


def build(task: Task) -> Pusher:
    env = load(task)
    assert isinstance(env, Pusher)
    return env


@pytest.mark.parametrize("task", [EASY, HARD])
def test_the_dimensions_are_the_tables(task: Task) -> None:
    start, dims = jax.eval_shape(build(task).reset, jax.random.key(0)), task.environment
    assert (start.state.shape, start.goal.shape) == ((dims.state_dim,), (dims.goal_dim,))
    assert start.state.dtype == start.goal.dtype == jnp.float32
    assert build(task).simulation.system.act_size() == dims.action_dim


@pytest.mark.parametrize("rectangle", [PUCKS, *GOALS.values()])
def test_places_are_uniform_over_their_rectangle(rectangle: Rectangle) -> None:
    draws = jax.random.uniform(jax.random.key(0), (4_000, 2))
    points = np.asarray(jax.vmap(lambda draws: place(rectangle, draws))(draws), np.float64)
    least, largest = np.array(rectangle)
    for share in np.moveaxis((points - least) / (largest - least), -1, 0):
        assert kstest(share, "uniform").pvalue > 1e-3


def test_a_puck_near_its_goal_is_moved_straight_away_from_it() -> None:
    goal, near, far = jnp.array([0.4, -0.3]), jnp.array([0.03, -0.04]), jnp.array([0.3, 0.4])
    np.testing.assert_allclose(keep_apart(goal + near, goal), goal + near * 0.17 / 0.05, rtol=1e-5)
    np.testing.assert_allclose(keep_apart(goal + far, goal), goal + far, rtol=1e-6)


@pytest.mark.slow
def test_the_state_is_what_its_layout_says() -> None:
    """By MuJoCo's own kinematics."""
    env = build(EASY)
    model = mujoco.MjModel.from_xml_string(env.simulation.xml)
    data = mujoco.MjData(model)
    data.qpos, data.qvel = np.linspace(-0.5, 0.3, 9), np.arange(9)
    mujoco.mj_forward(model, data)
    q, qd = jnp.asarray(data.qpos, jnp.float32), jnp.asarray(data.qvel, jnp.float32)
    with brax_as_it_is():
        x, _ = jax.jit(forward)(env.simulation.system, q, qd)
    state = env.observe(SimpleNamespace(q=q, qd=qd, x=x))
    np.testing.assert_allclose(state[:7], q[:7])
    np.testing.assert_allclose(state[7:10], data.body("r_wrist_flex_link").xpos, atol=1e-5)
    np.testing.assert_allclose(EASY.achieved(state), data.body("object").xpos, atol=1e-5)
    np.testing.assert_allclose(state[13:], qd[:7])


@pytest.fixture(scope="module")
def rollouts() -> list[EnvState]:
    """Start and all later states (time first) of a sweep over the table: twice the same, and once without torques."""
    env = build(EASY)
    low, across = jnp.array([0.0, 0.34, 0, 0, 0, 0, 0]), jnp.array([1.5, 0.34, 0, 0, 0, 0, 0])

    def control(state: jax.Array, time: jax.Array) -> jax.Array:
        """First lower the arm beside the pucks, then turn it towards them."""
        posture = jnp.where(time < 40, low, across)
        return jnp.clip(10 * (posture - state[:, :7]) - state[:, 13:], -1, 1)

    @jax.jit
    def run(gain: jax.Array) -> EnvState:
        def step(state: EnvState, time: jax.Array) -> tuple[EnvState, EnvState]:
            return jax.vmap(env.step)(state, gain * control(state.state, time)), state

        start = jax.vmap(env.reset)(jax.random.split(jax.random.key(0), NUM_ENVS))
        seen = jax.lax.scan(step, start, jnp.arange(STEPS))[1]
        return replace(seen, physics=None)

    return [run(jnp.array(gain)) for gain in (1.0, 1.0, 0.0)]


@pytest.mark.slow
def test_an_episode_starts_with_the_arm_stretched_and_the_puck_apart_from_its_goal(rollouts: list[EnvState]) -> None:
    start = jax.tree.map(lambda leaf: np.asarray(leaf)[0], rollouts[0])
    puck, goal = EASY.achieved(start.state), start.goal
    np.testing.assert_array_equal(start.state[:, :7], 0)
    assert np.abs(start.state[:, 13:]).max() <= 0.005
    np.testing.assert_allclose(puck[:, 2], -0.275, atol=1e-5)
    np.testing.assert_allclose(goal[:, 2], -0.323)
    least, largest = np.array(GOALS["easy"])
    assert np.all((goal[:, :2] >= least) & (goal[:, :2] <= largest))
    assert np.all(np.linalg.norm((puck - goal)[:, :2], axis=1) > 0.17 - 1e-5)
    least, largest = np.array(PUCKS) + np.array([[-0.17], [0.17]])
    assert np.all((puck[:, :2] >= least) & (puck[:, :2] <= largest))


@pytest.mark.slow
def test_the_same_actions_give_the_same_states_and_nothing_terminates(rollouts: list[EnvState]) -> None:
    one, other, _ = rollouts
    np.testing.assert_array_equal(one.state, other.state)
    assert bool(jnp.all(jnp.isfinite(one.state)))
    assert not np.any(one.terminated)


@pytest.mark.slow
def test_the_arm_pushes_the_puck(rollouts: list[EnvState]) -> None:
    """Some pucks lie where the arm sweeps; without torques none moves."""
    swept, _, still = (np.asarray(EASY.achieved(rollout.state)) for rollout in rollouts)
    moved = np.linalg.norm(swept[-1] - swept[0], axis=1)
    assert np.sum(moved > 0.1) >= 5
    np.testing.assert_allclose(still[-1], still[0], atol=1e-3)
