"""Goal-conditioned environments. Physics stays behind `GoalEnv`; nothing outside this folder touches brax or mujoco."""

from __future__ import annotations

import json
from functools import cache
from hashlib import sha256
from importlib import import_module
from importlib.metadata import version
from typing import TYPE_CHECKING

from archlang import did_you_mean
from archlang_runtime.envs.table import TASKS, Task
from archlang_runtime.errors import error

if TYPE_CHECKING:
    from archlang_runtime.envs.base import GoalEnv
    from archlang_runtime.picture import Scene

SIMULATORS = ("brax", "mujoco", "mujoco-mjx")


def find_task(name: str, at: str = "--env") -> Task:
    """The row of the table called `name`; an unknown name is E0601, `at` the option that holds it."""
    if name in TASKS:
        return TASKS[name]
    similar = did_you_mean(name, TASKS)
    help = f"did you mean `{similar}`?" if similar else f"there are: {', '.join(TASKS)}"
    raise error("E0601", f"there is no environment `{name}`", at, help)


def load(task: Task) -> GoalEnv:
    """A task's physics (imports brax). The same factory with the same arguments gives the same object."""
    return build(task.factory, tuple(sorted(task.arguments.items())))


def scene(env: GoalEnv) -> Scene:
    """What an environment's bodies look like, apart from its goal."""
    from archlang_runtime.envs.drawing import make_scene

    return make_scene(env.simulation)


@cache
def build(factory: str, arguments: tuple[tuple[str, str], ...]) -> GoalEnv:
    """Call the class that the import string `factory` names."""
    module, _, name = factory.partition(":")
    return getattr(import_module(module), name)(**dict(arguments))


def fingerprint(name: str) -> str:
    """A hash of all that decides what the environment called `name` does: 16 hexadecimal digits, the same in every process.

    It covers the model, the simulator and its time step, the layout, what counts as success, and the libraries' versions.
    """
    task = find_task(name)
    success = {"goal_start": task.goal_start, "goal_dim": task.environment.goal_dim, "radius": task.radius}
    versions = {package: version(package) for package in SIMULATORS}
    content = {"physics": dict(load(task).identity), "success": success, "versions": versions}
    return sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]
