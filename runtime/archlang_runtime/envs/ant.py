"""Ant: a body on four legs walks to a place, on open ground or through a maze, and stays there.

The model is the one that brax ships, simulated with brax's spring backend at 200 Hz and controlled at 20 Hz.

state, f32[29]:
    0:3    position of the torso (x, y, z), m
    3:7    its orientation, a quaternion
    7:15   angles of the eight joints, rad
    15:18  velocity of the torso, m/s
    18:21  its angular velocity, rad/s
    21:29  velocities of the joints, rad/s
goal, f32[2]: where the torso (state 0:2) should be; on open ground a point on a circle around the origin, uniform over its
turn; in a maze the centre of a cell, each equally likely.
action, f32[8]: torque of each joint, in [-1, 1] of the motor's range.

An episode starts at the origin, or in the maze's start, with every number of the position off by up to 0.1 and velocities
drawn from a normal distribution of width 0.1. It terminates when the torso is not between 0.2 m and 1 m above the floor.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from archlang_runtime.envs.base import EnvState
from archlang_runtime.envs.mazes import Maze, open_maze
from archlang_runtime.envs.physics import Simulation, open_model, set_numeric, simulate

PHYSICS_STEP = 0.005  # s; what brax's own ant sets for this backend
PHYSICS_STEPS_PER_CONTROL_STEP = 10
GOAL_DISTANCE = 10.0  # m
CELL = 4.0  # m, a maze's
START_NOISE = 0.1
HEALTHY_HEIGHT = (0.2, 1.0)  # m

# What runs into walls: the torso, the hips and the feet; not the legs between them, which pass.
SOLID = ("torso_geom", *(f"aux_{leg}_geom" for leg in (1, 2, 3, 4)))
FEET = tuple(f"{leg}_foot_geom" for leg in ("left", "right", "third", "fourth"))


class Ant:
    """The environment; see the top of the file. `layout`: a picture in `mazes.py`, none for open ground."""

    def __init__(self, layout: str = "") -> None:
        self.maze = open_maze(layout, CELL) if layout else None
        self.simulation = load_simulation(self.maze)
        self.identity = self.simulation.identity | (self.maze.identity if self.maze else {})

    def reset(self, key: jax.Array) -> EnvState:
        start_key, goal_key = jax.random.split(key)
        physics = self.simulation.init(*self.draw_start(start_key))
        return EnvState(physics, observe(physics), self.draw_goal(goal_key), jnp.zeros((), bool))

    def step(self, state: EnvState, action: jax.Array) -> EnvState:
        physics = self.simulation.step(state.physics, action)
        return EnvState(physics, observe(physics), state.goal, has_fallen(physics.x.pos[0, 2], HEALTHY_HEIGHT))

    def draw_start(self, key: jax.Array) -> tuple[jax.Array, jax.Array]:
        """Positions and velocities of the torso and the joints: f32[15], f32[14]."""
        position_key, velocity_key = jax.random.split(key)
        system = self.simulation.system
        noise = jax.random.uniform(position_key, system.init_q.shape, minval=-START_NOISE, maxval=START_NOISE)
        return system.init_q + noise, START_NOISE * jax.random.normal(velocity_key, (system.qd_size(),))

    def draw_goal(self, key: jax.Array) -> jax.Array:
        """Where the torso should be: f32[2]."""
        if self.maze:
            return self.maze.draw_goal(key)
        turn = 2 * jnp.pi * jax.random.uniform(key)
        return GOAL_DISTANCE * jnp.stack([jnp.cos(turn), jnp.sin(turn)])


def observe(physics: Any) -> jax.Array:
    """The state that the agent sees: all positions and velocities."""
    return jnp.concatenate([physics.q, physics.qd])


def has_fallen(height: jax.Array, healthy: tuple[float, float]) -> jax.Array:
    """Whether a height is outside its bounds, or not a number: bool[]."""
    return ~((height >= healthy[0]) & (height <= healthy[1]))


def load_simulation(maze: Maze | None) -> Simulation:
    """brax's ant, in a maze or not."""
    spec = open_model("ant.xml")
    spec.option.timestep = PHYSICS_STEP
    if maze:
        maze.build(spec)
        make_solid(spec)
        set_numeric(spec, "init_qpos", [*maze.start, *list(spec.numeric("init_qpos").data)[2:]])
    return simulate(spec, "spring", PHYSICS_STEPS_PER_CONTROL_STEP)


def make_solid(spec: Any) -> None:
    """Let the ant run into walls (as in the paper's `ant_maze.xml`), and its feet into its torso, hips and each other."""
    for name in SOLID + FEET:
        spec.geom(name).conaffinity = 1
