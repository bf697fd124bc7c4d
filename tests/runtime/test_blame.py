"""The first layer whose gradient is not finite is found, whatever comes of it later, and named as it stands in the network."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from archlang import Environment, plan
from archlang_runtime.blame import blame, in_words, nobody, norm, squares
from archlang_runtime.networks import take_apart

PLANE = Environment("plane", state_dim=4, goal_dim=2, action_dim=2)
TRUNK = "trunk = dense8, ln, (res(2x<dense8, swish>))*3, ((res(dense8))*2, swish)*2\n"
SPEC = TRUNK + "actor = trunk, gaussian\nsa_encoder = trunk, dense4\ng_encoder = dense4"


@pytest.fixture(scope="module")
def networks() -> Any:
    return take_apart(plan(SPEC, env=PLANE), PLANE)


@pytest.fixture(scope="module")
def gradient(networks: Any) -> Any:
    """Something in the form of the actor's gradient."""
    rng, shapes = np.random.default_rng(0), jax.eval_shape(networks["actor"].init, jax.random.key(0)).params
    return jax.tree.map(lambda leaf: jnp.asarray(rng.standard_normal(leaf.shape, np.float32)), shapes)


def poisoned(tree: Any, path: str, index: tuple[int, ...]) -> Any:
    """NaN somewhere in the copy `index` of the array at `path`."""

    def poison(where: Any, leaf: jax.Array) -> jax.Array:
        at = jax.tree_util.keystr(where, simple=True, separator=".") == f"{path}.value"
        return leaf.at[(*index, *[0] * (leaf.ndim - len(index)))].set(jnp.nan) if at else leaf

    return jax.tree_util.tree_map_with_path(poison, tree)


def test_the_norm_is_that_of_the_gradient(networks: Any, gradient: Any) -> None:
    tree = gradient
    sums = squares(tree, networks["actor"].stacked_axes)
    expected = np.sqrt(sum(np.sum(np.asarray(leaf, float) ** 2) for leaf in jax.tree.leaves(tree)))
    np.testing.assert_allclose(norm(sums), expected, rtol=1e-6)
    assert {leaf.shape for leaf in jax.tree.leaves(sums)} == {(), (3,), (2, 2)}


@pytest.mark.parametrize(
    ("path", "index", "name"),
    [
        ("dense.kernel", (), "dense"),
        ("ln.scale", (), "ln"),
        ("stack_0.body.body.dense_1.bias", (1,), "res_1.body.dense_1"),
        ("stack_1.body.stack.body.body.kernel", (1, 0), "res_5.body"),
        ("gaussian.mean.kernel", (), "gaussian.mean"),
    ],
)
def test_a_layer_is_found_by_its_name_in_the_network(
    networks: Any, gradient: Any, path: str, index: tuple[int, ...], name: str
) -> None:
    actor = networks["actor"]
    sums = squares(poisoned(gradient, path, index), actor.stacked_axes)
    assert in_words({"actor": blame(nobody(sums), sums)}, {"actor": actor.network}) == f"actor, up to {name}"


def test_the_first_one_stays_to_blame(networks: Any, gradient: Any) -> None:
    actor, good = networks["actor"], gradient
    first = squares(poisoned(good, "ln.scale", ()), actor.stacked_axes)
    everything = squares(jax.tree.map(lambda leaf: leaf * jnp.nan, good), actor.stacked_axes)
    flags = blame(blame(blame(nobody(first), squares(good, actor.stacked_axes)), first), everything)
    assert in_words({"actor": flags}, {"actor": actor.network}) == "actor, up to ln"
    flags = blame(nobody(first), everything)
    assert in_words({"actor": flags}, {"actor": actor.network}) == "actor, every layer"


def test_nobody_is_to_blame_for_finite_numbers(networks: Any, gradient: Any) -> None:
    actor = networks["actor"]
    sums = squares(gradient, actor.stacked_axes)
    assert in_words({"actor": blame(nobody(sums), sums)}, {"actor": actor.network}) == ""
