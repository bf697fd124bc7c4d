"""The FLOPs of backward passes in closed form, against the matrix products in what jax would run. Nothing is compiled."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import pytest
from flax import nnx
from hypothesis import given, settings
from jax.interpreters import partial_eval
from test_analysis import HUMANOID, REQUIRED, WITHOUT_SHRINKING, body_of, inner, lowered, products, rows, times
from unrolling import unrolled

import archlang
from archlang import ir
from archlang.analysis.flops import elementwise, flops
from archlang.analysis.work import of_network, recomputed, run_flops, update
from archlang.layers import LAYERS
from archlang.passes.rewrite import bottom_up
from archlang.testing import Sizes, networks
from archlang.types import Type
from archlang.unparse import unparse

BATCH = 512


# --- matrix products --------------------------------------------------------------------------------------------------


def needed(jaxpr: Any) -> int:
    """The FLOPs of the products that an output depends on."""
    return products(partial_eval.dce_jaxpr(jaxpr, [True] * len(jaxpr.outvars))[0])


def jax_backward(node: ir.Node, in_features: int, *, to_input: bool = False) -> int:
    """One row forward and backward, to the parameters or to the input alone."""
    graph, params, rest = nnx.split(lowered(node, in_features), nnx.Param, ...)

    def gradient(params: Any, rest: Any, x: jax.Array) -> Any:
        def apply(params: Any, x: jax.Array) -> Any:
            return nnx.merge(graph, params, rest, copy=True)(x)

        y, backward = jax.vjp(lambda x: apply(params, x), x) if to_input else jax.vjp(lambda p: apply(p, x), params)
        return y, backward(jax.tree.map(jnp.ones_like, y))

    return needed(jax.make_jaxpr(gradient)(params, rest, rows(1, in_features)).jaxpr)


def counted(node: ir.Node, in_features: int) -> int:
    whole, again, _ = of_network(node, Type.of_input(in_features), 0, 0)
    return whole + again


def counted_to_input(node: ir.Node, in_features: int) -> int:
    x = Type.of_input(in_features)
    return 2 * flops(node, x) + recomputed(node, x, False)


PIECES = [
    "dense8, ln, swish, dense5",
    "ln, dense8, dense5",
    "swish, dense8, dense5",
    "rsnorm, dense8",
    "4x dense6, dense3",
    "2x<dense6, relu>",
    "par(dense8; swish, dense8; concat_input, dense8), dense5",
    "par(dense8; ln, dense8, join=concat)",
    "res(dense6, gate=sigmoid), dense5",
    "res(id, gate=highway)",
    "res(dense6, post=dense6)",
    "dense8, concat_input, dense5",
    "dense8, gaussian3",
    "(dense6)*3, dense5",
    "dense8, @remat(none) res(2x<dense8, ln, swish>)*3, dense5",
    "dense8, @remat(full) res(2x<dense8, ln, swish>)*3, dense5",
    "dense8, @remat(full) res(ln, dense8)*3, dense5",
    "dense8, @remat(full) (dense8, dense8)*3",
    "dense8, @remat(full) res(tanh, gate=sigmoid)*3",
    "dense8, @remat(full) res(ln, gate=highway, post=dense8)*3",
    "dense8, @remat(full) par(dropout0.1, dense8; dense8, swish; dense8, dense8)*3",
    "dense8, @remat(full) (swish, dense8, (dense8, relu)*4)*3",
    "dense8, @remat(nested) res(2x<dense8, ln, swish>)*11",
    "dense8, @remat(nested) (swish, dense8)*5",
    "dense8, @remat(nested) (dense8, (dense8)*3)*5",
    "dense8, (dense8, @remat(full) (dense8, swish)*3)*2",
    "dense8, @remat(full) (dense8, @remat(full) (dense8, swish)*3)*2",
]


@pytest.mark.parametrize("text", PIECES)
def test_products_of_a_backward_pass_are_those_that_jax_needs(text: str) -> None:
    node = body_of(text)
    assert counted(node, 6) == jax_backward(node, 6)
    assert counted_to_input(node, 6) == jax_backward(node, 6, to_input=True)


@pytest.mark.slow
@settings(max_examples=25, phases=WITHOUT_SHRINKING)
@given(networks(Sizes(min_width=2, casts=True)))
def test_products_of_any_backward_pass(drawn: tuple[ir.Network, int]) -> None:
    network, width = drawn
    for remat in ("none", "dots", "full", "nested"):
        body = with_policy(network.body, remat)
        assert counted(body, width) == jax_backward(body, width)
        assert counted_to_input(body, width) == jax_backward(body, width, to_input=True)
    assert of_network(network.body, Type.of_input(width), 0, 0)[0] >= counted(unrolled(network.body), width)


def with_policy(node: Any, remat: str) -> Any:
    return bottom_up(node, lambda each: each.model_copy(update={"remat": remat}) if loops(each) else each)


def loops(node: ir.Node) -> bool:
    return isinstance(node, ir.Repeat) and node.is_loop


# --- an update --------------------------------------------------------------------------------------------------------


def paper(depth: int) -> tuple[dict[str, ir.Network], dict[str, Type]]:
    spec = archlang.load("wang2025/base").bind(depth=depth, action_dim=HUMANOID.action_dim)
    return dict(spec.networks), {name: Type.of_input(HUMANOID.in_features(name)) for name in spec.networks}


def test_an_update_of_the_paper_s_networks_makes_twelve_passes() -> None:
    """Each dense layer between the first and the last is passed twelve times: its products are twelve of one pass."""
    one, two = (update(*paper(depth), BATCH) for depth in (4, 8))
    assert two.networks - one.networks == 12 * BATCH * 4 * 2 * 256**2
    first = BATCH * 2 * 256 * (2 * (268 + 3) + 4 * (268 + 17) + 3 * 3)  # those of the input: no gradient to the data
    heads = BATCH * 2 * 256 * (3 * 2 * 17 + 5 * 64 + 4 * 64)
    assert one.networks == 12 * BATCH * 4 * 2 * 256**2 + first + heads
    assert one.loss == 6 * 64 * BATCH**2


def test_networks_without_roles_go_forward_and_backward() -> None:
    network = archlang.parse("dense8, swish, dense5").networks["network"]
    work = update({"net": network, "other": network}, {"net": Type.of_input(6), "other": Type.of_input(6)}, 3)
    assert work.networks == 2 * 3 * (3 * 2 * (6 * 8 + 8 * 5) - 2 * 6 * 8)
    assert work.elementwise == 2 * 3 * 3 * (8 + 2 * 8 + 5)
    assert (work.loss, work.recomputed) == (0, 0)
    assert work.total == work.networks + work.elementwise == sum(work.as_json().values())


def test_an_update_of_a_billion_layers_is_counted_exactly() -> None:
    one, two = (update(*paper(4 * blocks), BATCH).networks for blocks in (1, 10**9))
    assert two - one == (10**9 - 1) * 12 * BATCH * 4 * 2 * 256**2


def test_a_run_is_its_updates_and_the_steps_of_its_actor() -> None:
    networks, types = paper(4)
    acting = flops(networks["actor"].body, types["actor"])
    assert run_flops(networks, types, BATCH, 10, 1000) == 10 * update(networks, types, BATCH).networks + 1000 * acting
    assert run_flops({"net": networks["actor"]}, {"net": types["actor"]}, BATCH, 1) > 0


# --- everything else --------------------------------------------------------------------------------------------------

# No arithmetic of their own.
MOVED = {"broadcast_in_dim", "concatenate", "convert_element_type", "copy", "dot_general", "reshape", "squeeze", "transpose"}
WIDTH = 1000
OVER_ROWS = {"bn", "rsnorm", "dropout"}  # they do other things once for all rows, or draw random numbers


def operations(jaxpr: Any) -> int:
    return sum(times(e) * sum(map(operations, bodies)) if (bodies := list(inner(e))) else numbers(e) for e in jaxpr.eqns)


def numbers(equation: Any) -> int:
    """How many numbers an operation makes, or sums up."""
    if equation.primitive.name in MOVED:
        return 0
    return equation.invars[0].aval.size if equation.primitive.name.startswith("reduce") else equation.outvars[0].aval.size


COMBINED = (
    *("dense(7, bias=false)", "res(swish)", "res(swish, scale=0.1)", "res(swish, gate=sigmoid)", "res(swish, gate=highway)"),
    *("par(swish; relu; tanh)", "par(ln; id, join=concat)", "dropout0", "4x swish", "(swish)*4"),
)
ALONE = [ir.Layer(name=name, arguments=REQUIRED.get(name, ())) for name in LAYERS if name not in OVER_ROWS]


@pytest.mark.parametrize("node", [*ALONE, *map(body_of, COMBINED)], ids=unparse)
def test_operations_on_single_numbers_are_those_of_jax(node: ir.Node) -> None:
    """But for a few that are done once for a row."""
    graph, state = nnx.split(lowered(node, WIDTH))
    forward = jax.make_jaxpr(lambda state, x: nnx.merge(graph, state, copy=True)(x))
    counted = elementwise(node, Type.of_input(WIDTH))
    assert 0 <= operations(forward(state, rows(1, WIDTH)).jaxpr) - counted <= 7


@pytest.mark.parametrize(("text", "each"), [("bn", 7), ("rsnorm", 6), ("dropout0.1", 3)])
def test_operations_over_rows(text: str, each: int) -> None:
    assert elementwise(body_of(text), Type.of_input(WIDTH)) == each * WIDTH
