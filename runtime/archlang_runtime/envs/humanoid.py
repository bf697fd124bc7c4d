"""Humanoid: a body on two legs walks to a place, on open ground or through a maze, and stays there upright.

The model is the one that brax ships, with every part solid (brax lets only the feet touch the floor). Simulated with brax's
spring backend at 667 Hz and controlled at 67 Hz, with the gears that brax's own humanoid sets for this backend.

state, f32[268]:
    0:3      position of the torso (x, y, z), m
    3:7      its orientation, a quaternion
    7:24     angles of the 17 joints, rad
    24:26    the goal (x, y), m
    26:32    velocity of the torso and angular velocity, m/s and rad/s
    32:49    velocities of the joints, rad/s
    49:51    zero: the goal's velocity
    51:171   for each of the 11 bodies and the goal: the inertia about the centre of mass (9), the mass
    171:243  for each of them: velocity (3) by its share of the mass, angular velocity (3)
    243:268  torques of all degrees of freedom, with two zeros for the goal's
goal, f32[3]: where the torso (state 0:3) should be; on open ground 1 m to 5 m from the origin, uniform over distance and turn
(so denser in the middle); in a maze the centre of a cell, each equally likely; 1.25 m high.
action, f32[17]: torque of each joint, in [-1, 1] of the motor's range.

An episode starts upright and at rest, at the origin or in the maze's start. It terminates when the torso is not between 1 m
and 2 m above the floor.

In the paper's code the goal is a ball of 1 kg in the simulated world, and part of what the agent sees: its numbers are in the
state, and its mass draws the centre of mass that the inertias are taken about. Here it is no body, but the state has the same
numbers, so that dimensions and results compare.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from archlang_runtime.envs.ant import has_fallen
from archlang_runtime.envs.base import EnvState
from archlang_runtime.envs.mazes import Maze, open_maze
from archlang_runtime.envs.physics import Inertia, Simulation, Transform, actuator, brax_as_it_is, open_model, simulate

PHYSICS_STEP = 0.0015  # s
PHYSICS_STEPS_PER_CONTROL_STEP = 10
GEARS = (*[350.0] * 11, *[100.0] * 6)  # legs and abdomen, arms
GOAL_DISTANCE = (1.0, 5.0)  # m
GOAL_HEIGHT = 1.25  # m
GOAL_MASS = 1.0  # kg
CELL = 2.0  # m, a maze's
HEALTHY_HEIGHT = (1.0, 2.0)  # m


class Humanoid:
    """The environment; see the top of the file. `layout`: a picture in `mazes.py`, none for open ground."""

    def __init__(self, layout: str = "") -> None:
        self.maze = open_maze(layout, CELL) if layout else None
        self.simulation = load_simulation(self.maze)
        self.identity = self.simulation.identity | (self.maze.identity if self.maze else {})

    def reset(self, key: jax.Array) -> EnvState:
        system = self.simulation.system
        physics = self.simulation.init(system.init_q, jnp.zeros(system.qd_size()))
        goal = self.draw_goal(key)
        return EnvState(physics, self.observe(physics, goal, jnp.zeros(system.act_size())), goal, jnp.zeros((), bool))

    def step(self, state: EnvState, action: jax.Array) -> EnvState:
        control = action * self.simulation.system.actuator.ctrl_range[:, 1]
        physics = self.simulation.step(state.physics, control)
        fallen = has_fallen(physics.x.pos[0, 2], HEALTHY_HEIGHT)
        return EnvState(physics, self.observe(physics, state.goal, control), state.goal, fallen)

    def draw_goal(self, key: jax.Array) -> jax.Array:
        """Where the torso should be: f32[3]."""
        place = self.maze.draw_goal(key) if self.maze else point_on_ring(*jax.random.uniform(key, (2,)))
        return jnp.append(place, GOAL_HEIGHT)

    def observe(self, physics: Any, goal: jax.Array, control: jax.Array) -> jax.Array:
        """The state that the agent sees, after a step with `control`: f32[268]."""
        still = jnp.zeros(2)
        with brax_as_it_is():
            torque = actuator.to_tau(self.simulation.system, control, physics.q, physics.qd)
            inertia, velocity = self.observe_bodies(physics, goal)
        parts = [physics.q, goal[:2], physics.qd, still, inertia.ravel(), velocity.ravel(), torque, still]
        return jnp.concatenate(parts)

    def observe_bodies(self, physics: Any, goal: jax.Array) -> tuple[jax.Array, jax.Array]:
        """Inertia and mass, f32[12, 10], and velocities, f32[12, 6], of the bodies and the goal."""
        bodies = self.simulation.system.link.inertia
        centres = physics.x.vmap().do(bodies.transform)
        ball = Transform.create(pos=goal[None])
        places = jax.tree.map(lambda *both: jnp.concatenate(both), centres, ball)
        mass = jnp.append(bodies.mass, GOAL_MASS)
        middle = mass @ places.pos / mass.sum()
        unit = Inertia(places, jnp.tile(jnp.eye(3), (len(mass), 1, 1)), mass)  # the spring backend's inertia
        about = places.replace(pos=places.pos - middle).vmap().do(unit).i
        moving = Transform.create(pos=centres.pos - physics.x.pos).vmap().do(physics.xd)
        velocity = jnp.hstack([bodies.mass[:, None] * moving.vel / mass.sum(), moving.ang])
        return jnp.hstack([about.reshape(len(mass), 9), mass[:, None]]), jnp.append(velocity, jnp.zeros((1, 6)), axis=0)


def point_on_ring(radius: jax.Array, turn: jax.Array) -> jax.Array:
    """Two uniform draws from [0, 1) to a point around the origin, uniform over distance and turn: f32[2]."""
    nearest, furthest = GOAL_DISTANCE
    distance, angle = nearest + (furthest - nearest) * radius, 2 * jnp.pi * turn
    return distance * jnp.stack([jnp.cos(angle), jnp.sin(angle)])


def load_simulation(maze: Maze | None) -> Simulation:
    """brax's humanoid, solid, in a maze or not."""
    spec = open_model("humanoid.xml")
    spec.option.timestep = PHYSICS_STEP
    for geom in spec.geoms:
        geom.contype = 1
    for motor, gear in zip(spec.actuators, GEARS, strict=True):
        motor.gear = [gear, 0, 0, 0, 0, 0]
    if maze:
        maze.build(spec)
        spec.body("torso").pos[:2] = maze.start
    return simulate(spec, "spring", PHYSICS_STEPS_PER_CONTROL_STEP)
