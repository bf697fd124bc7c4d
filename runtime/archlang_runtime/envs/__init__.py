"""Goal-conditioned environments. Physics stays behind `GoalEnv`; nothing outside this folder touches brax or mujoco."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING

from archlang import did_you_mean
from archlang_runtime.envs.table import TASKS, Task
from archlang_runtime.errors import error

if TYPE_CHECKING:
    from archlang_runtime.envs.base import GoalEnv


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


@cache
def build(factory: str, arguments: tuple[tuple[str, str], ...]) -> GoalEnv:
    """Call the class that the import string `factory` names."""
    module, _, name = factory.partition(":")
    return getattr(import_module(module), name)(**dict(arguments))
