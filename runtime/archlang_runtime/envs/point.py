"""Point: a ball that is pushed along two axes finds its way through a maze, and stays at a place.

It is brax's ant without legs, on two rails in place of a free joint, as in JaxGCRL's `simple_maze`; simulated with brax's
spring backend at 200 Hz and controlled at 20 Hz.

state, f32[4]:
    0:2  position (x, y), m
    2:4  velocity (x, y), m/s
goal, f32[2]: where the ball (state 0:2) should be; the centre of one of the maze's cells, each equally likely.
action, f32[2]: force along each axis, in [-1, 1] of the motor's range.

An episode starts in the middle of the maze's start with velocities drawn from a normal distribution of width 0.1. It never
terminates: the rails are level.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp

from archlang_runtime.envs.ant import observe
from archlang_runtime.envs.base import EnvState
from archlang_runtime.envs.mazes import Maze, open_maze
from archlang_runtime.envs.physics import Simulation, add_rail, open_model, set_numeric, simulate

PHYSICS_STEP = 0.005  # s
PHYSICS_STEPS_PER_CONTROL_STEP = 10
CELL = 4.0  # m
GEAR = 5.0
START_SPEED = 0.1  # m/s
RAIL = 100.0  # m, to either side


class Point:
    """The environment; see the top of the file. `layout`: a picture in `mazes.py`."""

    def __init__(self, layout: str) -> None:
        self.maze = open_maze(layout, CELL)
        self.simulation = load_simulation(self.maze)
        self.identity = self.simulation.identity | self.maze.identity

    def reset(self, key: jax.Array) -> EnvState:
        goal_key, velocity_key = jax.random.split(key)
        qd = START_SPEED * jax.random.normal(velocity_key, (2,))
        physics = self.simulation.init(self.simulation.system.init_q, qd)
        return EnvState(physics, observe(physics), self.maze.draw_goal(goal_key), jnp.zeros((), bool))

    def step(self, state: EnvState, action: jax.Array) -> EnvState:
        physics = self.simulation.step(state.physics, action)
        return EnvState(physics, observe(physics), state.goal, state.terminated)


def load_simulation(maze: Maze) -> Simulation:
    """The ball in its maze."""
    spec = open_model("ant.xml")
    spec.option.timestep = PHYSICS_STEP
    torso = spec.body("torso")
    for part in [*spec.actuators, *torso.bodies, *torso.joints]:
        spec.delete(part)
    for name, axis in (("x", [1, 0, 0]), ("y", [0, 1, 0])):
        add_rail(spec, torso, name, axis, RAIL, GEAR)
    ball = spec.geom("torso_geom")
    ball.contype = ball.conaffinity = 1
    maze.build(spec)
    set_numeric(spec, "init_qpos", maze.start)
    return simulate(spec, "spring", PHYSICS_STEPS_PER_CONTROL_STEP)
