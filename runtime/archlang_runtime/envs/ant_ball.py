"""Ant ball: a four-legged robot shoves a ball to a place.

The model is the ant that brax ships, and a ball of radius 0.5 m that slides over the floor, at most 10.3 m far. Simulated with
brax's spring backend at 200 Hz, controlled at 20 Hz.

state, f32[31]:
    0:29   the ant's, as in `ant.py`
    29:31  the ball's position (x, y), m
goal, f32[2]: where the ball (state 29:31) should be; uniform on the circle of radius 5 m around the origin.
action, f32[8]: torque of each joint, each in [-1, 1] of the motor's range.

An episode starts with the ant as in `ant.py`, and the ball at rest within 2.2 m of the ant, on the goal's side or beside it.
It terminates as in `ant.py`.

Source: Wang et al. 2025 (the released code) and JaxGCRL, `envs/ant_ball.py`. What differs:
- The released code compares the goal with numbers 28 and 29 of the state, a joint's velocity and the ball's x; here, as in
  JaxGCRL, with the ball's x and y.
- JaxGCRL's ball may slide 100 m far.
What does not: a ball's place is a fifth of its goal's plus the cosine of an angle of its own along x and, by a slip in both,
the sine of its goal's angle along y. Published results start there; so do ours.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from archlang_runtime.envs.ant import (
    FEET,
    HEALTHY_HEIGHT,
    PHYSICS_STEP,
    PHYSICS_STEPS_PER_CONTROL_STEP,
    START_NOISE,
    has_fallen,
)
from archlang_runtime.envs.base import EnvState
from archlang_runtime.envs.physics import Simulation, mujoco, open_model, set_numeric, simulate

ANT_Q, ANT_QD = 15, 14
GOAL_DISTANCE = 5.0  # m
BALL_RADIUS, BALL_DENSITY = 0.5, 1.1  # m, kg/m³: both peers give it two spheres, of density 1 and 0.1
BALL_RANGE = (-10.3213, 10.3)  # m


class AntBall:
    """The environment; see the top of the file."""

    def __init__(self) -> None:
        self.simulation = load_simulation()
        self.identity = self.simulation.identity
        self.ball = self.simulation.system.link_names.index("ball")

    def reset(self, key: jax.Array) -> EnvState:
        place_key, position_key, velocity_key = jax.random.split(key, 3)
        goal, ball = place(jax.random.uniform(place_key, (2,)))
        middle = self.simulation.system.init_q[:ANT_Q]
        q = middle + jax.random.uniform(position_key, (ANT_Q,), minval=-START_NOISE, maxval=START_NOISE)
        qd = START_NOISE * jax.random.normal(velocity_key, (ANT_QD,))
        physics = self.simulation.init(jnp.append(q, ball), jnp.append(qd, jnp.zeros(2)))
        return EnvState(physics, self.observe(physics), goal, jnp.zeros((), bool))

    def step(self, state: EnvState, action: jax.Array) -> EnvState:
        physics = self.simulation.step(state.physics, action)
        return EnvState(physics, self.observe(physics), state.goal, has_fallen(physics.x.pos[0, 2], HEALTHY_HEIGHT))

    def observe(self, physics: Any) -> jax.Array:
        """The state that the agent sees: f32[31]."""
        return jnp.concatenate([physics.q[:ANT_Q], physics.qd[:ANT_QD], physics.x.pos[self.ball, :2]])


def place(turns: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Two uniform draws from [0, 1) to a goal and a ball's place: f32[2] each. See the top of the file."""
    goal_angle, ball_angle = 2 * jnp.pi * turns
    goal = GOAL_DISTANCE * jnp.stack([jnp.cos(goal_angle), jnp.sin(goal_angle)])
    return goal, 0.2 * goal + jnp.stack([jnp.cos(ball_angle), jnp.sin(goal_angle)])


def load_simulation() -> Simulation:
    """brax's ant with a ball, which its torso and its feet run into."""
    spec = open_model("ant.xml")
    spec.option.timestep = PHYSICS_STEP
    for name in ("torso_geom", *FEET):
        spec.geom(name).conaffinity = 1
    ball = spec.worldbody.add_body(name="ball", pos=(0, 0, BALL_RADIUS))
    for name, axis in (("ball_x", (1, 0, 0)), ("ball_y", (0, 1, 0))):
        limits = {"limited": mujoco.mjtLimited.mjLIMITED_TRUE, "range": BALL_RANGE}
        ball.add_joint(name=name, axis=axis, type=mujoco.mjtJoint.mjJNT_SLIDE, damping=0, **limits)
    ball.add_geom(type=mujoco.mjtGeom.mjGEOM_SPHERE, size=[BALL_RADIUS, 0, 0], density=BALL_DENSITY, contype=1)
    set_numeric(spec, "init_qpos", [*spec.numeric("init_qpos").data, 0, 0])
    return simulate(spec, "spring", PHYSICS_STEPS_PER_CONTROL_STEP)
