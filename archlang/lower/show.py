"""The program of one network as text: as jax traces it, and as XLA compiles it, here or for a GPU."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import jax

from archlang.child import ask
from archlang.lower.programs import Program
from archlang.targets import Gpu


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
        return ask({"what": "text", **asked, "batch": program.batch, "backward": program.backward}, gpu)
    function, arguments = program.traced()
    return (jax.jit(function).lower(*arguments).compile().as_text() or "").rstrip("\n")


FORMS: Mapping[str, Callable[[Program, Gpu | None], str]] = {"jaxpr": jaxpr, "stablehlo": stablehlo, "hlo": hlo}
