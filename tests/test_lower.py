"""What is trained is what was written: parameter counts, and stacks against the same network unrolled."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from typing import Any, get_args

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from unrolling import as_written, unrolled, unstacked

import archlang
from archlang import Environment, ir
from archlang.lower import build
from archlang.testing import Sizes, networks

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("quickly_compiled")]  # they compile

# Every example compiles programs: shrinking a failure would take minutes, and the blob that is printed reproduces it.
WITHOUT_SHRINKING = (Phase.explicit, Phase.reuse, Phase.generate)
HUMANOID = Environment("humanoid", state_dim=268, goal_dim=3, action_dim=17)


def shapes_only(network: ir.Network, in_features: int) -> nnx.Module:
    return nnx.eval_shape(lambda: build(network, in_features, rngs=nnx.Rngs(0)))


def count(module: nnx.Module) -> int:
    return sum(leaf.size for leaf in jax.tree.leaves(nnx.state(module, nnx.Param)))


# --- parameter counts -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("depth", "params"), [(4, 982_690), (64, 12_917_410), (1024, 203_872_930)])
def test_counts_of_the_paper_equal_the_lowered_modules(depth: int, params: int) -> None:
    spec = archlang.load("wang2025/base").bind(depth=depth, action_dim=HUMANOID.action_dim)
    lowered = {name: shapes_only(net, HUMANOID.in_features(name)) for name, net in spec.networks.items()}
    assert sum(count(module) for module in lowered.values()) == params
    assert archlang.check(spec, env=HUMANOID).params == params


def test_a_thousand_layers() -> None:
    network = archlang.parse("res(4x<dense256,ln,swish>)*250").networks["network"]
    assert count(shapes_only(network, 256)) == network.num_params(256) == 66_304_000
    assert network.dense_layers == 1000


@settings(max_examples=40)
@given(networks(Sizes(casts=True, heads=True)))
def test_the_closed_form_counts_what_the_module_has(drawn: tuple[ir.Network, int]) -> None:
    network, width = drawn
    assert archlang.Network(name="n", body=network.body).num_params(width) == count(shapes_only(network, width))


# --- stacks against unrolled networks ---------------------------------------------------------------------------------


def leaves_by_path(state: Any) -> dict[str, Any]:
    return {jax.tree_util.keystr(path): leaf for path, leaf in jax.tree_util.tree_leaves_with_path(state)}


NUMBERS = nnx.Not(nnx.RngState)  # parameters and running statistics


def pure(module: nnx.Module) -> Any:
    return nnx.to_pure_dict(nnx.state(module, NUMBERS))


@dataclass(frozen=True)
class Pair:
    """A network lowered as it is and unrolled, in evaluation, with the same parameters, statistics and inputs."""

    network: ir.Network
    stacked: nnx.Module
    other: nnx.Module
    numbers: Any
    x: jax.Array

    @staticmethod
    def of(network: ir.Network, width: int, seed: int, dtype: Any = jnp.float32) -> Pair:
        stacked, other = evaluating(network, width, seed), evaluating(unrolled(network), width, seed + 1)
        draw = np.random.default_rng(seed)
        noisy = jax.tree.map(lambda leaf: jnp.asarray(leaf + draw.uniform(0, 0.1, leaf.shape), dtype), pure(stacked))
        return Pair(network, stacked, other, noisy, jnp.asarray(draw.normal(size=(3, width)), dtype))

    def outputs(self) -> tuple[Any, Any]:
        others = unstacked(self.network.body, self.numbers)
        return forward(self.stacked)(self.numbers, self.x), forward(self.other)(others, self.x)

    def gradients(self) -> tuple[Any, Any]:
        others = unstacked(self.network.body, self.numbers)
        gradients = gradient(self.stacked)(self.numbers, self.x)
        return unstacked(self.network.body, gradients), gradient(self.other)(others, self.x)


def evaluating(network: ir.Network, width: int, seed: int) -> nnx.Module:
    module = as_written(network, width, seed)
    module.eval()
    return module


def forward(module: nnx.Module) -> Any:
    graph, state, keys = nnx.split(module, NUMBERS, ...)

    def apply(numbers: Any, x: jax.Array) -> Any:
        nnx.replace_by_pure_dict(state, numbers)
        return nnx.merge(graph, state, keys)(x)

    return jax.jit(apply)


def gradient(module: nnx.Module) -> Any:
    apply = forward(module)

    def loss(numbers: Any, x: jax.Array) -> jax.Array:
        y = jnp.concatenate([jnp.ravel(leaf) for leaf in jax.tree.leaves(apply(numbers, x))])
        return jnp.sum(y * jnp.cos(jnp.arange(1.0, y.size + 1, dtype=y.dtype)))

    return jax.jit(jax.grad(loss))


@settings(max_examples=8, phases=WITHOUT_SHRINKING)
@given(networks(Sizes(min_width=8, max_width=16, heads=True)), st.integers(0, 99))
def test_a_stack_computes_what_the_unrolled_network_computes(drawn: tuple[ir.Network, int], seed: int) -> None:
    """Up to rounding: outside and inside a loop, XLA fuses other operations into one."""
    pair = Pair.of(*drawn, seed)
    assert_close(*pair.outputs(), 1e-5)
    assert_close(*pair.gradients(), 1e-5)


@settings(max_examples=10, phases=WITHOUT_SHRINKING)
@given(networks(Sizes(max_width=5)), st.integers(0, 99))
def test_in_float64_gradients_agree_at_any_width(drawn: tuple[ir.Network, int], seed: int) -> None:
    with jax.enable_x64(True):
        pair = Pair.of(*drawn, seed, jnp.float64)
        got, expected = pair.outputs()
        assert got.dtype == expected.dtype == jnp.float64
        assert_close(got, expected, 1e-12)
        assert_close(*pair.gradients(), 1e-10)


@pytest.mark.parametrize("remat", get_args(ir.Remat))
def test_the_paper_s_block_is_bitwise_the_unrolled_one(remat: str) -> None:
    network = archlang.parse(f"dense16, ln, swish, @remat({remat}) res(4x<dense16,ln,swish>)*3").networks["network"]
    pair = Pair.of(network, 8, seed=0)
    np.testing.assert_array_equal(*pair.outputs())
    assert_close(*pair.gradients(), 1e-5)


def assert_close(got: Any, expected: Any, tolerance: float) -> None:
    """Trees that agree, measured by their largest number."""
    got, expected = leaves_by_path(got), leaves_by_path(expected)
    assert got.keys() == expected.keys()
    largest = max((float(jnp.max(jnp.abs(leaf))) for leaf in expected.values()), default=0.0)
    for path, leaf in expected.items():
        np.testing.assert_allclose(got[path], leaf, rtol=0, atol=tolerance * max(largest, 1e-30), err_msg=path)


# --- what the module is like ------------------------------------------------------------------------------------------


def test_a_stack_is_one_scan_whatever_its_count() -> None:
    assert equations(stack_of(2)) == equations(stack_of(1000))
    assert equations(stack_of(2)).count("scan") == 1


def stack_of(count: int) -> Any:
    module = shapes_only(archlang.parse(f"res(dense8, ln, swish)*{count}").networks["network"], 8)
    graph, state = nnx.split(module)
    return jax.make_jaxpr(lambda state, x: nnx.merge(graph, state)(x))(state, jax.ShapeDtypeStruct((2, 8), jnp.float32))


def equations(closed: Any) -> list[str]:
    names: list[str] = []
    for equation in closed.jaxpr.eqns:
        inner = [value for value in equation.params.values() if hasattr(value, "eqns") or hasattr(value, "jaxpr")]
        names += [equation.primitive.name, *(name for jaxpr in inner for name in nested(jaxpr))]
    return names


def nested(jaxpr: Any) -> list[str]:
    return equations(jaxpr if hasattr(jaxpr, "jaxpr") else type("Closed", (), {"jaxpr": jaxpr})())


def test_the_default_policy_keeps_matrix_products_and_nothing_else() -> None:
    """The gradient of a stack recomputes activations, never a matrix product: 1 forward, 2 backward in its loops."""
    assert products("dots") == products("none") == 3
    assert products("full") == 4


def products(remat: str) -> int:
    module = build(archlang.parse(f"@remat({remat}) res(dense8, ln, swish)*5").networks["network"], 8, rngs=nnx.Rngs(0))
    graph, state = nnx.split(module)
    closed = jax.make_jaxpr(jax.grad(lambda state, x: nnx.merge(graph, state)(x).sum()))(state, jnp.ones((2, 8)))
    return equations(closed).count("dot_general")


def test_kernels_are_drawn_from_the_law_of_the_paper() -> None:
    kernels = pure(build(archlang.parse("(dense64)*50").networks["network"], 64, rngs=nnx.Rngs(0)))["stack"]["body"]["kernel"]
    assert kernels.shape == (50, 64, 64)
    assert float(jnp.abs(kernels).max()) <= 1 / 8
    np.testing.assert_allclose(float(kernels.std()), 1 / 8 / 3**0.5, rtol=0.01)
    assert len({float(kernel[0, 0]) for kernel in kernels}) == 50


def test_a_gaussian_bounds_its_log_std() -> None:
    module = build(archlang.parse("gaussian3").networks["network"], 4, rngs=nnx.Rngs(0))
    mean, log_std = module(1e6 * jnp.ones((2, 4)))
    assert mean.shape == log_std.shape == (2, 3)
    assert bool(jnp.all((log_std >= -5) & (log_std <= 2)))


def test_bfloat16_computes_inside_and_keeps_float32_outside() -> None:
    module = build(archlang.parse("@dtype(bf16) (dense8, ln, swish)").networks["network"], 4, rngs=nnx.Rngs(0))
    y = module(jnp.ones((2, 4)))
    assert y.dtype == jnp.float32
    np.testing.assert_array_equal(y, y.astype(jnp.bfloat16).astype(jnp.float32))
    assert {leaf.dtype for leaf in jax.tree.leaves(nnx.state(module, nnx.Param))} == {jnp.dtype("float32")}


def test_more_copies_than_a_loop_counts_are_refused() -> None:
    stacks = archlang.parse(f"a = (id, dense4)*{2**31 - 1}\nb = (id, dense4)*{2**31}").networks
    nnx.eval_shape(lambda: build(stacks["a"], 4, rngs=nnx.Rngs(0)))
    with pytest.raises(archlang.SpecError, match="at most 2,147,483,647 copies; got 2,147,483,648"):
        nnx.eval_shape(lambda: build(stacks["b"], 4, rngs=nnx.Rngs(0)))


def test_a_network_that_does_not_take_the_width_is_refused() -> None:
    with pytest.raises(archlang.SpecError, match=r"E0301.*a stack must keep its width"):
        build(archlang.parse("(dense256, ln)*4").networks["network"], 29, rngs=nnx.Rngs(0))


CLOSED_OVER = ["(dense8, ln)*3", "id*3", "((dense8)*2, swish)*3", "@remat(none) (dense8)*2", "(bn, dropout0.5, rsnorm)*2"]


@pytest.mark.parametrize("text", [*CLOSED_OVER, "res((concat_input, dense8)*2, gate=highway)*2"])
def test_any_transform_of_jax_may_close_over_a_module(text: str) -> None:
    module = evaluating(archlang.parse(text).networks["network"], 8, seed=0)
    x = jnp.ones((2, 8))
    y = module(x)
    np.testing.assert_allclose(jax.jit(lambda x: module(x))(x), y, rtol=1e-6)
    np.testing.assert_allclose(jax.vmap(lambda row: module(row[None])[0])(x), y, rtol=1e-6)
    assert jax.grad(lambda x: module(x).sum())(x).shape == x.shape
    assert jax.eval_shape(lambda x: module(x), x).shape == x.shape
    assert jax.lax.scan(lambda x, _: (module(x), None), x, length=2)[0].shape == x.shape


def test_a_cuda_compiler_without_its_runtime_does_not_complain() -> None:
    """The development environment has one; without JAX_PLATFORMS, jax would start it and print a traceback."""
    environment = {name: value for name, value in os.environ.items() if name != "JAX_PLATFORMS"}
    program = "import archlang.lower, jax; print(jax.devices()[0].platform)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env=environment)
    assert done.stderr == ""
    assert done.stdout.strip()


@pytest.mark.parametrize(
    ("one", "other"),
    [("(dense8*2)*3", "dense8*6"), ("dense8, id, (ln, swish)", "dense8, ln, swish"), ("1x dense8, (ln)*1", "dense8, ln")],
)
def test_networks_of_one_hash_are_lowered_alike(one: str, other: str) -> None:
    """The same parameters from the same seed, in the same places."""
    networks = [archlang.parse(text).networks["network"] for text in (one, other)]
    assert networks[0].hash == networks[1].hash
    states = [leaves_by_path(pure(build(network, 8, rngs=nnx.Rngs(0)))) for network in networks]
    assert states[0].keys() == states[1].keys()
    for path, leaf in states[0].items():
        np.testing.assert_array_equal(leaf, states[1][path])
