"""What single layers promise beyond their definition: where they start, their one form, and their place in a network."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from hypothesis import given, settings

import archlang
from archlang import ir
from archlang.arithmetic import FLOAT32
from archlang.layers import LAYERS, LayerType, make_layer
from archlang.limits import MAX_NUMBER, MIN_NUMBER
from archlang.lower import build
from archlang.testing import Sizes, networks


def module_of(text: str, width: int) -> Any:
    return build(archlang.parse(text).networks["network"], width, rngs=nnx.Rngs(0))


# --- one form ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("dropout0", "dropout(rate=0.0)"),
        ("scale1", "scale"),
        ("scale(init=-0)", "scale0"),
        ("leaky0.010", "leaky"),
        ("dense(3, init=orthogonal(1))", "dense(3, init=orthogonal)"),
        ("dense(3, init=orthogonal(2))", "dense(3, init=orthogonal(2.0))"),
    ],
)
def test_what_is_written_in_two_ways_is_one_network(one: str, other: str) -> None:
    networks = [archlang.parse(text).networks["network"] for text in (one, other)]
    assert networks[0] == networks[1]
    assert networks[0].hash == networks[1].hash


@pytest.mark.parametrize("arguments", [(("rate", 0),), (("rate", 1.0),), (("rate", True),), (("rate", "0.1"),), ()])
def test_the_ir_refuses_what_is_not_the_one_form(arguments: Any) -> None:
    with pytest.raises(ValueError, match="dropout"):
        ir.Layer(name="dropout", arguments=arguments)


BEYOND_FLOAT32 = (1e39, -1e39, 1e-39, -1e-39, float("inf"), float("nan"), 10**400)


@pytest.mark.parametrize("value", [0.0, 1, MAX_NUMBER, -MAX_NUMBER, MIN_NUMBER, -MIN_NUMBER])
def test_a_number_is_one_of_float32(value: float) -> None:
    assert make_layer("scale", (("init", value),)).arguments() in (((("init", value),)), ())


@pytest.mark.parametrize("value", BEYOND_FLOAT32)
def test_a_number_that_float32_cannot_hold_is_refused(value: float) -> None:
    with pytest.raises(ValueError, match=r"scale\(init="):
        make_layer("scale", (("init", value),))
    with pytest.raises(ValueError, match=r"dense\(init="):
        make_layer("dense", (("features", 4), ("init", f"orthogonal({abs(value)!r})")))


def test_the_bounds_are_those_of_float32() -> None:
    bounds = np.finfo(np.float32)
    assert (float(bounds.max), float(bounds.smallest_normal)) == (MAX_NUMBER, MIN_NUMBER)
    assert float(jax.jit(lambda x: x * np.float32(0.5))(np.float32(MIN_NUMBER))) == 0  # XLA has nothing between


@pytest.mark.parametrize("layer", LAYERS.values(), ids=LAYERS)
def test_an_example_is_a_layer_of_the_ir(layer: type[LayerType]) -> None:
    made = layer.example()
    assert ir.Layer(name=layer.name, arguments=made.arguments()).layer == made


@pytest.mark.parametrize("bound", ["1.18e-38", "-3.40e38"])
def test_the_bounds_that_a_message_names_can_be_written(bound: str) -> None:
    assert bound.lstrip("-") in FLOAT32
    assert np.isfinite(module_of(f"scale({bound})", 2)(jnp.ones((1, 2)))).all()


# --- parameters -------------------------------------------------------------------------------------------------------


COUNTS = {"bn": 12, "l2": 0, "crelu": 0, "leaky": 0, "scale0.1": 6, "rezero": 1, "rsnorm": 0, "dropout0.1": 0}
GATES = {"res(id, gate=sigmoid)": 42, "res(crelu, dense6, gate=highway, post=bn)": 132}


@pytest.mark.parametrize(("text", "params"), [*COUNTS.items(), *GATES.items(), ("concat_input, dense6", 78)])
def test_parameters_are_counted_as_they_are_made(text: str, params: int) -> None:
    network = archlang.parse(text).networks["network"]
    module = nnx.eval_shape(lambda: build(network, 6, rngs=nnx.Rngs(0)))
    assert sum(leaf.size for leaf in jax.tree.leaves(nnx.state(module, nnx.Param))) == network.num_params(6) == params


def test_a_residual_with_rezero_starts_as_the_identity() -> None:
    x = jnp.arange(12.0).reshape(2, 6)
    np.testing.assert_array_equal(module_of("res(dense6, rezero)*3", 6)(x), x)
    np.testing.assert_array_equal(module_of("scale0.1", 6)(x), x * np.float32(0.1))


@pytest.mark.parametrize(("gate", "bias"), [("sigmoid", 0.0), ("highway", -1.0)])
def test_a_gate_starts_half_open_and_that_of_a_highway_rather_shut(gate: str, bias: float) -> None:
    module = module_of(f"res(id, gate={gate})", 6)
    np.testing.assert_array_equal(module.res.gate.linear.bias[...], bias)
    assert float(jnp.abs(module.res.gate.linear.kernel[...]).max()) <= 6**-0.5


@pytest.mark.slow
@pytest.mark.parametrize(("init", "gain"), [("orthogonal", 1), ("orthogonal(1.4)", 1.4)])
@pytest.mark.parametrize(("rows", "columns"), [(6, 6), (6, 10), (10, 6)])
def test_orthogonal_kernels_are_orthogonal_with_their_gain(init: str, gain: float, rows: int, columns: int) -> None:
    kernels = module_of(f"dense{rows}, (dense({columns}, init={init}), dense{rows})*2", 4).items[1].body.items[0].kernel[...]
    for kernel in np.asarray(kernels):
        short = kernel @ kernel.T if rows <= columns else kernel.T @ kernel
        np.testing.assert_allclose(short, gain**2 * np.eye(len(short)), atol=1e-5)
    assert np.any(kernels[0] != kernels[1])


def test_the_gradient_of_l2_is_finite_at_zero() -> None:
    module = module_of("l2", 6)
    gradient = jax.grad(lambda x: module(x).sum())(jnp.zeros((2, 6)))
    np.testing.assert_allclose(gradient, 1e6, rtol=1e-5)
    np.testing.assert_allclose(jnp.linalg.norm(module(1e-3 * jnp.ones((2, 6))), axis=-1), 1, rtol=1e-6)


# --- the network's input ----------------------------------------------------------------------------------------------

X = jnp.asarray(np.random.default_rng(0).normal(size=(2, 6)), jnp.float32)


def test_concat_input_alone_and_in_a_sequence() -> None:
    np.testing.assert_array_equal(module_of("concat_input", 6)(X), jnp.concatenate([X, X], -1))
    module = module_of("dense3, concat_input", 6)
    np.testing.assert_array_equal(module(X), jnp.concatenate([module.items[0](X), X], -1))


@pytest.mark.parametrize(
    "text",
    [
        "dense3, (concat_input, dense3)*2",
        "dense3, @remat(none) (concat_input, dense3)*2",
        "dense3, 2x<concat_input, dense3>",
        "dense3, (@dtype(f32) (concat_input, dense3))*2",
        "dense3, ((concat_input, dense3)*2)*1",
    ],
)
def test_in_every_place_it_is_the_input_of_the_network(text: str) -> None:
    """The same as when the input is put beside the value by hand."""
    module = module_of(text, 6)
    value = module.items[0](X)
    for kernel, bias in weights(module):
        value = jnp.concatenate([value, X], -1) @ kernel + bias
    np.testing.assert_allclose(module(X), value, atol=1e-6)


def weights(module: Any) -> Any:
    """Kernel and bias of the two copies, which stand behind the first layer."""
    leaves = [leaf for item in module.items[1:] for leaf in jax.tree.leaves(nnx.to_pure_dict(nnx.state(item, nnx.Param)))]
    kernels = jnp.concatenate([leaf.reshape(-1, 9, 3) for leaf in leaves if leaf.shape[-2:] == (9, 3)])
    biases = jnp.concatenate([leaf.reshape(-1, 3) for leaf in leaves if leaf.shape[-2:] != (9, 3)])
    return zip(kernels, biases[:, None], strict=True)


def test_in_residuals_and_branches_it_is_the_input_of_the_network() -> None:
    module = module_of("dense3, res(concat_input, dense3, post=concat_input)", 6)
    value = module.items[0](X)
    summed = value + module.items[1].body.items[1](jnp.concatenate([value, X], -1))
    np.testing.assert_allclose(module(X), jnp.concatenate([summed, X], -1), atol=1e-6)
    module = module_of("dense3, par(concat_input; id, join=concat)", 6)
    value = module.items[0](X)
    np.testing.assert_allclose(module(X), jnp.concatenate([value, X, value], -1), atol=1e-6)


def test_in_a_cast_the_input_is_cast_where_it_is_used() -> None:
    y = module_of("dense3, @dtype(bf16) concat_input", 6)(X)
    assert y.dtype == jnp.float32
    np.testing.assert_array_equal(y[:, 3:], X.astype(jnp.bfloat16).astype(jnp.float32))


def test_gradients_reach_the_input_through_every_copy() -> None:
    module = module_of("dense3, (concat_input, dense3)*2", 6)
    unrolled = jax.grad(lambda x: module(x, x).sum())(X)
    np.testing.assert_allclose(jax.grad(lambda x: module(x).sum())(X), unrolled)
    only_first = jax.grad(lambda x: module(x, X).sum())(X)
    assert float(jnp.abs(unrolled - only_first).max()) > 1e-3


# --- the strategy -----------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_every_layer_and_every_kind_of_residual_is_drawn() -> None:
    seen: set[str] = set()

    @settings(max_examples=500, database=None)
    @given(networks(Sizes(casts=True, heads=True, layers=tuple(LAYERS))))
    def draw(drawn: tuple[ir.Network, int]) -> None:
        network, width = drawn
        seen.update(features(network.body))
        archlang.Network(name="n", body=network.body).num_params(width)

    draw()
    arguments = {f"{name} {parameter.name}" for name, layer in LAYERS.items() for parameter in layer.parameters()}
    residuals = {"residual", "residual scale", "residual post", "residual sigmoid", "residual highway"}
    assert seen >= set(LAYERS) | arguments | residuals | {"cast", "orthogonal with gain"}


def features(node: ir.Node) -> set[str]:
    found = set().union(*(features(child) for child in ir.children(node)))
    if isinstance(node, ir.Layer):
        gains = {"orthogonal with gain" for _, value in node.arguments if str(value).startswith("orthogonal(")}
        return found | {node.name} | {f"{node.name} {argument}" for argument, _ in node.arguments} | gains
    if isinstance(node, ir.Residual):
        options = {"scale": node.scale is not None, "post": node.post is not None, node.gate: node.gate is not None}
        return found | {"residual"} | {f"residual {option}" for option, given in options.items() if given}
    return found | {type(node).__name__.lower()}
