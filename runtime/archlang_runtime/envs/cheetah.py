"""Cheetah: half a cheetah, in the plane, runs to a point ahead of it and stays there.

The model is the one that brax ships. Simulated with MuJoCo's MJX at 100 Hz, controlled at 20 Hz.

state, f32[18]:
    0      x of the torso, m
    1      its height above where it starts, m
    2      its pitch, rad
    3:9    angles of the joints: thigh, shin and foot behind, then in front
    9:18   the velocities of all these
goal, f32[1]: where the torso's x (state 0:1) should be; always 5 m.
action, f32[6]: torque of each joint, each in [-1, 1] of the motor's range.

An episode starts near the model's own pose: positions uniform within ±0.1 of it, velocities normal with deviation 0.1. It never
terminates.

Source: Wang et al. 2025 (the released code) and JaxGCRL, `envs/half_cheetah.py`.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from archlang_runtime.envs.base import EnvState
from archlang_runtime.envs.physics import open_model, simulate

PHYSICS_STEPS_PER_CONTROL_STEP = 5
START_NOISE = 0.1
GOAL = 5.0  # m


class Cheetah:
    """The environment; see the top of the file."""

    def __init__(self) -> None:
        self.simulation = simulate(open_model("half_cheetah.xml"), "mjx", PHYSICS_STEPS_PER_CONTROL_STEP)
        self.identity = self.simulation.identity

    def reset(self, key: jax.Array) -> EnvState:
        start = self.simulation.system.init_q
        position_key, velocity_key = jax.random.split(key)
        positions = start + START_NOISE * jax.random.uniform(position_key, start.shape, minval=-1, maxval=1)
        physics = self.simulation.init(positions, START_NOISE * jax.random.normal(velocity_key, start.shape))
        return EnvState(physics, observe(physics), jnp.array([GOAL]), jnp.zeros((), bool))

    def step(self, state: EnvState, action: jax.Array) -> EnvState:
        physics = self.simulation.step(state.physics, action)
        return EnvState(physics, observe(physics), state.goal, state.terminated)


def observe(physics: Any) -> jax.Array:
    """The state that the agent sees: f32[18]."""
    return jnp.concatenate([physics.q, physics.qd])
