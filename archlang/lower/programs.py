"""The program of one network: a function and the shapes that it takes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx

from archlang import ir
from archlang.lower.build import build


@dataclass(frozen=True)
class Program:
    """The forward pass of a network in evaluation; or, `backward`, the gradients of its parameters in training."""

    network: ir.Network
    in_features: int
    batch: int
    backward: bool

    def traced(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        """A function, and the shapes that it takes: parameters, other variables, x; and the cotangents of the outputs."""
        module = nnx.eval_shape(lambda: build(self.network, self.in_features, rngs=nnx.Rngs(0)))
        module.train() if self.backward else module.eval()
        graph, params, variables = nnx.split(module, nnx.Param, ...)

        def forward(params: Any, variables: Any, x: jax.Array) -> Any:
            return nnx.merge(graph, params, variables, copy=True)(x)

        def gradients(params: Any, variables: Any, x: jax.Array, dy: Any) -> Any:
            return jax.vjp(lambda params: forward(params, variables, x), params)[1](dy)[0]

        given = (params, variables, jax.ShapeDtypeStruct((self.batch, self.in_features), jnp.float32))
        return (gradients, (*given, jax.eval_shape(forward, *given))) if self.backward else (forward, given)
