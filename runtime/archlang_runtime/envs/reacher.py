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

import contextlib
import io
import warnings
from collections.abc import Generator
from typing import Any

import jax
import jax.numpy as jnp

from archlang_runtime.envs.base import EnvState

with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
    # brax says on import that its physics is no longer maintained, mujoco that its optional warp backend is not installed.
    warnings.simplefilter("ignore")
    import mujoco
    from brax import math
    from brax.base import System
    from brax.io import mjcf
    from brax.spring import pipeline
    from brax.spring.base import State as Physics
    from etils import epath

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
        self.system = load_system()

    def reset(self, key: jax.Array) -> EnvState:
        draws = jax.random.uniform(key, (6,))  # at once: every call of the generator takes half a second to compile
        angles, speeds = START_ANGLE * (2 * draws[0:2] - 1), START_SPEED * (2 * draws[2:4] - 1)
        with brax_as_it_is():
            physics = pipeline.init(self.system, angles, speeds)
        return EnvState(physics, observe(physics), point_on_disc(draws[4], draws[5]), jnp.zeros((), bool))

    def step(self, state: EnvState, action: jax.Array) -> EnvState:
        def physics_step(physics: Physics, _: None) -> tuple[Physics, None]:
            return pipeline.step(self.system, physics, action), None

        with brax_as_it_is():
            physics, _ = jax.lax.scan(physics_step, state.physics, length=PHYSICS_STEPS_PER_CONTROL_STEP)
        return EnvState(physics, observe(physics), state.goal, state.terminated)


@contextlib.contextmanager
def brax_as_it_is() -> Generator[None, None, None]:
    """brax promotes ranks, and reads attributes that mujoco has deprecated."""
    with warnings.catch_warnings(), jax.numpy_rank_promotion("allow"):
        warnings.simplefilter("ignore", DeprecationWarning)
        yield


def observe(physics: Physics) -> jax.Array:
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


def load_system() -> System:
    """brax's reacher without its target."""
    model = epath.resource_path("brax") / "envs/assets/reacher.xml"
    spec = mujoco.MjSpec.from_file(str(model))  # pyright: ignore[reportAttributeAccessIssue] (a compiled module)
    spec.delete(spec.body("target"))
    for numeric in spec.numerics:
        if numeric.name in PER_JOINT_OR_BODY:
            size = PER_JOINT_OR_BODY[numeric.name]
            numeric.data, numeric.size = list(numeric.data)[:size], size
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        # The edited text, not the compiled model: only `loads` joins the fingertip, which has no joint, to the forearm.
        system = mjcf.loads(spec.to_xml())
    system: Any = system.tree_replace({"opt.timestep": PHYSICS_STEP})
    return system.replace(actuator=system.actuator.replace(gear=jnp.full_like(system.actuator.gear, GEAR)))
