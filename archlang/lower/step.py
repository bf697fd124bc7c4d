"""The program of a specification without an environment: an update of each network on a batch of its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import optax
from flax import nnx

from archlang import ir
from archlang.lower.build import build
from archlang.workload import Workload

OPTIMIZERS = {"adam": optax.adam, "adamw": optax.adamw, "sgd": optax.sgd, "lion": optax.lion}
LEARNING_RATE = 1e-3  # of no consequence for the plan
State = dict[str, dict[str, Any]]  # of each network: parameters, other variables, what the optimizer keeps, a batch


def training_step(
    networks: Mapping[str, ir.Network], widths: Mapping[str, int], workload: Workload
) -> tuple[Callable[[State], State], State, Mapping[str, Any]]:
    """The step, the shapes of the state that it consumes, and the parts of those by the term of memory that they are.

    One network after the other learns to give zeros: any other loss takes as much. Allocates nothing.
    """
    optimizer = OPTIMIZERS[workload.optimizer](LEARNING_RATE)
    made = {name: begin(network, widths[name], workload.batch_size, optimizer) for name, network in networks.items()}
    graphs, shapes = {name: graph for name, (graph, _) in made.items()}, {name: shape for name, (_, shape) in made.items()}

    def step(state: State) -> State:
        for name, graph in graphs.items():
            # A barrier: XLA would run the networks side by side, and keep the activations of all.
            state = jax.lax.optimization_barrier({**state, name: update(graph, state[name], optimizer)})
        return state

    parts = {
        "parameters": [(shape["params"], shape["variables"]) for shape in shapes.values()],
        "optimizer": [shape["opt_state"] for shape in shapes.values()],
        "hindsight batch": [shape["x"] for shape in shapes.values()],
    }
    return step, shapes, parts


def begin(network: ir.Network, width: int, batch: int, optimizer: optax.GradientTransformation) -> tuple[Any, dict[str, Any]]:
    """A network's graph as it is trained, and the shapes of its part of the state."""
    module = nnx.eval_shape(lambda: build(network, width, rngs=nnx.Rngs(0)))
    module.train()
    graph, params, variables = nnx.split(module, nnx.Param, ...)
    x = jax.ShapeDtypeStruct((batch, width), jnp.float32)
    return graph, {"params": params, "variables": variables, "opt_state": jax.eval_shape(optimizer.init, params), "x": x}


def update(graph: Any, state: dict[str, Any], optimizer: optax.GradientTransformation) -> dict[str, Any]:
    """Forward, backward, and a step of the optimizer."""

    def loss(params: Any) -> tuple[jax.Array, Any]:
        module = nnx.merge(graph, params, state["variables"], copy=True)
        outputs = jax.tree.leaves(module(state["x"]))
        squares = sum(jnp.mean(jnp.square(out.astype(jnp.float32))) for out in outputs)
        return jnp.asarray(squares), nnx.split(module, nnx.Param, ...)[2]

    gradient, variables = jax.grad(loss, has_aux=True)(state["params"])
    updates, opt_state = optimizer.update(gradient, state["opt_state"], state["params"])
    return {**state, "params": optax.apply_updates(state["params"], updates), "variables": variables, "opt_state": opt_state}
