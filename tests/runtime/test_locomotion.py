"""Ant, humanoid and point, and what every row of the table promises of its environment."""

from __future__ import annotations

import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import kstest

from archlang_runtime import envs
from archlang_runtime.envs.ant import HEALTHY_HEIGHT, has_fallen
from archlang_runtime.envs.episodes import reset
from archlang_runtime.envs.humanoid import GOAL_MASS
from archlang_runtime.envs.physics import mujoco, simulate
from archlang_runtime.envs.table import TASKS

DOCS = Path(__file__).parents[2] / "docs/environments.md"
STEPS = 50


def keys(number: int, seed: int = 0) -> jax.Array:
    return jax.random.split(jax.random.key(seed), number)


def turns(places: np.ndarray) -> np.ndarray:
    return np.arctan2(places[:, 1], places[:, 0]) / (2 * np.pi) + 0.5


def make(name: str) -> Any:
    return envs.load(TASKS[name])


# --- every environment -----------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("name", TASKS)
def test_the_dimensions_are_the_tables(name: str) -> None:
    dims = TASKS[name].environment
    start = jax.eval_shape(make(name).reset, jax.random.key(0))
    assert (start.state.shape, start.goal.shape) == ((dims.state_dim,), (dims.goal_dim,))
    assert start.state.dtype == start.goal.dtype == jnp.float32
    assert (start.terminated.shape, start.terminated.dtype) == ((), jnp.bool_)


@pytest.mark.parametrize("name", ["ant_u_maze", "humanoid", "point_u_maze"])
def test_a_step_gives_what_a_reset_gives(name: str) -> None:
    env, action = make(name), jnp.zeros(TASKS[name].environment.action_dim)
    start = jax.eval_shape(env.reset, jax.random.key(0))
    after = jax.eval_shape(env.step, start, action)
    assert [(leaf.shape, leaf.dtype) for leaf in jax.tree.leaves(start)] == [
        (leaf.shape, leaf.dtype) for leaf in jax.tree.leaves(after)
    ]


def test_the_documented_table_is_that_of_the_environments() -> None:
    lines = [line.strip("| ").split(" | ") for line in DOCS.read_text().splitlines() if line.startswith("| `")]
    documented = {name.strip("`"): numbers[:7] for name, *numbers in lines}
    assert documented == {name: describe(name) for name in TASKS}


def describe(name: str) -> list[str]:
    """The first columns of an environment's line."""
    task, simulation = TASKS[name], make(name).simulation
    dims = task.environment
    goal = f"{task.goal_start}:{task.goal_start + dims.goal_dim}"
    step = f"{float(simulation.system.opt.timestep) * simulation.frames:.3g} s"
    widths = [str(width) for width in (dims.state_dim, dims.goal_dim, dims.action_dim)]
    return [*widths, goal, f"{task.radius:g} m", simulation.backend, step]


# --- fingerprints ----------------------------------------------------------------------------------------------------


def test_every_environment_has_a_fingerprint_of_its_own() -> None:
    found = [envs.fingerprint(name) for name in TASKS]
    assert len(set(found)) == len(TASKS)
    assert {len(each) for each in found} == {16}


@pytest.mark.parametrize("change", ["radius", "layout", "version"])
def test_a_fingerprint_changes_with_what_it_covers(change: str, monkeypatch: pytest.MonkeyPatch) -> None:
    before = envs.fingerprint("ant_u_maze")
    assert envs.fingerprint("ant_u_maze") == before
    task = TASKS["ant_u_maze"]
    changed = {"radius": replace(task, radius=0.6), "layout": replace(task, arguments={"layout": "u_maze_eval"})}
    monkeypatch.setattr(envs, "TASKS", {"ant_u_maze": changed.get(change, task)})
    monkeypatch.setattr(envs, "version", lambda _: "0" if change == "version" else "1")
    other = envs.fingerprint("ant_u_maze")
    monkeypatch.undo()
    assert other != before
    assert envs.fingerprint("ant_u_maze") == before


# --- starts and goals ------------------------------------------------------------------------------------------------


def test_the_ants_goals_are_on_a_circle() -> None:
    goals = np.asarray(jax.vmap(make("ant").draw_goal)(keys(2_000)), np.float64)
    np.testing.assert_allclose(np.linalg.norm(goals, axis=1), 10, rtol=1e-5)
    assert kstest(turns(goals), "uniform").pvalue > 1e-3


def test_the_humanoids_goals_are_uniform_over_distance() -> None:
    goals = np.asarray(jax.vmap(make("humanoid").draw_goal)(keys(2_000)), np.float64)
    assert kstest((np.linalg.norm(goals[:, :2], axis=1) - 1) / 4, "uniform").pvalue > 1e-3
    assert kstest(turns(goals), "uniform").pvalue > 1e-3
    np.testing.assert_allclose(goals[:, 2], 1.25)


@pytest.mark.parametrize(("name", "start"), [("ant", (0, 0)), ("ant_big_maze", (4, 4))])
def test_the_ant_starts_near_its_pose(name: str, start: tuple[float, float]) -> None:
    q, qd = jax.vmap(make(name).draw_start)(keys(2_000))
    pose = [*start, 0.55, 1, 0, 0, 0, 0, 1, 0, -1, 0, -1, 0, 1]
    assert kstest(np.ravel((np.asarray(q, np.float64) - pose) / 0.2 + 0.5), "uniform").pvalue > 1e-3
    assert kstest(np.ravel(np.asarray(qd, np.float64)) / 0.1, "norm").pvalue > 1e-3


# --- the end of an episode -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("height", "fallen"),
    [(0.55, False), (0.2, False), (1.0, False), (0.19, True), (1.01, True), (float("nan"), True), (float("inf"), True)],
)
def test_a_body_has_fallen_when_its_height_is_none_to_stand_at(height: float, fallen: bool) -> None:
    assert bool(has_fallen(jnp.float32(height), HEALTHY_HEIGHT)) is fallen


# --- what the humanoid sees ------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_the_humanoids_state_is_that_of_a_world_with_the_goal_in_it() -> None:
    """brax's own formula, on the model with a ball at the goal, as in the paper's `humanoid.xml`."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from brax.envs.humanoid import Humanoid

        theirs = Humanoid(backend="spring", exclude_current_positions_from_observation=False)
    ours = make("humanoid")
    theirs.sys = add_ball(ours.simulation.xml)
    q_key, qd_key, action_key = keys(3)
    system, goal = ours.simulation.system, jnp.array([2.0, -3.0, 1.25])
    q = system.init_q + 0.2 * jax.random.normal(q_key, system.init_q.shape)
    qd, control = jax.random.normal(qd_key, (23,)), 0.4 * jax.random.uniform(action_key, (17,), minval=-1)

    @jax.jit
    def both() -> tuple[jax.Array, jax.Array]:
        with jax.numpy_rank_promotion("allow"), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            physics = theirs.pipeline_init(jnp.append(q, goal[:2]), jnp.append(qd, jnp.zeros(2)))
            expected = theirs._get_obs(physics, control)
        return ours.observe(ours.simulation.init(q, qd), goal, control), expected

    np.testing.assert_allclose(*both(), rtol=1e-5, atol=1e-5)


def add_ball(xml: str) -> Any:
    spec = mujoco.MjSpec.from_string(xml)
    ball = spec.worldbody.add_body(name="target", pos=[0, 0, 1.25])
    for name, axis in (("x", [1, 0, 0]), ("y", [0, 1, 0])):
        limited = mujoco.mjtLimited.mjLIMITED_FALSE
        ball.add_joint(name=name, axis=axis, type=mujoco.mjtJoint.mjJNT_SLIDE, limited=limited, armature=0, damping=0)
    ball.add_geom(type=mujoco.mjtGeom.mjGEOM_SPHERE, size=[0.5, 0, 0], mass=GOAL_MASS, contype=0, conaffinity=0)
    return simulate(spec, "spring", 10).system


# --- rollouts --------------------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize(("name", "velocity"), [("ant", 15), ("humanoid", 26)])
def test_random_actions_give_the_same_finite_states_again(name: str, velocity: int) -> None:
    """And the velocity that the state shows is that of the torso. `velocity`: where it stands in the state."""
    env, num_envs = make(name), 4
    start = reset(env, jax.random.key(0), num_envs)
    shape = (STEPS, num_envs, TASKS[name].environment.action_dim)
    actions = jax.random.uniform(jax.random.key(1), shape, minval=-1)

    @jax.jit
    def run(start: Any) -> jax.Array:
        def step(state: Any, action: jax.Array) -> tuple[Any, jax.Array]:
            state = jax.vmap(env.step)(state, action)
            return state, state.state

        return jax.lax.scan(step, start, actions)[1]

    states = np.asarray(run(start))
    assert np.isfinite(states).all()
    np.testing.assert_array_equal(states, run(start))
    control_step = float(env.simulation.system.opt.timestep) * env.simulation.frames
    shown = states[..., velocity : velocity + 2]
    difference = (states[2:, :, :2] - states[:-2, :, :2]) / (2 * control_step)
    assert np.std(difference - shown[1:-1]) < 0.5 * np.std(shown)
