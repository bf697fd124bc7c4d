"""Pusher: an arm with seven joints pushes a puck over a table to a point.

The model is the one that brax ships, without its goal body: a goal is a number in the task, not a thing in the physics.
Simulated with brax's generalized backend at 100 Hz, controlled at 20 Hz.

state, f32[20]:
    0:7    angles of the joints, from the shoulder to the hand
    7:10   wrist position (x, y, z), m
    10:13  puck position (x, y, z), m; its height never changes
    13:20  angular velocities of the joints
goal, f32[3]: where the puck (state 10:13) should be; uniform over a rectangle at the height of the table, 4.8 cm below the
    puck's centre, so that a radius of 10 cm leaves 8.8 cm on the table.
action, f32[7]: torque of each joint, each in [-1, 1], half of the motor's range.

An episode starts with the arm stretched and nearly at rest, and with the puck anywhere on a rectangle but at least 0.17 m from
its goal. It never terminates.

Source: Wang et al. 2025 (the released code) and JaxGCRL, `envs/pusher.py`. What differs:
- The released code asks for the spring backend but cannot build it; JaxGCRL runs this one.
- Both keep the puck from its goal by stretching its place on the rectangle, which leaves pucks near their goals and puts
  others far beyond the arm's reach. Here it is moved away from the goal.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp

from archlang_runtime.envs.base import EnvState
from archlang_runtime.envs.physics import Simulation, open_model, simulate

PHYSICS_STEPS_PER_CONTROL_STEP = 5
JOINTS = 7
START_SPEED = 0.005  # rad/s
ORIGIN = (0.45, -0.05)  # m, where the model puts the puck
GOAL_HEIGHT = -0.323  # m
APART = 0.17  # m

Rectangle = tuple[tuple[float, float], tuple[float, float]]  # on the table: the least and the largest x and y, m
PUCKS: Rectangle = ((0.25, -0.35), (0.65, -0.05))
GOALS: Mapping[str, Rectangle] = {"easy": ((0.25, -0.6), (0.65, -0.3)), "hard": ((-0.1, -0.7), (0.9, 0.3))}


class Pusher:
    """The environment; see the top of the file. `goals`: a name in `GOALS`."""

    def __init__(self, goals: str) -> None:
        self.goals = GOALS[goals]
        self.simulation = load_simulation()
        self.identity = {**self.simulation.identity, "goals": self.goals}
        self.wrist, self.puck = (self.simulation.system.link_names.index(name) for name in ("r_wrist_flex_link", "object"))

    def reset(self, key: jax.Array) -> EnvState:
        draws = jax.random.uniform(key, (JOINTS + 4,))  # at once: every call of the generator takes long to compile
        speeds, places = START_SPEED * (2 * draws[:JOINTS] - 1), draws[JOINTS:].reshape(2, 2)
        goal = place(self.goals, places[0])
        slides = (keep_apart(place(PUCKS, places[1]), goal) - jnp.array(ORIGIN))[::-1]  # the model slides along y, then x
        physics = self.simulation.init(jnp.append(jnp.zeros(JOINTS), slides), jnp.append(speeds, jnp.zeros(2)))
        goal = jnp.append(goal, GOAL_HEIGHT)
        return EnvState(physics, self.observe(physics), goal, jnp.zeros((), bool))

    def step(self, state: EnvState, action: jax.Array) -> EnvState:
        physics = self.simulation.step(state.physics, action)
        return EnvState(physics, self.observe(physics), state.goal, state.terminated)

    def observe(self, physics: Any) -> jax.Array:
        """The state that the agent sees: f32[20]."""
        wrist, puck = physics.x.pos[self.wrist], physics.x.pos[self.puck]
        return jnp.concatenate([physics.q[:JOINTS], wrist, puck, physics.qd[:JOINTS]])


def place(rectangle: Rectangle, draws: jax.Array) -> jax.Array:
    """Two uniform draws from [0, 1) to a point uniform over the rectangle: f32[2]."""
    least, largest = jnp.array(rectangle)
    return least + (largest - least) * draws


def keep_apart(puck: jax.Array, goal: jax.Array) -> jax.Array:
    """The puck's place (f32[2]), moved straight away from the goal until it is `APART` from it, if it is nearer."""
    offset = puck - goal
    distance = jnp.linalg.norm(offset)
    return goal + offset * jnp.maximum(1, APART / distance)


def load_simulation() -> Simulation:
    """brax's pusher without its goal."""
    spec = open_model("pusher.xml")
    spec.delete(spec.body("goal"))
    return simulate(spec, "generalized", PHYSICS_STEPS_PER_CONTROL_STEP)
