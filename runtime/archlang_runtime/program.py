"""The program that a run spends its time in, from its networks and a workload: for the compiler's exact plans."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import jax

from archlang import Network, Workload
from archlang_runtime.config import TrainConfig
from archlang_runtime.envs import find_task
from archlang_runtime.networks import ROLES, make_role
from archlang_runtime.train import TrainState, make_train


def make_program(
    networks: Mapping[str, Network], workload: Workload
) -> tuple[Callable[..., Any], TrainState, Mapping[str, Any]]:
    """An epoch of the run with `workload.settings`; the shapes of the state that it consumes; the parts of that by their term.

    `networks`: the planned ones, by role. Allocates nothing.
    """
    config = TrainConfig(**workload.settings)
    dims = find_task(config.environment).environment
    program = make_train(config, {name: make_role(networks[name], dims.in_features(name)) for name in ROLES})
    state = jax.eval_shape(program.init, jax.eval_shape(lambda: jax.random.key(0)))
    return program.epoch, state, parts(state)


def parts(state: TrainState) -> Mapping[str, Any]:
    """What the compiler's estimates have names for; beside it there are keys, and the entropy's weight."""
    learners = [getattr(state.learners, role) for role in ROLES]
    return {
        "parameters": [learner.weights for learner in learners],
        "optimizer": [learner.opt_state for learner in learners],
        "replay": state.replay,
        "environment state": state.episodes,
    }
