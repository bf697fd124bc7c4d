"""The three networks of a specification as pure functions of their weights."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx

from archlang import Environment, Network, Plan
from archlang.lower import Stack, build

ROLES = ("actor", "sa_encoder", "g_encoder")


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Weights:
    """`params`: what is learned; `variables`: what changes otherwise (running statistics, dropout's keys)."""

    params: Any
    variables: Any


@dataclass(frozen=True)
class Role:
    """One network, taken apart: its two graphs are static, its weights are a pytree.

    `stacked_axes`: of each array of the parameters, how many leading axes number the copies of stacks.
    """

    network: Network
    in_features: int
    training: nnx.GraphDef[Any]
    evaluating: nnx.GraphDef[Any]
    stacked_axes: Any

    def init(self, key: jax.Array) -> Weights:
        """Weights drawn with `key`."""
        _, params, variables = nnx.split(build(self.network, self.in_features, rngs=nnx.Rngs(key)), nnx.Param, ...)
        return Weights(params, variables)

    def apply(self, weights: Weights, x: jax.Array) -> Any:
        """The network as it is used: f32[batch, in_features] -> f32[batch, out], or (mean, log_std) of an actor."""
        return as_float32(assemble(self.evaluating, weights)(x))

    def apply_training(self, weights: Weights, x: jax.Array) -> tuple[Any, Any]:
        """The network as it is trained, and its variables afterwards."""
        module = assemble(self.training, weights)
        out = as_float32(module(x))
        return out, nnx.split(module, nnx.Param, ...)[2]


def take_apart(plan: Plan, environment: Environment) -> Mapping[str, Role]:
    """The roles of a planned specification, ready to run in `environment`. Allocates nothing."""
    return {name: make_role(plan.networks[name], environment.in_features(name)) for name in ROLES}


def make_role(network: Network, in_features: int) -> Role:
    module = nnx.eval_shape(lambda: build(network, in_features, rngs=nnx.Rngs(0)))
    module.train()
    training = nnx.split(module, nnx.Param, ...)[0]
    module.eval()
    evaluating = nnx.split(module, nnx.Param, ...)[0]
    return Role(network, in_features, training, evaluating, stacked_axes(module))


def stacked_axes(module: nnx.Module) -> Any:
    """In the form of a module's parameters: how many stacks each stands in."""
    stacks = [path for path, inside in nnx.iter_modules(module) if isinstance(inside, Stack)]

    def count(path: tuple[Any, ...], _: Any) -> int:
        keys = tuple(getattr(key, "key", None) for key in path)
        return sum(keys[: len(stack)] == stack for stack in stacks)

    return jax.tree_util.tree_map_with_path(count, nnx.state(module, nnx.Param))


def assemble(graph: nnx.GraphDef[nnx.Module], weights: Weights) -> Any:
    """A module to call here and now. Copied: nnx refuses to scan over variables that an outer transformation made."""
    return nnx.merge(graph, weights.params, weights.variables, copy=True)


def as_float32(out: Any) -> Any:
    """A network may compute in less; energies and log-probabilities may not."""
    return jax.tree.map(lambda x: x.astype(jnp.float32), out)
