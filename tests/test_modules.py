"""What `build` gives is a module like any other of nnx; it begins as the unrolled one; and it says what it does not take."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import orbax.checkpoint as ocp
import pytest
from flax import nnx
from scipy.stats import ks_2samp
from unrolling import unrolled

import archlang
from archlang import DiagnosticError, ir
from archlang.layers.activation import Tanh
from archlang.lower import build, unstack

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("quickly_compiled")]  # they compile

TEXT = "dense8, ln, res(4x<dense8, ln, swish>)*3, bn, dropout0.1"


def network_of(text: str) -> archlang.Network:
    return archlang.parse(text).networks["network"]


def module_of(text: str, width: int = 6, seed: int = 0) -> Any:
    return build(network_of(text), width, rngs=nnx.Rngs(seed))


# --- a module of nnx ------------------------------------------------------------------------------------------------------


def test_it_is_split_merged_and_updated() -> None:
    module, other, x = module_of(TEXT), module_of(TEXT, seed=1), jnp.ones((2, 6))
    graph, state = nnx.split(module)
    nnx.update(other, state)
    expected = nnx.merge(graph, state, copy=True)(x)
    np.testing.assert_array_equal(other(x), expected)
    assert nnx.clone(module).stack.count == 3


def test_it_is_tabulated_and_displayed(capsys: pytest.CaptureFixture[str]) -> None:
    table = nnx.tabulate(module_of(TEXT), jnp.ones((2, 6)))
    assert table.count("Network") == 3  # the title, the network, and what it is put forward by
    assert "stack/" in table
    nnx.display(module_of(TEXT))
    shown = capsys.readouterr().out
    assert "stack=Stack(" in shown
    assert "remat='dots'" in shown


def test_orbax_stores_it_and_gives_it_back(tmp_path: Path) -> None:
    module, other = module_of(TEXT), module_of(TEXT, seed=1)
    numbers = nnx.to_pure_dict(nnx.state(module, nnx.Not(nnx.RngState)))
    with ocp.StandardCheckpointer() as checkpointer:
        checkpointer.save(tmp_path / "state", numbers)
        checkpointer.wait_until_finished()
        restored = checkpointer.restore(tmp_path / "state", numbers)
    state = nnx.state(other, nnx.Not(nnx.RngState))
    nnx.replace_by_pure_dict(state, restored)
    nnx.update(other, state)
    module.eval()
    other.eval()
    np.testing.assert_array_equal(module(jnp.ones((2, 6))), other(jnp.ones((2, 6))))


def test_an_optimizer_of_nnx_trains_it() -> None:
    import optax

    module = module_of("dense8, res(dense8, ln, swish)*3, dense1")
    optimizer = nnx.Optimizer(module, optax.adam(1e-2), wrt=nnx.Param)
    x = jax.random.normal(jax.random.key(0), (16, 6))

    @nnx.jit
    def step(module: Any, optimizer: Any) -> jax.Array:
        loss, gradients = nnx.value_and_grad(lambda module: jnp.mean(jnp.square(module(x) - 1.0)))(module)
        optimizer.update(module, gradients)
        return loss

    losses = [float(step(module, optimizer)) for _ in range(20)]
    assert losses[-1] < 0.5 * losses[0]


# --- how it begins --------------------------------------------------------------------------------------------------------


def kernels(text: str, seed: int) -> Iterator[np.ndarray[Any, Any]]:
    """The kernels of every layer, laid out layer by layer."""
    network = network_of(text)
    layers = unstack(network, nnx.state(build(network, 64, rngs=nnx.Rngs(seed)), nnx.Param))
    for path, variable in sorted(nnx.to_flat_state(layers), key=lambda pair: str(pair[0])):
        if path[-1] == "kernel":
            yield np.asarray(variable.get_value())


def distance(one: Any, other: Any) -> float:
    """The largest difference between two empirical distribution functions: Kolmogorov and Smirnov's statistic."""
    found: Any = ks_2samp(one.ravel(), other.ravel())
    return float(found.statistic)


@pytest.mark.parametrize("init", ["lecun_uniform", "he", "orthogonal(1.4)"])
def test_every_layer_of_a_stack_begins_as_that_of_the_unrolled_network(init: str) -> None:
    """Two samples of one law, 64 · 64 numbers each, differ by more than this in less than one of a million draws."""
    body = f"res(2x<dense(64, init={init}), swish>)"
    threshold = 2.7 * (2 / 64**2) ** 0.5
    stacked, other = list(kernels(f"{body}*8", 0)), list(kernels(f"8x {body}", 1))
    assert len(stacked) == len(other) == 16
    for one, wanted in zip(stacked, other, strict=True):
        assert distance(one, wanted) < threshold
    assert len({float(kernel[0, 0]) for kernel in stacked}) == 16


def test_another_law_would_be_noticed() -> None:
    threshold = 2.7 * (2 / 64**2) ** 0.5
    one, other = next(kernels("(dense(64, init=he))*8", 0)), next(kernels("8x dense64", 1))
    assert distance(one, other) > threshold


def test_constants_begin_as_those_of_the_unrolled_network() -> None:
    network = network_of("res(dense8, ln, scale0.1, rezero, dense(8, init=zeros), gate=highway)*3")
    one = nnx.state(build(network, 8, rngs=nnx.Rngs(0)), nnx.Param)
    other = nnx.state(build(unrolled(network), 8, rngs=nnx.Rngs(0)), nnx.Param)
    layers = {path: v.get_value() for path, v in nnx.to_flat_state(unstack(network, one))}
    compared = 0
    for path, variable in nnx.to_flat_state(other):
        if len(np.unique(variable.get_value())) == 1:
            np.testing.assert_array_equal(layers[path], variable.get_value())
            compared += 1
    assert compared == 3 * 8  # three biases, two of ln, scale, rezero, and the kernel of zeros


# --- bad input ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("x", "got"),
    [
        (jnp.ones((2, 5)), "f32[2, 5]"),
        (jnp.ones(()), "f32[]"),
        (jnp.ones((2, 6), int), "i32[2, 6]"),
        (jnp.ones((2, 6), jnp.bfloat16), "bf16[2, 6]"),
        (jnp.ones((2, 6), jnp.complex64), "c64[2, 6]"),
        (jnp.ones((2, 6), bool), "bool[2, 6]"),
        ([[1.0] * 6], "list"),
        (None, "NoneType"),
    ],
)
def test_an_input_of_another_type_is_refused_by_name(x: Any, got: str) -> None:
    actor = archlang.parse("actor = dense8, gaussian2").networks["actor"]
    with pytest.raises(DiagnosticError) as refused:
        build(actor, 6, rngs=nnx.Rngs(0))(x)
    (found,) = refused.value.diagnostics
    assert (found.code, found.message) == ("E0802", f"`actor` takes f32[…, 6]; got {got}")


def test_under_a_transform_too() -> None:
    module = module_of("dense8, (ln)*3")
    with pytest.raises(DiagnosticError, match="E0802"):
        jax.jit(module)(jnp.ones((2, 5)))


@pytest.mark.parametrize("remat", ["none", "dots", "full", "nested"])
def test_a_body_that_changes_its_type_while_it_runs_is_named(remat: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a plug-in's layer can do, whose `output` says otherwise."""

    class Narrow(nnx.Module):
        def __call__(self, x: jax.Array) -> jax.Array:
            return x.astype(jnp.bfloat16)

    monkeypatch.setattr("archlang.lower.activation.activation", lambda layer, x, rngs: Narrow())
    assert Tanh.lowering == "archlang.lower.activation:activation"
    with pytest.raises(DiagnosticError) as refused:
        module_of(f"dense8, @remat({remat}) (tanh)*4")(jnp.ones((2, 6)))
    (found,) = refused.value.diagnostics
    assert (found.code, found.message) == ("E0803", "the body of a stack takes f32[2, 8] and gives bf16[2, 8]")


def test_a_batch_of_no_rows_gives_no_rows_and_no_gradient() -> None:
    module, x = module_of("dense8, res(dense8, ln, swish)*3"), jnp.ones((0, 6))
    assert module(x).shape == (0, 8)
    graph, state = nnx.split(module)
    gradient = jax.grad(lambda state: nnx.merge(graph, state)(x).sum())(state)
    assert all(not bool(jnp.any(leaf)) for leaf in jax.tree.leaves(gradient))


def test_nan_passes_through_and_is_not_hidden() -> None:
    for text in ("dense8, res(dense8, ln, swish)*3", "(relu)*2", "(l2)*2", "res(dense6, rms)*2", "par(tanh; id)"):
        y = module_of(text)(jnp.full((2, 6), jnp.nan))
        assert bool(jnp.all(jnp.isnan(y))), text


def test_one_row_of_nan_stays_one_row() -> None:
    x = jnp.ones((3, 6)).at[1].set(jnp.nan)
    y = module_of("dense8, res(dense8, ln, swish)*3")(x)
    np.testing.assert_array_equal(jnp.isnan(y).all(-1), [False, True, False])
    assert isinstance(network_of("ln").body, ir.Layer)
