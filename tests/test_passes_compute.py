"""What a pass makes of a network gives the same outputs and gradients, with the same parameters."""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from hypothesis import Phase, given, settings
from unrolling import as_written, places, unrolled, unstacked
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
pytestmark = pytest.mark.usefixtures("quickly_compiled")

FEW_SHAPES = Sizes(min_width=3, max_width=4, max_count=3)  # each shape of each operation is compiled once


@pytest.mark.slow
@settings(max_examples=8, phases=WITHOUT_SHRINKING)
@given(networks(FEW_SHAPES))
def test_the_canonical_form_computes_the_same(drawn: Drawn) -> None:
    compare(drawn[0], canonicalize(drawn[0]), drawn[1])


@pytest.mark.slow
@settings(max_examples=8, phases=WITHOUT_SHRINKING)
@given(written_out(FEW_SHAPES))
def test_a_rolled_network_computes_the_same(drawn: Drawn) -> None:
    compare(drawn[0], roll(drawn[0], Type.of_input(drawn[1])), drawn[1])


@pytest.mark.parametrize("text", ["@dtype(bf16) @dtype(bf16) (dense8, ln)", "@dtype(bf16) (id, @dtype(bf16) 1x dense8)"])
def test_one_cast_computes_what_two_do(text: str) -> None:
    network = archlang.parse(text).networks["network"]
    numbers, x = drawn_numbers(network, 8)
    other = canonicalize(network)
    moved = in_places(other, shapes(other, 8), numbers_of(network, numbers))
    np.testing.assert_array_equal(applying(other, 8, x)(moved), applying(network, 8, x)(numbers))


def compare(before: ir.Network, after: ir.Network, width: int) -> None:
    """Outputs and gradients of both in float64, with the same numbers in the order in which the layers are applied: exactly
    the same outputs where stacks are written out in both; up to rounding where `after` is lowered as it is."""
    with jax.enable_x64(True):
        numbers, x = drawn_numbers(after, width)
        apart = unstacked(after.body, numbers)
        one, other = unrolled(before), unrolled(after)
        moved = in_places(one, shapes(one, width), numbers_of(other, apart))
        expected, gradients = outputs_and_gradients(one, width, x, moved)
        np.testing.assert_array_equal(applying(other, width, x)(apart), expected)
        outputs, stacked = outputs_and_gradients(after, width, x, numbers)
        assert_close([outputs], [expected])
        assert_close(leaves(numbers_of(other, unstacked(after.body, stacked))), leaves(numbers_of(one, gradients)))


def numbers_of(network: ir.Network, tree: Any) -> list[Any]:
    """What each layer and gate of an unrolled network has, in the order in which they are applied; those that have nothing
    left out."""
    found = (reduce(lambda inner, name: inner.get(name, {}), path, tree) for path in places(network.body))
    return [numbers for numbers in found if numbers]


def in_places(network: ir.Network, like: Any, numbers: list[Any]) -> Any:
    """The inverse, for a network whose numbers have the places of `like`."""
    tree: Any = {}
    spots = [path for path in places(network.body) if reduce(lambda inner, name: inner.get(name, {}), path, like)]
    for path, found in zip(spots, numbers, strict=True):
        inner = reduce(lambda inner, name: inner.setdefault(name, {}), path[:-1], tree)
        inner[path[-1]] = found
    return tree


def leaves(numbers: list[Any]) -> list[Any]:
    return jax.tree.leaves(numbers)


def shapes(network: ir.Network, width: int) -> Any:
    return nnx.to_pure_dict(split(network, width)[1])


def drawn_numbers(network: ir.Network, width: int) -> tuple[Any, Any]:
    """Parameters and statistics of a network, and an input."""
    draw = np.random.default_rng(0)
    numbers = jax.tree.map(lambda leaf: jnp.asarray(draw.uniform(0.1, 0.9, leaf.shape)), shapes(network, width))
    return numbers, jnp.asarray(draw.normal(size=(3, width)))


def outputs_and_gradients(network: ir.Network, width: int, x: Any, numbers: Any) -> tuple[Any, Any]:
    apply = applying(network, width, x)

    def loss(numbers: Any) -> Any:
        y = apply(numbers)
        return jnp.sum(y * jnp.cos(jnp.arange(1.0, y.size + 1)).reshape(y.shape)), y

    gradients, y = jax.grad(loss, has_aux=True)(numbers)
    return y, gradients


def applying(network: ir.Network, width: int, x: Any) -> Callable[[Any], Any]:
    """The outputs of a network for `x` as a function of its numbers. Not compiled, so that equal is exact."""
    graph, state, keys = split(network, width)

    def apply(numbers: Any) -> Any:
        nnx.replace_by_pure_dict(state, numbers)
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
