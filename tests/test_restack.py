"""Parameters from stacks to layers and back, and into the module of a network."""

from __future__ import annotations

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import nnx
from hypothesis import given, settings
from hypothesis import strategies as st
from unrolling import unrolled

import archlang
from archlang import SpecError, ir
from archlang.layers import LAYERS
from archlang.lower import build, load, restack, stack, unstack
from archlang.naming import RESERVED
from archlang.testing import Sizes, networks


def network_of(text: str) -> archlang.Network:
    return archlang.parse(text).networks["network"]


def shapes(network: ir.Network, width: int) -> Any:
    return nnx.state(nnx.eval_shape(lambda: build(network, width, rngs=nnx.Rngs(0))))


def numbered(state: Any) -> Any:
    """A state of these shapes in which no two numbers are equal. Keys of random numbers are left out."""
    pure = nnx.to_pure_dict(nnx.filter_state(state, nnx.Not(nnx.RngKey)))
    leaves, tree = jax.tree.flatten(pure)
    starts = np.cumsum([0, *(leaf.size for leaf in leaves)])
    arrays = [np.arange(leaf.size).reshape(leaf.shape) + start for leaf, start in zip(leaves, starts[:-1], strict=True)]
    return jax.tree.unflatten(tree, arrays)


def by_path(tree: Any) -> dict[str, Any]:
    return {jax.tree_util.keystr(path): leaf for path, leaf in jax.tree_util.tree_leaves_with_path(tree)}


def assert_equal(one: Any, other: Any) -> None:
    one, other = by_path(one), by_path(other)
    assert one.keys() == other.keys()
    for path, leaf in one.items():
        np.testing.assert_array_equal(leaf, other[path], err_msg=path)


@pytest.mark.slow
@settings(max_examples=150)
@given(networks(Sizes(casts=True, heads=True, layers=tuple(LAYERS))))
def test_to_layers_and_back_is_the_identity(drawn: tuple[ir.Network, int]) -> None:
    network, width = drawn
    state = numbered(shapes(network, width))
    layers = unstack(network, state)
    assert_equal(stack(network, layers), state)
    numbers = sorted(int(number) for leaf in jax.tree.leaves(layers) for number in np.ravel(leaf))
    assert numbers == list(range(sum(leaf.size for leaf in jax.tree.leaves(state))))


@pytest.mark.slow
@settings(max_examples=150)
@given(networks(Sizes(casts=True, heads=True, layers=tuple(LAYERS))))
def test_the_layers_are_those_of_the_network_without_stacks(drawn: tuple[ir.Network, int]) -> None:
    network, width = drawn
    layers = by_path(unstack(network, numbered(shapes(network, width))))
    other = by_path(numbered(shapes(unrolled(network), width)))
    assert {path: leaf.shape for path, leaf in layers.items()} == {path: leaf.shape for path, leaf in other.items()}


BLOCK = "res(4x<dense8, ln, swish>)"


@pytest.mark.slow
@settings(max_examples=30, deadline=None)
@given(st.integers(1, 11))
def test_from_one_division_to_another_and_back(first: int) -> None:
    whole, split = network_of(f"dense8, {BLOCK}*12"), network_of(f"dense8, {BLOCK}*{first}, {BLOCK}*{12 - first}")
    state = numbered(shapes(whole, 4))
    moved = restack(whole, split, state)
    assert_equal(restack(split, whole, moved), state)
    kernels = [leaf.reshape(-1, 8, 8) for path, leaf in by_path(moved).items() if "dense_2']['kernel" in path]
    in_order = np.concatenate(sorted(kernels, key=lambda kernel: kernel[0, 0, 0]))
    np.testing.assert_array_equal(in_order, state["stack"]["body"]["body"]["dense_2"]["kernel"])


@pytest.mark.slow
def test_a_divided_network_computes_the_same() -> None:
    whole, split = network_of(f"dense8, {BLOCK}*5"), network_of(f"dense8, {BLOCK}*2, {BLOCK}*3")
    module = build(whole, 4, rngs=nnx.Rngs(0))
    other = load(split, 4, restack(whole, split, nnx.state(module)))
    x = jax.random.normal(jax.random.key(0), (3, 4))
    np.testing.assert_array_equal(jax.jit(module)(x), jax.jit(other)(x))


@pytest.mark.slow
def test_the_state_of_an_optimizer_goes_along() -> None:
    network = network_of(f"dense8, {BLOCK}*3")
    params = nnx.state(build(network, 4, rngs=nnx.Rngs(0)), nnx.Param)
    adam = optax.adam(1e-3)
    updates, state = adam.update(jax.tree.map(jnp.ones_like, params), adam.init(params))
    layers = unstack(network, {"params": params, "adam": state, "step": 3})
    assert layers["step"] == 3
    assert layers["adam"][0].count == 1
    assert_equal(stack(network, layers["adam"]), state)
    alone = adam.update(jax.tree.map(jnp.ones_like, layers["params"]), adam.init(layers["params"]))[0]
    assert_equal(unstack(network, updates), alone)


def test_under_jit_and_with_shapes_alone() -> None:
    network = network_of(f"dense8, {BLOCK}*3")
    state = nnx.state(build(network, 4, rngs=nnx.Rngs(0)))
    assert_equal(jax.jit(lambda state: unstack(network, state))(state), unstack(network, state))
    abstract = jax.eval_shape(lambda state: unstack(network, state), shapes(network, 4))
    assert nnx.to_pure_dict(abstract)["res_2"]["body"]["dense_3"]["kernel"].shape == (8, 8)


def test_names_are_those_of_the_layers() -> None:
    state = shapes(network_of(f"dense8, ln, {BLOCK}*3, par(dense4; ln, dense4), @dtype(bf16) rms"), 4)
    paths = {".".join(map(str, path)) for path, _ in nnx.to_flat_state(state)}
    assert {
        "dense.kernel",
        "ln.scale",
        "stack.body.body.dense_0.kernel",
        "stack.body.body.ln_3.bias",
        "par.branches.0.kernel",
        "par.branches.1.dense.kernel",
        "cast.body.scale",
    } <= paths


def test_no_layer_takes_the_place_of_what_a_module_has() -> None:
    from archlang.lower.combinators import Network

    taken = {name for name in (*dir(Network), *vars(Network({}, "n", 1))) if not name.startswith("_")}
    assert taken <= RESERVED
    assert not RESERVED & LAYERS.keys()


# --- parameters of another network ----------------------------------------------------------------------------------------


def refused(wanted: str, got: str, width: int = 4, **options: Any) -> str:
    state = nnx.state(build(network_of(got), width, rngs=nnx.Rngs(0)))
    with pytest.raises(SpecError) as error:
        load(network_of(wanted), 4, state, **options)
    assert error.value.diagnostics[0].code == "E0801"
    return error.value.diagnostics[0].message


def test_the_first_difference_is_named() -> None:
    assert "`dense_0.bias` is missing" in refused("dense8, ln, dense8", "dense8, ln")
    assert "it has no `dense.bias`" in refused("ln, swish", "ln, dense4")
    assert "`dense.kernel` is f32[4, 8] in it; got f32[5, 8]" in refused("dense8, ln", "dense8, ln", width=5)
    assert "`stack.body.bias` is f32[3, 4] in it; got f32[2, 4]" in refused("(dense4)*3", "(dense4)*2")


def test_the_hash_tells_apart_what_has_the_same_shapes() -> None:
    trained = network_of("dense8, relu")
    assert load(trained, 4, nnx.state(build(trained, 4, rngs=nnx.Rngs(0))), hash=trained.hash).in_features == 4
    message = refused("dense8, swish", "dense8, relu", hash=trained.hash)
    assert trained.hash in message
    assert "all arrays have the same shapes, but something else differs" in message


@pytest.mark.slow
def test_loaded_parameters_are_those_that_were_given() -> None:
    network = network_of("dense8, bn, dropout0.5, (dense8, rsnorm)*2")
    module = build(network, 4, rngs=nnx.Rngs(0))
    module(jnp.ones((3, 4)))
    for state in (nnx.state(module), nnx.to_pure_dict(nnx.state(module))):
        assert_equal(nnx.to_pure_dict(numbers(load(network, 4, state))), nnx.to_pure_dict(numbers(module)))
    anew = load(network, 4, nnx.state(module, nnx.Param))
    assert_equal(nnx.to_pure_dict(nnx.state(anew, nnx.Param)), nnx.to_pure_dict(nnx.state(module, nnx.Param)))
    np.testing.assert_array_equal(anew.bn.mean[...], 0)


def numbers(module: nnx.Module) -> Any:
    return nnx.state(module, nnx.Not(nnx.RngState))


@pytest.mark.parametrize(
    ("text", "tree", "said"),
    [
        ("dense8, ln", {"dens": {}}, "there is no `dens` in the network at that place, but dense, ln"),
        ("(dense4)*3", {"stack": {"body": {"kernel": np.zeros((2, 4, 4))}}}, "a stack of 3 copies has the shape [2, 4, 4]"),
        ("(dense4)*3", {"stack": {"kernel": np.zeros((3, 4, 4))}}, "there is no `kernel`"),
    ],
)
def test_what_is_not_of_the_network_is_not_taken_apart(text: str, tree: Any, said: str) -> None:
    with pytest.raises(SpecError, match="E0801") as error:
        unstack(network_of(text), tree)
    assert said in error.value.diagnostics[0].message


@pytest.mark.parametrize(
    ("text", "tree", "said"),
    [
        ("(dense4)*2", {"dense_0": {"kernel": np.zeros((4, 4))}}, "number 2 has no `kernel`"),
        ("(dense4)*2", {"dense_1": {"kernel": np.zeros((4, 4))}}, "number 1 has no `kernel`"),
        ("(ln)*2", {"ln_0": {"scale": np.zeros(4)}, "ln_1": {"scale": np.zeros(5)}}, "unlike shape"),
        ("(ln)*2", {"ln_2": {"scale": np.zeros(4)}}, "there is no `ln_2`"),
    ],
)
def test_what_is_not_of_the_network_is_not_put_together(text: str, tree: Any, said: str) -> None:
    with pytest.raises(SpecError, match="E0801") as error:
        stack(network_of(text), tree)
    assert said in error.value.diagnostics[0].message


def test_a_module_is_not_taken_for_its_state() -> None:
    network = network_of("(dense4)*2")
    module = build(network, 4, rngs=nnx.Rngs(0))
    takes: list[Any] = [partial(unstack, network), partial(stack, network), partial(load, network, 4)]
    for take in takes:
        with pytest.raises(SpecError, match="got a whole `Network`"):
            take(module)
    with pytest.raises(SpecError, match="its `opt_state`"):
        unstack(network, nnx.Optimizer(module, optax.adam(1e-3), wrt=nnx.Param))
