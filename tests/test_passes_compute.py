"""What a pass makes of a network gives the same outputs and gradients, with the same parameters."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from hypothesis import Phase, given, settings
from unrolling import as_written, unrolled, unstacked
from written_out import written_out

import archlang
from archlang import ir
from archlang.passes.canonicalize import canonicalize
from archlang.passes.roll import roll
from archlang.testing import Sizes, networks
from archlang.types import Type

# Every example compiles programs: shrinking a failure would take minutes, and the blob that is printed reproduces it.
WITHOUT_SHRINKING = (Phase.explicit, Phase.reuse, Phase.generate)
Drawn = tuple[ir.Network, int]

FEW_SHAPES = Sizes(min_width=3, max_width=4, max_count=3)  # each shape of each operation is compiled once


@pytest.mark.slow
@settings(max_examples=20, phases=WITHOUT_SHRINKING)
@given(networks(FEW_SHAPES))
def test_the_canonical_form_computes_the_same(drawn: Drawn) -> None:
    compare(drawn[0], canonicalize(drawn[0]), drawn[1])


@pytest.mark.slow
@settings(max_examples=20, phases=WITHOUT_SHRINKING)
@given(written_out(FEW_SHAPES))
def test_a_rolled_network_computes_the_same(drawn: Drawn) -> None:
    compare(drawn[0], roll(drawn[0], Type.of_input(drawn[1])), drawn[1])


@pytest.mark.parametrize("text", ["@dtype(bf16) @dtype(bf16) (dense8, ln)", "@dtype(bf16) (id, @dtype(bf16) 1x dense8)"])
def test_one_cast_computes_what_two_do(text: str) -> None:
    network = archlang.parse(text).networks["network"]
    numbers, x = drawn_numbers(network, 8)
    leaves = jax.tree.leaves(numbers)
    np.testing.assert_array_equal(applying(canonicalize(network), 8, x)(leaves), applying(network, 8, x)(leaves))


def compare(before: ir.Network, after: ir.Network, width: int) -> None:
    """Outputs and gradients of both in float64, with the same numbers in the order in which the layers are applied: exactly
    the same outputs where stacks are written out in both; up to rounding where `after` is lowered as it is."""
    with jax.enable_x64(True):
        numbers, x = drawn_numbers(after, width)
        apart = jax.tree.leaves(unstacked(after.body, numbers))
        expected, gradients = outputs_and_gradients(unrolled(before), width, x, apart)
        np.testing.assert_array_equal(applying(unrolled(after), width, x)(apart), expected)
        outputs, stacked = outputs_and_gradients(after, width, x, jax.tree.leaves(numbers))
        assert_close([outputs], [expected])
        tree = jax.tree.unflatten(jax.tree.structure(numbers), stacked)
        assert_close(jax.tree.leaves(unstacked(after.body, tree)), gradients)


def drawn_numbers(network: ir.Network, width: int) -> tuple[Any, Any]:
    """Parameters and statistics of a network, and an input."""
    draw = np.random.default_rng(0)
    shapes = nnx.to_pure_dict(split(network, width)[1])
    numbers = jax.tree.map(lambda leaf: jnp.asarray(draw.uniform(0.1, 0.9, leaf.shape)), shapes)
    return numbers, jnp.asarray(draw.normal(size=(3, width)))


def outputs_and_gradients(network: ir.Network, width: int, x: Any, leaves: list[Any]) -> tuple[Any, list[Any]]:
    apply = applying(network, width, x)

    def loss(leaves: list[Any]) -> Any:
        y = apply(leaves)
        return jnp.sum(y * jnp.cos(jnp.arange(1.0, y.size + 1)).reshape(y.shape)), y

    gradients, y = jax.grad(loss, has_aux=True)(leaves)
    return y, gradients


def applying(network: ir.Network, width: int, x: Any) -> Callable[[list[Any]], Any]:
    """The outputs of a network for `x` as a function of its numbers in their order. Not compiled, so that equal is exact."""
    graph, state, keys = split(network, width)
    structure = jax.tree.structure(nnx.to_pure_dict(state))

    def apply(leaves: list[Any]) -> Any:
        nnx.replace_by_pure_dict(state, jax.tree.unflatten(structure, leaves))
        return nnx.merge(graph, state, keys)(x)

    return apply


def split(network: ir.Network, width: int) -> Any:
    """Its graph, the shapes of its parameters and statistics, and the rest, for evaluation."""
    module = nnx.eval_shape(lambda: as_written(network, width))
    module.eval()
    return nnx.split(module, nnx.Not(nnx.RngState), ...)


def assert_close(got: list[Any], expected: list[Any]) -> None:
    """Measured by the largest number of all."""
    largest = max((float(np.max(np.abs(leaf))) for leaf in expected), default=0.0)
    for one, other in zip(got, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=0, atol=1e-10 * max(largest, 1e-30))
