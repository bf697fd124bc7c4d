"""Reacher: a planar arm with two joints brings its fingertip to a point and holds it there.

The model is the one that brax ships, without its target body: a goal is a number in the task, not a thing in the physics.
Simulated with brax's spring backend at 200 Hz, controlled at 50 Hz.

state, f32[10]:
    0:2   cosine of the shoulder's and of the elbow's angle
    2:4   sine of them
    4:7   fingertip position (x, y, z), m
    7:10  fingertip velocity (x, y, z), m/s
goal, f32[3]: where the fingertip (state 4:7) should be; uniform over the disc of radius 0.2 m around the shoulder.
action, f32[2]: torque of the shoulder and of the elbow, each in [-1, 1] of the motor's range.

An episode starts with the arm nearly stretched (angles uniform within ±0.1 rad) and nearly at rest, and never terminates.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from archlang_runtime.envs.base import EnvState
from archlang_runtime.envs.physics import Simulation, math, open_model, set_gear, set_numeric, simulate

PHYSICS_STEP = 0.005  # s; with the gear below, what brax's own reacher sets for this backend
PHYSICS_STEPS_PER_CONTROL_STEP = 4
GEAR = 25.0
FINGERTIP_OFFSET = (0.11, 0.0, 0.0)  # m, from the elbow, in the frame of the forearm
FINGERTIP_HEIGHT = 0.01  # m
GOAL_DISC = 0.2  # m
START_ANGLE, START_SPEED = 0.1, 0.005  # rad, rad/s
FOREARM = 1

# brax keeps one number per joint or per body in these; without the target, the last is left over.
PER_JOINT_OR_BODY = {"init_qpos": 2, "constraint_stiffness": 2, "constraint_vel_damping": 2}


class Reacher:
    """The environment; see the top of the file."""

    def __init__(self) -> None:
        self.simulation = load_simulation()
        self.identity = self.simulation.identity

    def reset(self, key: jax.Array) -> EnvState:
        draws = jax.random.uniform(key, (6,))  # at once: every call of the generator takes half a second to compile
        angles, speeds = START_ANGLE * (2 * draws[0:2] - 1), START_SPEED * (2 * draws[2:4] - 1)
        physics = self.simulation.init(angles, speeds)
        return EnvState(physics, observe(physics), point_on_disc(draws[4], draws[5]), jnp.zeros((), bool))

    def step(self, state: EnvState, action: jax.Array) -> EnvState:
        physics = self.simulation.step(state.physics, action)
        return EnvState(physics, observe(physics), state.goal, state.terminated)


def observe(physics: Any) -> jax.Array:
    """The state that the agent sees: f32[10]."""
    angles = physics.q[:2]
    offset = math.rotate(jnp.array(FINGERTIP_OFFSET), physics.x.rot[FOREARM])
    position = physics.x.pos[FOREARM] + offset
    velocity = physics.xd.vel[FOREARM] + jnp.cross(physics.xd.ang[FOREARM], offset)
    return jnp.concatenate([jnp.cos(angles), jnp.sin(angles), position, velocity])


def point_on_disc(area: jax.Array, turn: jax.Array) -> jax.Array:
    """Two uniform draws from [0, 1) to a point uniform over the goals' disc, at the fingertip's height: f32[3]."""
    radius, angle = GOAL_DISC * jnp.sqrt(area), 2 * jnp.pi * turn
    return jnp.stack([radius * jnp.cos(angle), radius * jnp.sin(angle), jnp.array(FINGERTIP_HEIGHT)])


def load_simulation() -> Simulation:
    """brax's reacher without its target."""
    spec = open_model("reacher.xml")
    spec.delete(spec.body("target"))
    for name, size in PER_JOINT_OR_BODY.items():
        set_numeric(spec, name, list(spec.numeric(name).data)[:size])
    set_gear(spec, GEAR)
    spec.option.timestep = PHYSICS_STEP
    return simulate(spec, "spring", PHYSICS_STEPS_PER_CONTROL_STEP)
