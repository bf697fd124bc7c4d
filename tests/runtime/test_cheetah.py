"""Cheetah: what its numbers mean, and that it runs."""

from __future__ import annotations

from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from archlang_runtime.envs import load
from archlang_runtime.envs.base import EnvState
from archlang_runtime.envs.cheetah import Cheetah, observe
from archlang_runtime.envs.physics import mujoco
from archlang_runtime.envs.table import TASKS

TASK = TASKS["cheetah"]


@pytest.fixture(scope="module")
def env() -> Cheetah:
    cheetah = load(TASK)
    assert isinstance(cheetah, Cheetah)
    return cheetah


def test_the_dimensions_are_the_tables(env: Cheetah) -> None:
    start, dims = jax.eval_shape(env.reset, jax.random.key(0)), TASK.environment
    assert (start.state.shape, start.goal.shape) == ((dims.state_dim,), (dims.goal_dim,))
    assert start.state.dtype == start.goal.dtype == jnp.float32
    assert env.simulation.system.act_size() == dims.action_dim


def test_the_state_is_what_its_layout_says(env: Cheetah) -> None:
    """By MuJoCo's own kinematics."""
    model = mujoco.MjModel.from_xml_string(env.simulation.xml)
    data = mujoco.MjData(model)
    data.qpos, data.qvel = np.linspace(-0.5, 0.3, 9), np.arange(9)
    mujoco.mj_forward(model, data)
    state = observe(SimpleNamespace(q=jnp.asarray(data.qpos, jnp.float32), qd=jnp.asarray(data.qvel, jnp.float32)))
    np.testing.assert_allclose(TASK.achieved(state), data.body("torso").xpos[:1], atol=1e-6)
    np.testing.assert_allclose(state[1], data.body("torso").xpos[2] - 0.7, atol=1e-6)
    names = [model.joint(number).name for number in range(9)]
    assert names == ["rootx", "rootz", "rooty", "bthigh", "bshin", "bfoot", "fthigh", "fshin", "ffoot"]
    np.testing.assert_allclose(state[9:], data.qvel)


@pytest.mark.slow
def test_an_episode(env: Cheetah) -> None:
    """Starts near the model's pose, is the same for the same key, and never terminates, come what may."""

    @jax.jit
    def run(key: jax.Array) -> tuple[EnvState, tuple[jax.Array, jax.Array]]:
        start = env.reset(key)
        push = jnp.array([1, 1, 1, -1, -1, -1])

        def step(state: EnvState, time: jax.Array) -> tuple[EnvState, tuple[jax.Array, jax.Array]]:
            after = env.step(state, jnp.where(time % 10 < 5, push, -push).astype(jnp.float32))
            return after, (after.state, after.terminated)

        return start, jax.lax.scan(step, start, jnp.arange(100))[1]

    (start, (states, terminated)), (_, (again, _)) = run(jax.random.key(0)), run(jax.random.key(0))
    assert np.abs(start.state[:9]).max() <= 0.1
    np.testing.assert_array_equal(start.goal, [5])
    np.testing.assert_array_equal(states, again)
    assert bool(jnp.all(jnp.isfinite(states)))
    assert np.ptp(states[:, 0]) > 0.5
    assert not np.any(terminated)
