"""Layers that keep state, `bn`, `rsnorm` and `dropout`: what training does to it, in every place where they can stand."""

from __future__ import annotations

from functools import partial
from typing import Any, get_args

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from flax.errors import TraceContextError
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from unrolling import as_written, unrolled, unstacked

import archlang
from archlang import ir
from archlang.lower import build
from archlang.testing import Sizes, networks

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("quickly_compiled")]  # they compile

STATEFUL = ("bn", "rsnorm", "dropout")
STACKS = ("(dense8, {})*4", "res((dense8, {})*2)*2", "@remat(none) (dense8, {})*4", "@remat(full) (dense8, {})*4")
PLACES = ("{}", "4x<dense8, {}>", *STACKS)


def module_of(text: str, width: int = 8) -> Any:
    return build(archlang.parse(text).networks["network"], width, rngs=nnx.Rngs(0))


def batches(count: int, rows: int = 16, width: int = 8) -> Any:
    draw = np.random.default_rng(0).normal
    return jnp.asarray(3 * draw(size=(count, rows, width)) + draw(size=width), jnp.float32)


def state_of(module: nnx.Module) -> dict[str, Any]:
    """All that is not learned, as NumPy arrays by path."""
    return by_path(nnx.to_pure_dict(nnx.state(module, nnx.Not(nnx.Param))))


def by_path(tree: Any) -> dict[str, np.ndarray]:
    return {jax.tree_util.keystr(path): readable(leaf) for path, leaf in jax.tree_util.tree_leaves_with_path(tree)}


def readable(leaf: jax.Array) -> np.ndarray:
    is_key = jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key)
    return np.asarray(jax.random.key_data(leaf) if is_key else leaf)


def changed(before: dict[str, Any], after: dict[str, Any]) -> set[str]:
    """The paths of what is another one in every copy: each count, each row of statistics."""
    assert before.keys() == after.keys()
    moved = {path: before[path] != after[path] for path in before}
    return {path for path, by in moved.items() if np.all(by if path.endswith("['count']") else by.any(-1))}


# --- definitions ------------------------------------------------------------------------------------------------------


def test_bn_normalizes_the_batch_and_remembers_one_percent_of_it() -> None:
    module, x = module_of("bn"), np.asarray(batches(1)[0])
    np.testing.assert_allclose(module(x), (x - x.mean(0)) / np.sqrt(x.var(0) + 1e-5), atol=1e-5)
    np.testing.assert_allclose(module.items[0].mean[...], 0.01 * x.mean(0), atol=1e-6)
    np.testing.assert_allclose(module.items[0].var[...], 0.99 + 0.01 * x.var(0), atol=1e-6)
    module.eval()
    np.testing.assert_allclose(module(x), (x - 0.01 * x.mean(0)) / np.sqrt(0.99 + 0.01 * x.var(0) + 1e-5), atol=1e-5)


def test_rsnorm_normalizes_with_all_rows_that_it_saw() -> None:
    """The update of SimBa is that of pooled moments, where 1e-4 rows of mean 0 and variance 1 were seen before."""
    module, data = module_of("rsnorm"), batches(5)
    for number in range(1, 6):
        y = module(data[number - 1])
        seen = np.asarray(data[:number], np.float64).reshape(-1, 8)
        total = len(seen) + 1e-4
        mean = seen.sum(0) / total
        var = ((seen**2).sum(0) + 1e-4) / total - mean**2
        np.testing.assert_allclose(module.items[0].mean[...], mean, atol=1e-5)
        np.testing.assert_allclose(module.items[0].var[...], var, rtol=1e-5)
        np.testing.assert_allclose(module.items[0].count[...], total, rtol=1e-6)
        np.testing.assert_allclose(y, (np.asarray(data[number - 1]) - mean) / np.sqrt(var + 1e-8), atol=1e-5)


def test_rsnorm_counts_no_rows_in_as_nothing() -> None:
    module = module_of("(rsnorm)*2")
    module(batches(1)[0])
    before = nnx.to_pure_dict(nnx.state(module))
    assert module(jnp.ones((0, 8))).shape == (0, 8)
    jax.tree.map(np.testing.assert_array_equal, nnx.to_pure_dict(nnx.state(module)), before)


def test_no_gradient_flows_through_the_statistics_of_rsnorm() -> None:
    module, x = module_of("rsnorm"), batches(1)[0]
    graph, state = nnx.split(module)
    gradient = jax.grad(lambda x: nnx.merge(graph, state, copy=True)(x).sum())(x)
    module(x)
    np.testing.assert_allclose(gradient, jnp.broadcast_to(1 / jnp.sqrt(module.items[0].var[...] + 1e-8), x.shape), rtol=1e-5)


def test_dropout_drops_its_share_and_keeps_the_mean() -> None:
    y = np.asarray(module_of("dropout0.2", 1000)(jnp.ones((50, 1000))))
    assert set(np.unique(y)) == {np.float32(0), np.float32(1.25)}
    np.testing.assert_allclose((y == 0).mean(), 0.2, atol=0.01)


# --- copies -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["(dropout0.5)*3", "3x dropout0.5", "@remat(full) (dropout0.5)*3"])
def test_dropout_differs_from_copy_to_copy_and_from_call_to_call(text: str) -> None:
    module, x = module_of(text, 1000), jnp.ones((4, 1000))
    first, second = module(x), module(x)
    for y in first, second:  # one mask in all copies would keep a half
        np.testing.assert_allclose((y != 0).mean(), 1 / 8, atol=0.03)
    np.testing.assert_allclose((first != 0)[second != 0].mean(), 1 / 8, atol=0.05)
    module.eval()
    np.testing.assert_array_equal(module(x), x)


@pytest.mark.parametrize("place", PLACES)
def test_training_changes_the_state_of_every_copy_and_evaluation_nothing(place: str) -> None:
    module, x = module_of(place.format("bn, dropout0.5, rsnorm")), batches(1)[0]
    before = state_of(module)
    module(x)
    trained = state_of(module)
    assert changed(before, trained) == {path for path in before if not path.endswith("['key']")}
    module.eval()
    np.testing.assert_array_equal(module(x), module(x))
    jax.tree.map(np.testing.assert_array_equal, state_of(module), trained)


@settings(max_examples=12, phases=(Phase.explicit, Phase.reuse, Phase.generate))
@given(networks(Sizes(min_width=2, layers=(*STATEFUL, *STATEFUL, "ln", "swish", "concat_input")), depth=2), st.integers(0, 99))
def test_a_stack_trains_as_the_unrolled_network(drawn: tuple[ir.Network, int], seed: int) -> None:
    """With the same parameters, statistics and keys: the same outputs, and the same state afterwards."""
    network, width = drawn
    with jax.enable_x64(True):
        x = jnp.asarray(np.random.default_rng(seed).normal(size=(5, width)))
        stacked, other = (as_written(net, width, seed) for net in (network, unrolled(network)))
        state = jax.tree.map(as_float64, nnx.to_pure_dict(nnx.state(stacked)))
        y, after = train_once(stacked, state, x)
        expected, expected_after = train_once(other, unstacked(network.body, state), x)
        assert y.dtype == jnp.float64
        np.testing.assert_allclose(y, expected, rtol=1e-7, atol=1e-7)
        assert_same(unstacked(network.body, after), expected_after)


def as_float64(leaf: jax.Array) -> jax.Array:
    return leaf.astype(jnp.float64) if jnp.issubdtype(leaf.dtype, jnp.floating) else leaf


def train_once(module: nnx.Module, state: Any, x: jax.Array) -> tuple[Any, Any]:
    graph, variables = nnx.split(module)
    nnx.replace_by_pure_dict(variables, state)

    @jax.jit
    def run(variables: Any, x: jax.Array) -> tuple[Any, Any]:
        copy: Any = nnx.merge(graph, variables, copy=True)
        return copy(x), nnx.split(copy)[1]

    y, after = run(variables, x)
    return y, nnx.to_pure_dict(after)


def assert_same(got: Any, expected: Any) -> None:
    one, other = by_path(got), by_path(expected)
    assert one.keys() == other.keys()
    for path in one:
        np.testing.assert_allclose(one[path], other[path], rtol=1e-7, atol=1e-7, err_msg=path)


# --- training loops ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("place", PLACES)
def test_a_jitted_step_gives_gradients_and_the_new_state(place: str) -> None:
    """As the runtime does it: split outside; inside jit and grad, merge a copy, call it, and split it again."""
    text = place.format("dense8, bn, dropout0.5, rsnorm")
    module = module_of(text)
    graph, params, variables = nnx.split(module, nnx.Param, ...)

    def loss(params: Any, variables: Any, x: jax.Array) -> tuple[jax.Array, Any]:
        copy: Any = nnx.merge(graph, params, variables, copy=True)
        return jnp.mean(jnp.square(copy(x) - 1)), nnx.split(copy, nnx.Param, ...)[2]

    step = jax.jit(jax.grad(loss, has_aux=True))
    for x in batches(3):
        gradient, variables = step(params, variables, x)
        assert all(bool(jnp.any(leaf != 0)) for leaf in jax.tree.leaves(gradient))
        module(x)
    after = nnx.merge(graph, params, variables)
    jax.tree.map(
        lambda one, other: np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-4), state_of(after), state_of(module)
    )


@pytest.mark.parametrize("place", PLACES)
def test_the_transforms_of_nnx_train_it_too(place: str) -> None:
    module, x = module_of(place.format("bn, dropout0.5, rsnorm")), batches(1)[0]
    before = state_of(module)
    step = nnx.jit(lambda module, x: nnx.grad(lambda module: jnp.mean(jnp.square(module(x) - 1)))(module))
    gradient = step(module, x)
    assert all(bool(jnp.all(jnp.isfinite(leaf))) for leaf in jax.tree.leaves(gradient))
    assert changed(before, state_of(module)) == {path for path in before if not path.endswith("['key']")}


def test_remat_changes_neither_gradients_nor_state() -> None:
    trained = [gradient_and_state(remat) for remat in get_args(ir.Remat)]
    for other in trained[1:]:
        jax.tree.map(partial(np.testing.assert_allclose, rtol=1e-4, atol=1e-4), trained[0], other)


def gradient_and_state(remat: str) -> tuple[Any, Any]:
    module = module_of(f"@remat({remat}) res(dense8, bn, dropout0.5, rsnorm)*3")
    gradient = nnx.grad(lambda module, x: jnp.sum(jnp.square(module(x))))(module, batches(1)[0])
    return nnx.to_pure_dict(gradient), state_of(module)


def test_a_transform_may_not_close_over_what_it_would_train() -> None:
    module, x = module_of("(bn)*3"), batches(1)[0]
    with pytest.raises(TraceContextError):
        jax.jit(lambda x: module(x))(x)


def test_a_stack_without_state_carries_none_through_its_loop() -> None:
    assert loop_outputs("(dense8, ln)*3") == 1
    assert loop_outputs("(dense8, bn)*3") == 3


def loop_outputs(text: str) -> int:
    graph, state = nnx.split(module_of(text))
    closed = jax.make_jaxpr(lambda x: nnx.merge(graph, state, copy=True)(x))(jnp.ones((2, 8)))
    (loop,) = (equation for equation in closed.jaxpr.eqns if equation.primitive.name == "custom_vjp_call")
    return len(loop.outvars)


# --- dtypes -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("layer", ["bn", "rsnorm"])
def test_statistics_stay_float32_in_bfloat16(layer: str) -> None:
    narrow, wide, x = module_of(f"@dtype(bf16) ({layer})*2"), module_of(f"({layer})*2"), batches(1)[0]
    for _ in range(2):
        np.testing.assert_allclose(narrow(x), wide(x), atol=0.05)
    for one, other in zip(state_of(narrow).values(), state_of(wide).values(), strict=True):
        assert one.dtype == np.float32
        np.testing.assert_allclose(one, other, rtol=0.02, atol=0.02)


@pytest.mark.parametrize("layer", ["bn", "rsnorm"])
def test_statistics_are_not_rounded_in_bfloat16(layer: str) -> None:
    """Around 1000, bfloat16 has every fourth number."""
    module = module_of(f"@dtype(bf16) {layer}")
    module.cast.body.mean[...] = 1003.0 * jnp.ones(8)
    module.eval()
    np.testing.assert_allclose(module(1000.0 * jnp.ones((2, 8))), -3, rtol=0.01)
