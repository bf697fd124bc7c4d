"""The contrastive-RL runtime: it trains what archlang compiles. Importing it loads neither jax nor brax."""

from __future__ import annotations

from archlang import Command, Runtime
from archlang_runtime.envs.table import TASKS

runtime = Runtime(
    environments={name: task.environment for name, task in TASKS.items()},
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
