"""The contrastive-RL runtime: it trains what archlang compiles. Importing it loads neither jax nor brax."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from archlang import Command, Network, Runtime, Workload
from archlang_runtime.envs.table import TASKS


def workload(environment: str, settings: Mapping[str, Any]) -> Workload:
    """What a run with these settings needs."""
    from archlang_runtime.workload import make_workload  # pydantic's models take a while, and most commands need none

    return make_workload(environment, settings)


def program(networks: Mapping[str, Network], workload: Workload) -> Any:
    """An epoch of a run, the shapes of the state that it takes, and the parts of those."""
    from archlang_runtime.program import make_program  # jax

    return make_program(networks, workload)


runtime = Runtime(
    environments={name: task.environment for name, task in TASKS.items()},
    workload=workload,
    program=program,
    commands={
        "train": Command("archlang_runtime.commands:train", "Train a specification's networks; an existing run goes on."),
        "import-checkpoint": Command(
            "archlang_runtime.commands:import_checkpoint", "Make a run that begins with weights from elsewhere."
        ),
        "eval": Command("archlang_runtime.commands:evaluate", "Measure how long a run's agent stays at its goal."),
        "render": Command("archlang_runtime.commands:render", "Show an episode of a run's agent, as a GIF and in a browser."),
        "plot": Command("archlang_runtime.commands:plot", "Draw the learning curves of runs, seeds of one setting together."),
    },
)
