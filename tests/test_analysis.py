"""FLOPs and saved activations in closed form, against what jax says of the lowered module. Nothing is compiled."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from math import prod
from typing import Any

import jax
import jax.numpy as jnp
import pytest
from flax import nnx
from hypothesis import Phase, given, settings
from jax.extend.core import Literal
from unrolling import unrolled

import archlang
from archlang import Environment, ir
from archlang.analysis.flops import flops
from archlang.analysis.saved import saved_bytes
from archlang.layers import LAYERS
from archlang.lower import build
from archlang.testing import Sizes, networks
from archlang.types import Type
from archlang.unparse import unparse

HUMANOID = Environment("humanoid", state_dim=268, goal_dim=3, action_dim=17)
# Every example is traced by jax: shrinking a failure would take minutes, and the blob that is printed reproduces it.
WITHOUT_SHRINKING = (Phase.explicit, Phase.reuse, Phase.generate)
ROWS = 10_007  # no other dimension is a multiple of it


def body_of(text: str) -> ir.Expression:
    return archlang.parse(text).networks["network"].body


def lowered(node: ir.Node, in_features: int) -> nnx.Module:
    network = ir.Network.model_construct(name="network", body=node)
    return nnx.eval_shape(lambda: build(network, in_features, rngs=nnx.Rngs(0)))


def rows(count: int, in_features: int) -> jax.ShapeDtypeStruct:
    return jax.ShapeDtypeStruct((count, in_features), jnp.float32)


# --- FLOPs ------------------------------------------------------------------------------------------------------------


def jax_flops(node: ir.Node, in_features: int) -> int:
    """The FLOPs of the matrix products of one row; what is in a loop counts as often as it runs."""
    graph, state = nnx.split(lowered(node, in_features))
    forward = jax.make_jaxpr(lambda state, x: nnx.merge(graph, state, copy=True)(x))
    return products(forward(state, rows(1, in_features)).jaxpr)


def products(jaxpr: Any) -> int:
    return sum(product(e) + times(e) * sum(map(products, inner(e))) for e in jaxpr.eqns)


def product(equation: Any) -> int:
    """Two for each multiply-add: every number of the output is a sum over the contracted axes."""
    if equation.primitive.name != "dot_general":
        return 0
    (contracted, _), _ = equation.params["dimension_numbers"]
    shape = equation.invars[0].aval.shape
    return 2 * prod(equation.outvars[0].aval.shape) * prod(shape[axis] for axis in contracted)


def times(equation: Any) -> int:
    return equation.params["length"] if equation.primitive.name == "scan" else 1


def inner(equation: Any) -> Iterator[Any]:
    """The jaxprs inside an equation: of a scan, a jit, a checkpoint."""
    for value in equation.params.values():
        if hasattr(value, "eqns"):
            yield value
        elif hasattr(value, "jaxpr"):
            yield value.jaxpr


@pytest.mark.parametrize("depth", [4, 64, 1024])
def test_flops_of_the_paper_s_networks(depth: int) -> None:
    spec = archlang.load("wang2025/base").bind(depth=depth, action_dim=HUMANOID.action_dim)
    for name, network in spec.networks.items():
        width = HUMANOID.in_features(name)
        assert flops(network.body, Type.of_input(width)) == jax_flops(network.body, width)


def test_flops_of_the_paper_s_networks_unrolled() -> None:
    spec = archlang.load("wang2025/base").bind(depth=16, action_dim=HUMANOID.action_dim)
    for name, network in spec.networks.items():
        width = HUMANOID.in_features(name)
        assert flops(network.body, Type.of_input(width)) == jax_flops(unrolled(network.body), width)


@pytest.mark.slow
@settings(max_examples=60, phases=WITHOUT_SHRINKING)
@given(networks(Sizes(min_width=2, casts=True, heads=True)))
def test_flops_are_those_of_the_unrolled_network(drawn: tuple[ir.Network, int]) -> None:
    network, width = drawn
    counted = flops(network.body, Type.of_input(width))
    assert counted == jax_flops(network.body, width)
    assert counted == jax_flops(unrolled(network.body), width)


@pytest.mark.parametrize(
    ("text", "each"),
    [
        ("dense512", 2 * 256 * 512),
        ("dense(512, bias=false)", 2 * 256 * 512),
        ("gaussian17", 2 * 2 * 256 * 17),
        ("res(ln, gate=highway)", 2 * 256 * 256),
        ("par(dense8; dense8, join=concat)", 2 * 2 * 256 * 8),
        ("ln, swish, dropout0.1", 0),
        ("res(4x<dense256, ln, swish>)*250", 2 * 1000 * 256 * 256),
        ("res(4x<dense256, ln, swish>, post=dense256)*1000000000", 2 * 5 * 10**9 * 256 * 256),
        ("50x dense256", 2 * 50 * 256 * 256),
    ],
)
def test_flops(text: str, each: int) -> None:
    assert flops(body_of(text), Type.of_input(256)) == each == jax_flops(body_of(text), 256)


# --- saved activations ------------------------------------------------------------------------------------------------


def jax_saved_bytes(node: ir.Node, in_features: int) -> float:
    """The bytes of a row in what `jax.vjp` keeps, but for arguments and for values that depend on none."""
    graph, params, rest = nnx.split(lowered(node, in_features), nnx.Param, ...)

    def forward(params: Any, rest: Any, x: jax.Array) -> Any:
        def apply(params: Any, x: jax.Array) -> Any:
            module = nnx.merge(graph, params, rest, copy=True)
            return module(x), nnx.state(module, nnx.Not(nnx.Param))

        _, backward, _ = jax.vjp(apply, params, x, has_aux=True)
        return backward

    jaxpr = jax.make_jaxpr(forward)(params, rest, rows(ROWS, in_features)).jaxpr
    arguments = set(jaxpr.invars)
    kept = {value for value in variables(jaxpr.outvars) if value not in arguments} & depending(jaxpr, arguments)
    return sum(value.aval.size * value.aval.dtype.itemsize for value in kept if ROWS in value.aval.shape) / ROWS


def variables(values: Iterable[Any]) -> list[Any]:
    return [value for value in values if not isinstance(value, Literal)]


def depending(jaxpr: Any, known: set[Any]) -> set[Any]:
    """The variables that are computed from known ones; jax hides some constants, as of `relu`, in functions of its own."""
    found = set(known)
    for equation in jaxpr.eqns:
        if equation.primitive.name == "jit":
            (body,) = inner(equation)
            reached = depending(body, {v for v, a in zip(body.invars, equation.invars, strict=True) if is_in(a, found)})
            found |= {v for v, b in zip(equation.outvars, body.outvars, strict=True) if is_in(b, reached)}
        elif any(value in found for value in variables(equation.invars)):
            found |= set(equation.outvars)
    return found


def is_in(value: Any, found: set[Any]) -> bool:
    return not isinstance(value, Literal) and value in found


REQUIRED: dict[str, tuple[tuple[str, Any], ...]] = {
    "dense": (("features", 7),),
    "gaussian": (("action_dim", 5),),
    "dropout": (("rate", 0.1),),
}
LAYER_NODES = [ir.Layer(name=name, arguments=REQUIRED.get(name, ())) for name in LAYERS]
OTHERS = [
    "dropout0",
    "res(tanh, scale=0.1)",
    "res(tanh, gate=sigmoid)",
    "res(ln, gate=highway)",
    "res(id, scale=0.1, gate=highway)",
    "res(ln, post=rms)",
    "par(dense8, ln; dense8)",
    "par(ln; swish)",
    "par(ln; id, join=concat)",
    "concat_input, tanh",
]
PIECES = [*LAYER_NODES, *map(body_of, OTHERS)]


@pytest.mark.parametrize("dtype", ["f32", "bf16"])
@pytest.mark.parametrize("piece", PIECES, ids=unparse)
def test_what_each_piece_saves_is_what_jax_keeps(piece: ir.Expression, dtype: Any) -> None:
    """Alone, and before a layer that needs its output; at two widths."""
    last = isinstance(piece, ir.Layer) and piece.name == "gaussian"
    for width in (8, 31):
        for inside in (piece,) if last else (piece, ir.Sequence(items=(piece, dense(3)))):
            cast = ir.Cast(dtype=dtype, body=inside)
            assert saved_bytes(cast, Type.of_input(width)) == jax_saved_bytes(cast, width)


def dense(features: int) -> ir.Layer:
    return ir.Layer(name="dense", arguments=(("features", features),))


# Of one block of the paper, one row: 28 values of 256 numbers and 16 numbers; 5 values; 1. For a batch of 512 that is 14.03,
# 2.5 and 0.5 MiB, and with 1.01 MiB of gradients what XLA needs for a block more.
PER_BLOCK = {"none": 4 * (28 * 256 + 16), "dots": 4 * 5 * 256, "full": 4 * 256}


@pytest.mark.parametrize("depth", [2, 16, 250])
@pytest.mark.parametrize("remat", PER_BLOCK)
def test_what_the_paper_s_blocks_save_under_each_policy(remat: str, depth: int) -> None:
    node = body_of(f"@remat({remat}) res(4x<dense256,ln,swish>)*{depth}")
    assert saved_bytes(node, Type.of_input(256)) == depth * PER_BLOCK[remat] == jax_saved_bytes(node, 256)


def test_the_plan_s_default_is_that_of_the_lowering() -> None:
    blocks = "res(4x<dense256,ln,swish>)*16"
    assert saved_bytes(body_of(blocks), Type(256)) == saved_bytes(body_of(f"@remat(dots) {blocks}"), Type(256))


@pytest.mark.slow
@settings(max_examples=120, phases=WITHOUT_SHRINKING)
@given(networks(Sizes(casts=True, heads=True), depth=4))
def test_what_any_network_saves_is_what_jax_keeps(drawn: tuple[ir.Network, int]) -> None:
    network, width = drawn
    assert saved_bytes(network.body, Type.of_input(width)) == jax_saved_bytes(network.body, width)


def test_any_count_is_a_number() -> None:
    x = Type.of_input(256)
    copies = 10**9
    assert saved_bytes(body_of(f"res(dense256, ln)*{copies}"), x) == copies * 4 * 2 * 256
    one, two, many, more = (
        saved_bytes(ir.Repeat(body=body_of("tanh, ln"), count=n, stacked=False), x) for n in (1, 2, copies, copies + 1)
    )
    assert more - many == two - one > 0


@pytest.mark.parametrize("count", [flops, saved_bytes])
def test_an_unknown_width_is_refused(count: Any) -> None:
    with pytest.raises(ValueError, match="depends on a width that is not known"):
        count(body_of("dense8"), Type.of_input(None))
