"""Ant push: a four-legged robot shoves a block out of its way to reach a room behind it.

    A A B C C
    A A . C C    16 m    one letter per cell of 8 m x 8 m; walls are 4 m high
    D . M . E     8 m    M: the block, 7.2 m wide, which slides freely and weighs next to nothing
    D o . F F     0 m    o: where the ant starts, the origin
    G G G F F            goals: to the right of M, or above it

The model is the ant that brax ships, eight times as dense, with walls and the block. Simulated with MuJoCo's MJX at 100 Hz,
controlled at 20 Hz.

state, f32[31]:
    0:29   the ant's, as in `ant.py`
    29:31  the block's position (x, y), m
goal, f32[2]: where the torso (state 0:2) should be; (16, 8) or (8, 16) m, plus 0 to 2 m along both axes.
action, f32[8]: torque of each joint, each in [-1, 1] of the motor's range.

An episode starts with the ant as in `ant.py`, and the block at rest, off by up to 0.1 m. It terminates as in `ant.py`.

Source: Wang et al. 2025 (the released code) and JaxGCRL, `envs/ant_push.py`. What differs: there the block starts with a random
velocity along x, the target's being set to zero in its place, and is seen where it was one physics step before.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from archlang_runtime.envs.ant import HEALTHY_HEIGHT, START_NOISE, has_fallen
from archlang_runtime.envs.base import EnvState
from archlang_runtime.envs.physics import Simulation, mujoco, open_model, set_numeric, simulate

PHYSICS_STEPS_PER_CONTROL_STEP = 5
SOLVER_STEPS, LINE_SEARCH_STEPS = 4, 8
ANT_Q, ANT_QD = 15, 14
START_HEIGHT = 0.75  # m
DENSITY = 40.0
STIFF_CONTACT = [0.995, 0.995, 0.01, 0.5, 2]  # MuJoCo's solimp
GOAL_CORNER, GOAL_ROOM = (16.0, 8.0), 2.0  # m

# Boxes, as few as there can be: each pair of bodies that may touch costs a contact. Centre (x, y) and half the width (x, y), m.
WALLS = {
    "A": ((-4, 20), (8, 8)),
    "B": ((8, 24), (4, 4)),
    "C": ((20, 20), (8, 8)),
    "D": ((-8, 4), (4, 8)),
    "E": ((24, 8), (4, 4)),
    "F": ((20, -4), (8, 8)),
    "G": ((0, -8), (12, 4)),
}
HALF_HEIGHT = 2.0  # m
BLOCK, BLOCK_HALF_WIDTHS, BLOCK_MASS = (8, 8, 2), (3.6, 3.6, 1.8), 0.0002  # m, m, kg


class AntPush:
    """The environment; see the top of the file."""

    def __init__(self) -> None:
        self.simulation = load_simulation()
        self.identity = self.simulation.identity

    def reset(self, key: jax.Array) -> EnvState:
        goal_key, position_key, velocity_key = jax.random.split(key, 3)
        middle = self.simulation.system.init_q
        q = middle + jax.random.uniform(position_key, middle.shape, minval=-START_NOISE, maxval=START_NOISE)
        qd = START_NOISE * jax.random.normal(velocity_key, (ANT_QD,))
        physics = self.simulation.init(q, jnp.append(qd, jnp.zeros(3)))
        return EnvState(physics, observe(physics), draw_goal(goal_key), jnp.zeros((), bool))

    def step(self, state: EnvState, action: jax.Array) -> EnvState:
        physics = self.simulation.step(state.physics, action)
        return EnvState(physics, observe(physics), state.goal, has_fallen(physics.q[2], HEALTHY_HEIGHT))


def observe(physics: Any) -> jax.Array:
    """The state that the agent sees: f32[31]. All from the joints: MJX's bodies lag behind them by a physics step."""
    block = physics.q[ANT_Q : ANT_Q + 2] + jnp.array(BLOCK[:2])
    return jnp.concatenate([physics.q[:ANT_Q], physics.qd[:ANT_QD], block])


def draw_goal(key: jax.Array) -> jax.Array:
    """A place in one of the two rooms, each equally likely: f32[2]."""
    room_key, place_key = jax.random.split(key)
    corner = jax.random.permutation(room_key, jnp.array(GOAL_CORNER))
    return corner + GOAL_ROOM * jax.random.uniform(place_key, (2,))


def load_simulation() -> Simulation:
    """brax's ant among walls, with the block."""
    spec = open_model("ant.xml")
    spec.option.solver = mujoco.mjtSolver.mjSOL_NEWTON
    spec.option.disableflags = mujoco.mjtDisableBit.mjDSBL_EULERDAMP
    spec.option.iterations, spec.option.ls_iterations = SOLVER_STEPS, LINE_SEARCH_STEPS
    spec.geom("torso_geom").contype = 1
    for name, (centre, half_widths) in WALLS.items():
        add_box(spec.worldbody, name, (*centre, HALF_HEIGHT), (*half_widths, HALF_HEIGHT))
    add_block(spec)
    for geom in spec.geoms:
        geom.density, geom.solimp = DENSITY, STIFF_CONTACT
    ant = list(spec.numeric("init_qpos").data)
    set_numeric(spec, "init_qpos", [*ant[:2], START_HEIGHT, *ant[3:], 0, 0, 0])
    return simulate(spec, "mjx", PHYSICS_STEPS_PER_CONTROL_STEP)


def add_block(spec: Any) -> None:
    """The block, which slides without resistance along all three axes and does not turn."""
    block = spec.worldbody.add_body(name="block", pos=BLOCK)
    for name, axis in (("block_x", (1, 0, 0)), ("block_y", (0, 1, 0)), ("block_z", (0, 0, 1))):
        # All that the ant's joints have by default, taken back.
        free = {"limited": mujoco.mjtLimited.mjLIMITED_FALSE, "armature": 0, "damping": 0}
        block.add_joint(name=name, axis=axis, type=mujoco.mjtJoint.mjJNT_SLIDE, **free)
    add_box(block, "M", (0, 0, 0), BLOCK_HALF_WIDTHS, contype=1, mass=BLOCK_MASS)


def add_box(body: Any, name: str, centre: tuple[float, ...], half_widths: tuple[float, ...], **properties: float) -> None:
    """A box that what may touch anything runs into."""
    body.add_geom(name=name, type=mujoco.mjtGeom.mjGEOM_BOX, pos=centre, size=half_widths, conaffinity=1, **properties)
