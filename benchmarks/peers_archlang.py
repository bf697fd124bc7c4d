"""The worker of `peers.py` that runs ours: the program of `archlang train`, with the paper's networks.

    python peers_archlang.py '{"environment": "reacher", …}'

The only change: where the gradient steps are left out, an update is a sum over its minibatch.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple
from unittest import mock

import jax
import jax.numpy as jnp
from record import PACKAGES
from serve import serve

import archlang
from archlang_runtime import train
from archlang_runtime.config import make_config
from archlang_runtime.envs import find_task
from archlang_runtime.learn import LAYERS, Learners, Metrics, make_learning
from archlang_runtime.networks import take_apart
from archlang_runtime.replay import Batch


class Reading(NamedTuple):
    """In the place of `Learning`: it reads each minibatch, and learns nothing."""

    init: Callable[[jax.Array], Learners]

    def update(self, learners: Learners, batch: Batch, key: jax.Array) -> tuple[Learners, Metrics]:
        total = sum((jnp.sum(leaf) for leaf in jax.tree.leaves(batch)), start=jnp.zeros(()))
        return learners, {"sum": total, LAYERS: {"nothing": total}}


def reading(*arguments: Any) -> Reading:
    return Reading(make_learning(*arguments).init)


def programs(settings: dict[str, Any]) -> Mapping[str, Callable[[], None]]:
    """One unroll and its updates; the same without the gradient steps; the unroll and a single minibatch."""
    environment = find_task(settings["environment"]).environment
    spec = archlang.load("wang2025/base", {"depth": str(settings.pop("depth"))}, action_dim=environment.action_dim)
    networks = take_apart(archlang.plan(spec, env=environment), environment)

    def program(**changes: Any) -> train.Program:
        return train.make_train(make_config(**(settings | changes), unrolls_per_epoch=1), networks)

    whole = program()
    with mock.patch.object(train, "make_learning", reading):
        without_gradients, collecting = program(), program(updates_per_unroll=1)
    state = [whole.init(jax.random.key(0))]
    ready(collecting, state)  # this one compiles fastest: it fills the buffer
    named = {"collect": collecting, "collect_relabel": without_gradients, "training_step": whole}
    return {name: ready(each, state) for name, each in named.items()}


def ready(program: train.Program, state: list[train.TrainState]) -> Callable[[], None]:
    """A function that runs one epoch from `state` to `state`; it has been compiled."""

    def run() -> None:
        state[0], _ = jax.block_until_ready(program.epoch(state[0]))

    run()
    return run


if __name__ == "__main__":
    serve(PACKAGES, lambda: programs(json.loads(sys.argv[1])))
