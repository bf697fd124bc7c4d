"""Weights from elsewhere, layer by layer, into a run that begins with them.

They lie in the run's folder as a checkpoint of their own, `imported/0`, with the names of a training state: never written over,
and never removed. The optimizers' memory, the replay buffer and the environments are those of a new run.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from archlang.lower import stack, unstack
from archlang_runtime.checkpoint import Checkpoints
from archlang_runtime.envs import find_task
from archlang_runtime.errors import error
from archlang_runtime.folder import Experiment, RunFolder, locked
from archlang_runtime.learn import Learner
from archlang_runtime.networks import ROLES, Role, Weights, take_apart
from archlang_runtime.npz import Form, read_npz
from archlang_runtime.train import TrainState

LOG_ALPHA = "log_alpha"
Layers = Mapping[str, tuple[tuple[Any, ...], nnx.Variable[Any]]]  # path and shape of each array, by its name in a file


@dataclass(frozen=True)
class Imported:
    """How many numbers came in, and the entropy's weight α; None where the file has none, and it begins at 1."""

    num_params: int
    alpha: float | None


def import_checkpoint(experiment: Experiment, weights: Path, path: Path) -> Imported:
    """Make the folder `path` a run that begins with the arrays of the .npz file `weights`.

    What does not fit the experiment's networks is E0711; nothing is written then.
    """
    folder = RunFolder(path)
    if folder.exists():
        raise error("E0711", f"{path} is a run already; weights are imported into a new one", path, "choose another --out")
    networks = take_apart(experiment.plan, find_task(experiment.config.environment).environment)
    layers = {role: layers_of(role, network) for role, network in networks.items()}
    forms = {name: form_of(shape) for found in layers.values() for name, (_, shape) in found.items()}
    arrays = read_npz(weights, forms, {LOG_ALPHA: Form((), np.dtype("float32"))})
    learned = {role: fill(network, layers[role], arrays) for role, network in networks.items()}
    learned["alpha"] = Weights(params=jnp.asarray(arrays.get(LOG_ALPHA, 0.0), jnp.float32), variables=())
    path.mkdir(parents=True, exist_ok=True)
    with locked(path), Checkpoints(folder.imported) as checkpoints:
        folder.forget_half_import()
        checkpoints.save(0, {"learners": {name: {"weights": weights} for name, weights in learned.items()}})
        checkpoints.wait()
        folder.write_experiment(experiment)  # last: what is cut short is not a run
    alpha = float(np.exp(arrays[LOG_ALPHA])) if LOG_ALPHA in arrays else None
    return Imported(sum(arrays[name].size for name in forms), alpha)


def begin_with_imported(folder: RunFolder, state: TrainState) -> TrainState:
    """The start of a run, with the imported weights in the place of those that were drawn."""
    learners = state.learners
    with Checkpoints(folder.imported) as checkpoints:
        found = {name: with_stored(checkpoints, name, getattr(learners, name)) for name in (*ROLES, "alpha")}
    return replace(state, learners=replace(learners, **found))


def with_stored(checkpoints: Checkpoints, name: str, drawn: Learner) -> Learner:
    if not jax.tree.leaves(drawn.weights):  # α, where entropy is off
        return drawn
    stored = checkpoints.restore(0, drawn.weights, f"learners.{name}.weights.")
    variables = with_keys(stored.variables, drawn.weights.variables) if name in ROLES else ()
    return replace(drawn, weights=replace(stored, variables=variables))


# --- one network, layer by layer -----------------------------------------------------------------------------------------


def layers_of(name: str, role: Role) -> Layers:
    """What a network has learned, parameters and running statistics: `actor.dense.kernel` and so on."""
    weights = jax.eval_shape(role.init, jax.random.key(0))
    learned = nnx.merge_state(weights.params, nnx.filter_state(weights.variables, nnx.Not(nnx.RngState)))
    flat = nnx.to_flat_state(jax.eval_shape(partial(unstack, role.network), learned))
    return {".".join(map(str, (name, *path))): (path, shape) for path, shape in flat}


def form_of(variable: nnx.Variable[Any]) -> Form:
    shape = variable.get_value()
    return Form(shape.shape, np.dtype(shape.dtype))


def fill(role: Role, layers: Layers, arrays: Mapping[str, Any]) -> Weights:
    """The weights of a network from arrays by those names."""
    flat = [(path, shape.replace(arrays[name])) for name, (path, shape) in layers.items()]
    params, variables = nnx.split_state(stack(role.network, nnx.from_flat_state(flat)), nnx.Param, ...)
    drawn = role.init(jax.random.key(0))
    return jax.tree.map(jnp.asarray, Weights(params, with_keys(variables, drawn.variables)))


def with_keys(variables: Any, drawn: Any) -> Any:
    """A network's variables with the keys of random numbers that were drawn for it."""
    return nnx.merge_state(variables, nnx.filter_state(drawn, nnx.RngState))
