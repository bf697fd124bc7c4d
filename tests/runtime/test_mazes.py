"""Mazes: the pictures, the walls that come of them, and that nothing passes these."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import chisquare

from archlang_runtime.envs import load
from archlang_runtime.envs.ant import FEET, SOLID
from archlang_runtime.envs.mazes import PICTURES, Cell, merge, open_maze
from archlang_runtime.envs.physics import PIPELINES, brax_as_it_is
from archlang_runtime.envs.table import TASKS

MAZES = [name for name, task in TASKS.items() if "layout" in task.arguments]
BOX = 6  # mujoco's number for it


def neighbours(cell: Cell) -> set[Cell]:
    return {(cell[0] + down, cell[1] + right) for down, right in ((0, 1), (1, 0), (0, -1), (-1, 0))}


def make(name: str) -> Any:
    return load(TASKS[name])


# --- the pictures ----------------------------------------------------------------------------------------------------


def test_rows_lead_along_x_and_columns_along_y() -> None:
    maze = open_maze("u_maze", 4.0)
    assert maze.start == (4.0, 4.0)
    assert maze.cells("g") == [(1, 2), (1, 3), (2, 3), (3, 1), (3, 2), (3, 3)]


@pytest.mark.parametrize("name", PICTURES)
def test_a_maze_is_closed_and_every_goal_can_be_reached(name: str) -> None:
    maze = open_maze(name, 1.0)
    assert len({len(row) for row in maze.rows}) == 1
    ways = {cell for sign in "Sg " for cell in maze.cells(sign)}
    reached, edge = set(), set(maze.cells("S"))
    while edge:
        reached |= edge
        edge = {further for cell in edge for further in neighbours(cell)} - reached - set(maze.cells("#"))
        assert edge <= ways, "there is a hole in the outer wall"
    assert reached == ways
    assert maze.cells("g")


@pytest.mark.parametrize("name", [name for name in PICTURES if name.endswith("_eval")])
def test_evaluation_keeps_the_walls_and_takes_some_of_the_goals(name: str) -> None:
    evaluation = open_maze(name, 1.0)
    training = open_maze(name.removesuffix("_eval").removeprefix("ant_"), 1.0)
    assert [evaluation.cells(sign) for sign in "#S"] == [training.cells(sign) for sign in "#S"]
    assert set(evaluation.cells("g")) < set(training.cells("g"))


@pytest.mark.parametrize("name", PICTURES)
def test_straight_walls_fill_the_same_cells_once(name: str) -> None:
    cells = open_maze(name, 1.0).cells("#")
    walls = list(merge(set(cells)))
    filled = [(i, j) for (top, left), (bottom, right) in walls for i in range(top, bottom + 1) for j in range(left, right + 1)]
    assert sorted(filled) == sorted(cells)
    assert 2 * len(walls) < len(cells)


def test_every_goal_is_equally_likely() -> None:
    maze = open_maze("big_maze", 4.0)
    goals = np.asarray(jax.vmap(maze.draw_goal)(jax.random.split(jax.random.key(0), 6_000)))
    found, counts = np.unique(goals, axis=0, return_counts=True)
    np.testing.assert_array_equal(found, 4.0 * np.array(sorted(maze.cells("g"))))
    assert chisquare(counts).pvalue > 1e-3


# --- the walls -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", MAZES)
def test_start_and_goals_are_clear_of_the_walls_of_the_model(name: str) -> None:
    env = make(name)
    model, maze = env.simulation.system.mj_model, env.maze
    centre, half = (getattr(model, field)[model.geom_type == BOX, :2] for field in ("geom_pos", "geom_size"))
    places = np.array([maze.start, *(maze.size * np.array(maze.cells("g")))])
    outside = np.max(np.abs(places[:, None] - centre) - half, axis=-1)
    np.testing.assert_array_less(maze.size / 2 - 1e-6, outside.min(axis=1))
    area = 4 * half.prod(axis=1).sum() / maze.size**2
    np.testing.assert_allclose(area, len(maze.cells("#")))
    np.testing.assert_allclose(env.simulation.system.init_q[:2], maze.start)


@pytest.mark.parametrize(
    ("name", "solid"),
    [("ant_u_maze", {*SOLID, *FEET}), ("point_u_maze", {"torso_geom"}), ("humanoid_u_maze", None)],
)
def test_whatever_should_meets_every_wall(name: str, solid: set[str] | None) -> None:
    """Every part of the humanoid does, and what is listed of the others: the pairs that brax tests for contact."""
    env = make(name)
    system = env.simulation.system
    model = system.mj_model

    def contacts() -> tuple[jax.Array, jax.Array]:
        with brax_as_it_is():
            found = PIPELINES["spring"].contact.get(system, env.simulation.init(system.init_q, jnp.zeros(system.qd_size())).x)
        return found.geom1, found.geom2

    pairs = {frozenset(pair) for pair in np.stack(jax.jit(contacts)(), axis=1).tolist()}
    walls = set(np.flatnonzero(model.geom_type == BOX).tolist())
    bodies = {index for index in range(model.ngeom) if model.geom_bodyid[index] and index not in walls}
    expected = {index for index in bodies if solid is None or model.geom(index).name in solid}
    assert {(*(pair & bodies), *(pair & walls)) for pair in pairs if pair & walls} == {(a, b) for a in expected for b in walls}


@pytest.mark.slow
@pytest.mark.parametrize("name", ["point_u_maze", "ant_u_maze"])
def test_nothing_passes_a_wall(name: str) -> None:
    """Thrown at them from the start, at 9 m/s; the torso is a ball of 0.25 m."""
    env = make(name)
    system, maze = env.simulation.system, env.maze
    throws = 9 * np.array([(-1, 0), (1, 0), (0, -1), (-0.7, -0.7)], np.float32)

    @jax.jit
    @jax.vmap
    def throw(velocity: jax.Array) -> jax.Array:
        def step(physics: Any, _: None) -> tuple[Any, jax.Array]:
            physics = env.simulation.step(physics, jnp.zeros(system.act_size()))
            return physics, physics.x.pos[0, :2]

        physics = env.simulation.init(system.init_q, jnp.zeros(system.qd_size()).at[:2].set(velocity))
        return jax.lax.scan(step, physics, length=40)[1]

    travelled = np.asarray(throw(throws)) - np.array(maze.start)
    towards = np.sign(throws)[:, None] * travelled  # along x and y, and 0 where it was not thrown
    assert towards.max(axis=(1, 2)).min() > 1, "it never got near a wall"
    assert towards.max() < maze.size / 2 - 0.25 + 0.03
