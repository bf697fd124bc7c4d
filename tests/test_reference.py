"""Lowered networks compute what each layer's definition says: against an interpreter in plain NumPy, in float64."""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from unrolling import unrolled, unstacked

import archlang
from archlang import ir
from archlang.layers import LAYERS
from archlang.lower import build
from archlang.testing import Sizes, networks

Array = Any
EPS = 1e-6


def dense(x: Array, p: Any) -> Array:
    return x @ p["kernel"] + p.get("bias", 0)


def layer_norm(x: Array, p: Any) -> Array:
    centred = x - x.mean(-1, keepdims=True)
    return centred / np.sqrt((centred**2).mean(-1, keepdims=True) + EPS) * p["scale"] + p["bias"]


def gaussian(x: Array, p: Any) -> Array:
    return dense(x, p["mean"]), -5 + 3.5 * (np.tanh(dense(x, p["log_std"])) + 1)


# The definition of each layer, from its source.
DEFINITIONS: dict[str, Callable[[Array, Any], Array]] = {
    "dense": dense,
    "ln": layer_norm,
    "rms": lambda x, p: x / np.sqrt((x**2).mean(-1, keepdims=True) + EPS) * p["scale"],
    "swish": lambda x, p: x / (1 + np.exp(-x)),
    "relu": lambda x, p: np.maximum(x, 0),
    "gelu": lambda x, p: 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3))),
    "tanh": lambda x, p: np.tanh(x),
    "id": lambda x, p: x,
    "gaussian": gaussian,
}


def interpret(node: ir.Node, x: Array, params: Any) -> Array:
    """The value of a network without stacks, with the parameters of its lowered module."""
    if isinstance(node, ir.Layer):
        return DEFINITIONS[node.name](x, params)
    if isinstance(node, ir.Residual):
        return x + interpret(node.body, x, params.get("body", {}))
    if isinstance(node, ir.Parallel):
        branches = params.get("branches", {})
        outputs = [interpret(branch, x, branches.get(i, {})) for i, branch in enumerate(node.branches)]
        return np.concatenate(outputs, -1) if node.join == "concat" else sum(outputs)
    assert isinstance(node, ir.Sequence | ir.Repeat)
    items = node.items if isinstance(node, ir.Sequence) else (node.body,) * node.count
    parts = [params.get("items", {}).get(i, {}) for i in range(len(items))]
    return reduce(lambda value, pair: interpret(pair[0], value, pair[1]), zip(items, parts, strict=True), x)


def both(network: ir.Network, width: int, seed: int) -> tuple[Any, Any]:
    with jax.enable_x64(True):
        module = build(network, width, rngs=nnx.Rngs(seed))
        draw = np.random.default_rng(seed).normal
        params = jax.tree.map(lambda leaf: jnp.asarray(draw(size=leaf.shape)), nnx.to_pure_dict(nnx.state(module)))
        graph, state = nnx.split(module)
        nnx.replace_by_pure_dict(state, params)
        x = draw(size=(3, width))
        written_out = jax.tree.map(np.asarray, unstacked(network.body, params))
        return nnx.merge(graph, state)(jnp.asarray(x)), interpret(unrolled(network.body), x, written_out)


@pytest.mark.slow
@settings(max_examples=60, phases=(Phase.explicit, Phase.reuse, Phase.generate))
@given(networks(Sizes(min_width=2)), st.integers(0, 99))
def test_networks_compute_their_definition(drawn: tuple[ir.Network, int], seed: int) -> None:
    got, expected = both(*drawn, seed)
    np.testing.assert_allclose(got, expected, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("name", LAYERS)
def test_every_layer_computes_its_definition(name: str) -> None:
    text = {"dense": "dense5", "gaussian": "gaussian2"}.get(name, name)
    got, expected = both(archlang.parse(text).networks["network"], 6, seed=1)
    jax.tree.map(lambda one, other: np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-12), got, expected)


@pytest.mark.parametrize("name", LAYERS)
def test_another_definition_would_be_noticed(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    right = DEFINITIONS[name]
    monkeypatch.setitem(DEFINITIONS, name, lambda x, p: jax.tree.map(lambda y: 1.001 * y, right(x, p)))
    with pytest.raises(AssertionError):
        test_every_layer_computes_its_definition(name)
