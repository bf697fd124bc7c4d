"""A mistake in any lowering is noticed: each is made here once, and the comparison with the definition must fail."""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from importlib import import_module
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from test_reference import ARGUMENTS, both

import archlang
from archlang import ir
from archlang.layers import LAYERS
from archlang.lower import combinators, gate, loop, source
from archlang.lower.rooted import apply

# By name: the package has functions that are called like these modules.
lowering, stack = import_module("archlang.lower.build"), import_module("archlang.lower.stack")

pytestmark = pytest.mark.slow  # they compile


def compare(network: ir.Network) -> None:
    got, expected = both(network, 6, seed=1)
    jax.tree.map(lambda one, other: np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-12), got, expected)


# --- layers ---------------------------------------------------------------------------------------------------------------


def alone(name: str) -> ir.Network:
    dense = ir.Layer(name="dense", arguments=(("features", 4),))
    layer = ir.Layer(name=name, arguments=ARGUMENTS.get(name, ()))
    return ir.Network(name="network", body=ir.Sequence(items=(dense, layer)))


def off_by_a_thousandth(right: Callable[..., Any], name: str) -> Callable[..., Any]:
    """The lowering of layers, but what the layer of that name gives is a thousandth too large."""

    def layer(node: ir.Layer, x: Any, rngs: Any) -> Any:
        module = right(node, x, rngs)
        if node.name != name:
            return module
        kind = type(module)
        wrong = lambda self, *given: jax.tree.map(lambda y: 1.001 * y, kind.__call__(self, *given))  # noqa: E731
        module.__class__ = type("Mutant", (kind,), {"__call__": wrong})
        return module

    return layer


@pytest.mark.parametrize("name", LAYERS)
def test_a_layer_that_is_lowered_wrongly_is_noticed(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    compare(alone(name))
    monkeypatch.setitem(lowering.BUILDERS, ir.Layer, off_by_a_thousandth(lowering.layer, name))
    with pytest.raises(AssertionError):
        compare(alone(name))


# --- combinators ----------------------------------------------------------------------------------------------------------


def without_skip(self: Any, x: Any, root: Any) -> Any:
    return apply(self.body, x, root)


def without_scale(self: Any, x: Any, root: Any) -> Any:
    return x + apply(self.body, x, root)


def without_post(self: Any, x: Any, root: Any) -> Any:
    y = apply(self.body, x, root)
    return x + (y if self.scale is None else self.scale * y)


def backwards(self: Any, x: Any, root: Any) -> Any:
    return reduce(lambda value, item: apply(item, value, root), self.items[::-1], x)


def first_branch(self: Any, x: Any, root: Any) -> Any:
    return apply(self.branches[0], x, root)


def swapped(self: Any, x: Any, root: Any) -> Any:
    return jnp.concatenate([apply(branch, x, root) for branch in self.branches][::-1], -1)


def own_input(self: Any, x: Any, root: Any) -> Any:
    return jnp.concatenate([x, x], -1)[..., : x.shape[-1] + root.shape[-1]]


def one_copy_less(step: Any, x: Any, root: Any, copies: Any, *, count: int, **how: Any) -> Any:
    fewer = {key: array[:-1] for key, array in copies.items()}
    return loop.run_copies(step, x, root, fewer, count=count - 1, **how)


def last_copy_first(step: Any, x: Any, root: Any, copies: Any, **how: Any) -> Any:
    return loop.run_copies(step, x, root, {key: array[::-1] for key, array in copies.items()}, **how)


def always_the_first(step: Any, x: Any, root: Any, copies: Any, **how: Any) -> Any:
    return loop.run_copies(step, x, root, {key: jnp.zeros_like(array) + array[:1] for key, array in copies.items()}, **how)


def no_root(step: Any, x: Any, root: Any, copies: Any, **how: Any) -> Any:
    return loop.run_copies(step, x, 0 * root, copies, **how)


MUTANTS: dict[str, tuple[str, Any, str, Any]] = {
    "no skip": ("res(dense6, tanh)", combinators.Residual, "forward", without_skip),
    "no scale": ("res(dense6, tanh, scale=0.3)", combinators.Residual, "forward", without_scale),
    "no post": ("res(dense6, tanh, post=tanh)", combinators.Residual, "forward", without_post),
    "a sequence backwards": ("dense6, tanh, dense6", combinators.Network, "forward", backwards),
    "one branch": ("par(tanh; dense6)", combinators.Parallel, "forward", first_branch),
    "branches swapped": ("par(tanh; dense6, join=concat)", combinators.Parallel, "forward", swapped),
    "the value for the network's input": ("dense6, concat_input", source.ConcatInput, "forward", own_input),
    "gates exchanged": ("res(dense6, gate=highway)", gate, "mix", gate.add),
    "one copy less": ("(dense6, tanh)*3", stack, "run_copies", one_copy_less),
    "the last copy first": ("(dense6, tanh)*3", stack, "run_copies", last_copy_first),
    "the first copy always": ("(dense6, tanh)*3", stack, "run_copies", always_the_first),
    "a stack without the network's input": ("(concat_input, dense6)*3", stack, "run_copies", no_root),
}


@pytest.mark.parametrize("mutant", MUTANTS)
def test_a_combinator_that_is_lowered_wrongly_is_noticed(mutant: str, monkeypatch: pytest.MonkeyPatch) -> None:
    text, owner, name, wrong = MUTANTS[mutant]
    network = archlang.parse(text).networks["network"]
    compare(network)
    monkeypatch.setattr(owner, name, wrong)
    if owner is gate:
        monkeypatch.setitem(gate.LAWS, "highway", gate.Law(-1.0, wrong))
    with pytest.raises(AssertionError):
        compare(network)


# --- backward passes ------------------------------------------------------------------------------------------------------


def gradients(text: str) -> Any:
    graph, state = nnx.split(lowering.build(archlang.parse(text).networks["network"], 6, rngs=nnx.Rngs(0)))
    x = jax.random.normal(jax.random.key(0), (3, 6))
    return jax.grad(lambda state, x: jnp.sum(jnp.square(nnx.merge(graph, state)(x))), argnums=(0, 1))(state, x)


def compare_gradients(remat: str) -> None:
    """Against jax's own scan."""
    body = "res(concat_input, dense6, tanh)*5"
    got, expected = gradients(f"@remat({remat}) {body}"), gradients(f"@remat(none) {body}")
    jax.tree.map(lambda one, other: np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-4), got, expected)


def shifted(buffers: Any, arrays: Any, index: Any) -> Any:
    return PUT(buffers, arrays, jnp.maximum(index - 1, 0))


def no_root_gradient(self: Any, saved: Any, cotangents: Any) -> Any:
    dx, droot, dfloats, others = BACKWARD(self, saved, cotangents)
    return dx, 0 * droot, dfloats, others


PUT, BACKWARD = loop.put, loop.Loop.backward


@pytest.mark.parametrize("remat", ["dots", "full", "nested"])
@pytest.mark.parametrize(("owner", "name", "wrong"), [(loop, "put", shifted), (loop.Loop, "backward", no_root_gradient)])
def test_a_wrong_backward_pass_is_noticed(
    remat: str, owner: Any, name: str, wrong: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    compare_gradients(remat)
    monkeypatch.setattr(owner, name, wrong)
    with pytest.raises(AssertionError):
        compare_gradients(remat)
