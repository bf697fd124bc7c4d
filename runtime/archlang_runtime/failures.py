"""What ends a run when an epoch is over: numbers that are not finite, and environments that never work."""

from __future__ import annotations

from collections.abc import Mapping

import jax.numpy as jnp

from archlang import Network
from archlang_runtime.blame import in_words
from archlang_runtime.config import TrainConfig
from archlang_runtime.envs.episodes import TRIES
from archlang_runtime.errors import error
from archlang_runtime.learn import Metrics


def refuse_failures(metrics: Metrics, config: TrainConfig, networks: Mapping[str, Network], epoch: int, steps: int) -> None:
    """Stop before anything of it reaches the disk, and take what tells of it out of the metrics.

    `steps`: environment steps that had been taken when the epoch was over.
    """
    hopeless, first, culprits = (metrics.pop(name) for name in ("hopeless", "first_bad_update", "culprits"))
    refuse_hopeless(int(hopeless), config, epoch)
    if int(first) >= 0:
        bad = [name for name, value in metrics.items() if not jnp.isfinite(value)] or ["parameters"]
        refuse_bad_numbers(int(first), bad, in_words(culprits, networks), config, epoch, steps)


def refuse_bad_numbers(index: int, bad: list[str], layers: str, config: TrainConfig, epoch: int, steps: int) -> None:
    """The update of that index in the epoch gave numbers that are not finite: E0708. `steps`: taken when the epoch was over."""
    number = (epoch - 1) * config.updates_per_epoch + index + 1
    unrolls_to_come = config.unrolls_per_epoch - 1 - index // config.updates_per_unroll
    steps -= unrolls_to_come * config.steps_per_unroll
    what = f"update {number:,}, after {steps:,} environment steps, gave numbers that are not finite"
    notes = (f"gradients: {layers}",) if layers else ()
    help = "the last checkpoint is from before it; try a smaller learning rate or another architecture in a new --out"
    raise error("E0708", f"{what}: {', '.join(bad)}", f"epoch {epoch}", help, notes)


def refuse_hopeless(count: int, config: TrainConfig, epoch: int) -> None:
    """So many environments blow up whatever is done: E0710."""
    if count:
        message = f"{count:,} of {config.num_envs:,} environments of {config.environment} blew up {TRIES} times in a row"
        help = "the last checkpoint is from before it; the physics of this environment does not stand what the agent does"
        raise error("E0710", message, f"epoch {epoch}", help)
