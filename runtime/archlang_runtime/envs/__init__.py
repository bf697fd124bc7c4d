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


@cache
def load(factory: str) -> GoalEnv:
    """Build an environment's physics from its import string (imports brax). The same string gives the same object."""
    module, _, name = factory.partition(":")
    return getattr(import_module(module), name)()
