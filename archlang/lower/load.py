"""Parameters → the module that has them, if they are those of its network."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx

from archlang.diagnostics import Diagnostic, SpecError
from archlang.lower.build import build
from archlang.lower.combinators import Network
from archlang.lower.inputs import described
from archlang.lower.restack import flat, refuse_module
from archlang.spec import Network as Specified

Path = tuple[Any, ...]

HELP = "`archlang.lower.stack` takes them from single layers, `restack` from another division into stacks"


def load(network: Specified, in_features: int, state: Any, *, hash: str | None = None, rngs: nnx.Rngs | None = None) -> Network:
    """The module of a network with these parameters: an `nnx.State` or nested dictionaries.

    `hash` is that of the network which the parameters were trained for (`network.hash`): networks of one structure may differ
    in what they compute. Variables that are no parameters (running statistics, dropout's keys) may be left away; they begin
    anew, from `rngs`. Raises `SpecError` (E0801) with the first difference where the parameters are of another network.
    """
    refuse_module(state)
    given = dict(nnx.to_flat_state(state) if isinstance(state, nnx.State) else flat(state))
    graph, expected = nnx.split(nnx.eval_shape(lambda: build(network, in_features, rngs=nnx.Rngs(0))))
    wanted = dict(nnx.to_flat_state(expected))
    refuse_another(network, hash, difference(wanted, given))
    if given.keys() != wanted.keys():
        given = dict(nnx.to_flat_state(nnx.state(build(network, in_features, rngs=rngs or nnx.Rngs(0))))) | given
    filled = [(path, variable.replace(array_of(given[path]))) for path, variable in wanted.items()]
    return nnx.merge(graph, nnx.from_flat_state(filled))


def refuse_another(network: Specified, hash: str | None, difference: str | None) -> None:
    if hash not in (None, network.hash):
        why = difference or "all arrays have the same shapes, but something else differs"
        raise other(network, f"they are of the network {hash}, this is {network.hash}: {why}", "`archlang diff` compares two")
    if difference is not None:
        raise other(network, difference, HELP)


def other(network: Specified, why: str, help: str) -> SpecError:
    return SpecError([Diagnostic("E0801", f"these are not parameters of `{network.name}`: {why}", network.span, help=help)])


def difference(wanted: Mapping[Path, Any], given: Mapping[Path, Any]) -> str | None:
    """The first thing in which the two differ, in words."""
    for path, variable in wanted.items():
        if path not in given:
            if isinstance(variable, nnx.Param):
                return f"`{dotted(path)}` is missing"
        elif unlike(variable.get_value(), array_of(given[path])):
            return f"`{dotted(path)}` is {described(variable.get_value())} in it; got {described(array_of(given[path]))}"
    return next((f"it has no `{dotted(path)}`" for path in given if path not in wanted), None)


def unlike(one: Any, other: Any) -> bool:
    """Whether two arrays differ in shape or kind; a float may be narrower or wider."""
    kinds = [jnp.issubdtype(array.dtype, jnp.floating) for array in (one, other)]
    return one.shape != other.shape or kinds[0] != kinds[1] or not (kinds[0] or one.dtype == other.dtype)


def array_of(end: Any) -> Any:
    return end.get_value() if isinstance(end, nnx.Variable) else jnp.asarray(end) if not isinstance(end, jax.Array) else end


def dotted(path: Path) -> str:
    return ".".join(map(str, path))
