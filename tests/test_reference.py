"""Lowered networks compute what each layer's definition says: against an interpreter in plain NumPy, in float64."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from unrolling import as_written, unrolled, unstacked

from archlang import ir
from archlang.layers import LAYERS
from archlang.naming import in_a_row, names
from archlang.testing import Sizes, networks

Array = Any
Definition = Callable[[Array, Any, Any, Array], Array]  # of x, the parameters and statistics, the layer, the network's input
pytestmark = pytest.mark.usefixtures("quickly_compiled")
EPS = 1e-6


def sigmoid(x: Array) -> Array:
    return np.exp(-np.logaddexp(0, -x))  # 1 / (1 + exp(-x)) without its overflow


def dense(x: Array, p: Any, *_: Any) -> Array:
    return x @ p["kernel"] + p.get("bias", 0)


def layer_norm(x: Array, p: Any, *_: Any) -> Array:
    centred = x - x.mean(-1, keepdims=True)
    return centred / np.sqrt((centred**2).mean(-1, keepdims=True) + EPS) * p["scale"] + p["bias"]


def batch_norm(x: Array, p: Any, *_: Any) -> Array:
    return (x - p["mean"]) / np.sqrt(p["var"] + 1e-5) * p["scale"] + p["bias"]


def gaussian(x: Array, p: Any, *_: Any) -> Array:
    return dense(x, p["mean"]), -5 + 3.5 * (np.tanh(dense(x, p["log_std"])) + 1)


# The definition of each layer in evaluation, from its source.
DEFINITIONS: dict[str, Definition] = {
    "dense": dense,
    "gaussian": gaussian,
    "ln": layer_norm,
    "rms": lambda x, p, *_: x / np.sqrt((x**2).mean(-1, keepdims=True) + EPS) * p["scale"],
    "bn": batch_norm,
    "l2": lambda x, *_: x / np.maximum(np.linalg.norm(x, axis=-1, keepdims=True), EPS),
    "rsnorm": lambda x, p, *_: (x - p["mean"]) / np.sqrt(p["var"] + 1e-8),
    "swish": lambda x, *_: x * sigmoid(x),
    "relu": lambda x, *_: np.maximum(x, 0),
    "gelu": lambda x, *_: 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3))),
    "tanh": lambda x, *_: np.tanh(x),
    "elu": lambda x, *_: np.where(x > 0, x, np.exp(np.minimum(x, 0)) - 1),
    "mish": lambda x, *_: x * np.tanh(np.logaddexp(0, x)),
    "leaky": lambda x, p, layer, root: np.where(x > 0, x, layer.slope * x),
    "crelu": lambda x, *_: np.concatenate([np.maximum(x, 0), np.maximum(-x, 0)], -1),
    "scale": lambda x, p, *_: x * p["factor"],
    "rezero": lambda x, p, *_: x * p["factor"],
    "dropout": lambda x, *_: x,
    "concat_input": lambda x, p, layer, root: np.concatenate([x, root], -1),
    "id": lambda x, *_: x,
}


def interpret(node: ir.Node, x: Array, params: Any, root: Array, whole: bool = False) -> Array:
    """The value of a network without stacks, with the parameters and statistics of its lowered module."""
    items = in_a_row(node)
    if len(items) == 1 and not whole:
        return interpret_one(items[0], x, params, root)
    for name, item in zip(names(items), items, strict=True):
        x = interpret_one(item, x, params.get(name, {}), root)
    return x


def interpret_one(node: ir.Node, x: Array, params: Any, root: Array) -> Array:
    if isinstance(node, ir.Layer):
        return DEFINITIONS[node.name](x, params, node.layer, root)
    if isinstance(node, ir.Residual):
        return residual(node, x, params, root)
    assert isinstance(node, ir.Parallel)
    branches = params.get("branches", {})
    outputs = [interpret(branch, x, branches.get(i, {}), root) for i, branch in enumerate(node.branches)]
    return np.concatenate(outputs, -1) if node.join == "concat" else sum(outputs)


def residual(node: ir.Residual, x: Array, params: Any, root: Array) -> Array:
    y = (1 if node.scale is None else node.scale) * interpret(node.body, x, params.get("body", {}), root)
    t = 1 if node.gate is None else sigmoid(dense(x, params["gate"]["linear"]))
    total = (1 - t if node.gate == "highway" else 1) * x + t * y
    return total if node.post is None else interpret(node.post, total, params.get("post", {}), root)


def both(network: ir.Network, width: int, seed: int) -> tuple[Any, Any]:
    """A network's outputs for random parameters and statistics: as lowered, and as defined."""
    with jax.enable_x64(True):
        module = as_written(network, width, seed)
        module.eval()
        graph, numbers, keys = nnx.split(module, nnx.Not(nnx.RngState), ...)
        draw = np.random.default_rng(seed).normal
        values = jax.tree_util.tree_map_with_path(lambda path, leaf: drawn(path, draw, leaf), nnx.to_pure_dict(numbers))
        nnx.replace_by_pure_dict(numbers, values)
        x = draw(size=(3, width))
        written_out = jax.tree.map(np.asarray, unstacked(network.body, values))
        return nnx.merge(graph, numbers, keys)(jnp.asarray(x)), interpret(unrolled(network.body), x, written_out, x, whole=True)


def drawn(path: Any, draw: Any, leaf: Array) -> Array:
    positive = "'var'" in jax.tree_util.keystr(path)
    return jnp.asarray(abs(draw(size=leaf.shape)) if positive else draw(size=leaf.shape))


@pytest.mark.slow
@settings(max_examples=40, phases=(Phase.explicit, Phase.reuse, Phase.generate))
@given(networks(Sizes(min_width=2, heads=True, layers=tuple(LAYERS))), st.integers(0, 99))
def test_networks_compute_their_definition(drawn: tuple[ir.Network, int], seed: int) -> None:
    got, expected = both(*drawn, seed)
    jax.tree.map(lambda one, other: np.testing.assert_allclose(one, other, rtol=1e-6, atol=1e-8), got, expected)


# What a layer must be given, and an argument that changes what it computes.
ARGUMENTS: dict[str, tuple[tuple[str, Any], ...]] = {
    "dense": (("features", 5), ("bias", False)),
    "gaussian": (("action_dim", 2),),
    "leaky": (("slope", 0.2),),
    "dropout": (("rate", 0.1),),
}


@pytest.mark.parametrize("name", LAYERS)
def test_every_layer_computes_its_definition(name: str) -> None:
    layer = ir.Layer(name=name, arguments=ARGUMENTS.get(name, ()))
    body = ir.Sequence(items=(ir.Layer(name="dense", arguments=(("features", 4),)), layer))
    got, expected = both(ir.Network(name="network", body=body), 6, seed=1)
    jax.tree.map(lambda one, other: np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-12), got, expected)


@pytest.mark.parametrize("name", LAYERS)
def test_another_definition_would_be_noticed(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    right = DEFINITIONS[name]
    monkeypatch.setitem(DEFINITIONS, name, lambda *given: jax.tree.map(lambda y: 1.001 * y, right(*given)))
    with pytest.raises(AssertionError):
        test_every_layer_computes_its_definition(name)


@pytest.mark.parametrize("gate", [None, "sigmoid", "highway"])
@pytest.mark.parametrize("post", [None, ir.Layer(name="ln")])
def test_every_residual_computes_its_definition(gate: ir.Gate | None, post: ir.Layer | None) -> None:
    body = ir.Layer(name="dense", arguments=(("features", 4),))
    node = ir.Residual(body=body, scale=0.3, gate=gate, post=post)
    got, expected = both(ir.Network(name="network", body=node), 4, seed=1)
    np.testing.assert_allclose(got, expected, rtol=1e-9, atol=1e-12)
