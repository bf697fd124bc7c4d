"""What the environments take from brax and mujoco: the models that brax ships, edited, and its three simulators.

A model is opened with `open_model`, edited as a `mujoco.MjSpec` (bodies, gears, time step, solver), and handed over as text:
then the text is the whole model, and `Simulation.identity` all that a rollout follows from.
"""

from __future__ import annotations

import contextlib
import io
import warnings
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from types import MappingProxyType, ModuleType
from typing import Any

import jax

with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
    # brax says on import that its physics is no longer maintained, mujoco that its optional warp backend is not installed.
    warnings.simplefilter("ignore")
    mujoco: Any = import_module("mujoco")  # compiled: a type checker cannot look into it
    from brax import actuator as actuator  # these for the environments
    from brax import math as math
    from brax.base import Inertia as Inertia
    from brax.base import System
    from brax.base import Transform as Transform
    from brax.generalized import pipeline as generalized
    from brax.io import mjcf
    from brax.mjx import pipeline as mjx
    from brax.spring import pipeline as spring
    from etils import epath

PIPELINES: Mapping[str, ModuleType] = MappingProxyType({"spring": spring, "generalized": generalized, "mjx": mjx})


@dataclass(frozen=True, eq=False)
class Simulation:
    """A model and its simulator.

    `xml`: the model's text, of which `system` is brax's form. `backend`: a name in `PIPELINES`.
    `frames`: physics steps in one control step.
    """

    xml: str
    backend: str
    frames: int
    system: System

    @property
    def identity(self) -> dict[str, Any]:
        """All that a rollout follows from, but for the versions of the libraries."""
        return {"xml": self.xml, "backend": self.backend, "frames": self.frames}

    def init(self, q: jax.Array, qd: jax.Array) -> Any:
        """The physics at rest in joint positions `q` (f32[q_size]) and joint velocities `qd` (f32[qd_size])."""
        with brax_as_it_is():
            return PIPELINES[self.backend].init(self.system, q, qd)

    def step(self, physics: Any, control: jax.Array) -> Any:
        """One control step: `frames` physics steps with the same `control` (f32[action_dim], in the motors' own range)."""

        def physics_step(physics: Any, _: None) -> tuple[Any, None]:
            return PIPELINES[self.backend].step(self.system, physics, control), None

        with brax_as_it_is():
            return jax.lax.scan(physics_step, physics, length=self.frames)[0]


def open_model(name: str) -> Any:
    """One of the models that brax ships (`ant.xml`), as a `mujoco.MjSpec` to edit."""
    path = epath.resource_path("brax") / "envs/assets" / name
    return mujoco.MjSpec.from_file(str(path))


def simulate(spec: Any, backend: str, frames: int) -> Simulation:
    """The edited model (a `mujoco.MjSpec`) in brax; its time step and solver are those of `spec.option`."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        xml = spec.to_xml()
        # The edited text, not the compiled model: only `loads` joins bodies without a joint to their parents.
        system = mjcf.loads(xml)
    return Simulation(xml, backend, frames, system)


def set_gear(spec: Any, gear: float) -> None:
    """The same gear for every motor of a model."""
    for actuator in spec.actuators:
        actuator.gear = [gear, 0, 0, 0, 0, 0]


def set_numeric(spec: Any, name: str, data: Sequence[float]) -> None:
    """Replace one of brax's custom numbers in a model (`init_qpos`), also by more or fewer."""
    numeric = spec.numeric(name)
    numeric.data, numeric.size = list(data), len(data)


def add_wall(spec: Any, centre: tuple[float, float], half: tuple[float, float], height: float) -> None:
    """A box on the floor that whatever meets walls runs into: its centre (x, y), half its sides, and its height, m."""
    box = mujoco.mjtGeom.mjGEOM_BOX
    where = {"pos": [*centre, height / 2], "size": [*half, height / 2]}
    spec.worldbody.add_geom(type=box, contype=1, conaffinity=1, rgba=[0.7, 0.5, 0.3, 1], **where)


def add_rail(spec: Any, body: Any, name: str, axis: Sequence[float], reach: float, gear: float) -> None:
    """Let a body slide along an axis, `reach` m to either side, pushed by a motor that takes [-1, 1]."""
    slide, on = mujoco.mjtJoint.mjJNT_SLIDE, mujoco.mjtLimited.mjLIMITED_TRUE
    body.add_joint(name=name, type=slide, axis=axis, limited=on, range=[-reach, reach], damping=0)
    joint = mujoco.mjtTrn.mjTRN_JOINT
    motor = spec.add_actuator(name=name, trntype=joint, target=name, ctrllimited=on, ctrlrange=[-1, 1])
    motor.set_to_motor()
    motor.gear = [gear, 0, 0, 0, 0, 0]


@contextlib.contextmanager
def brax_as_it_is() -> Generator[None, None, None]:
    """brax promotes ranks, and reads attributes that mujoco has deprecated."""
    with warnings.catch_warnings(), jax.numpy_rank_promotion("allow"):
        warnings.simplefilter("ignore", DeprecationWarning)
        yield
