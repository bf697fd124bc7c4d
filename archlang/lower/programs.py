"""The program of one network, as jax traces it and as XLA compiles it, here or for a GPU."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx

from archlang import ir
from archlang.lower.build import build
from archlang.lower.child import compiled_for
from archlang.targets import Gpu


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


def show(form: str, program: Program, gpu: Gpu | None = None) -> str:
    """The program as text: `jaxpr`, `stablehlo`, or `hlo` as compiled, for the GPU if there is one. Nothing is allocated."""
    return FORMS[form](program, gpu)


def jaxpr(program: Program, _: Gpu | None) -> str:
    function, arguments = program.traced()
    return str(jax.make_jaxpr(function)(*arguments))


def stablehlo(program: Program, _: Gpu | None) -> str:
    function, arguments = program.traced()
    return jax.jit(function).lower(*arguments).as_text().rstrip("\n")


def hlo(program: Program, gpu: Gpu | None) -> str:
    if gpu is not None:
        asked = {"network": program.network.model_dump(mode="json"), "in_features": program.in_features}
        return compiled_for(gpu, {**asked, "batch": program.batch, "backward": program.backward})
    function, arguments = program.traced()
    return (jax.jit(function).lower(*arguments).compile().as_text() or "").rstrip("\n")


FORMS: Mapping[str, Callable[[Program, Gpu | None], str]] = {"jaxpr": jaxpr, "stablehlo": stablehlo, "hlo": hlo}
