"""Networks as pure functions: what is learned, what changes otherwise, and the two ways to apply them."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import toy
from flax import nnx

from archlang import Network, load, plan
from archlang_runtime import networks
from archlang_runtime.envs import find_task
from archlang_runtime.networks import Role, make_role, take_apart

X = jax.random.normal(jax.random.key(0), (6, 5))


class Stateful(nnx.Module):
    """A network with running statistics and dropout, computing in half precision."""

    def __init__(self, in_features: int, *, rngs: nnx.Rngs):
        self.norm = nnx.BatchNorm(in_features, dtype=jnp.bfloat16, rngs=rngs)
        self.drop = nnx.Dropout(0.5, rngs=rngs)

    def __call__(self, x: jax.Array) -> jax.Array:
        return self.drop(self.norm(x))


@pytest.fixture
def role(monkeypatch: pytest.MonkeyPatch) -> Role:
    def build(network: Network, in_features: int, *, rngs: nnx.Rngs) -> nnx.Module:
        return Stateful(in_features, rngs=rngs)

    monkeypatch.setattr(networks, "build", build)
    return make_role(load("id").networks["network"], 5)


def test_training_changes_the_variables_and_use_does_not(role: Role) -> None:
    weights = role.init(jax.random.key(0))
    one, variables = role.apply_training(weights, X)
    other, _ = role.apply_training(networks.Weights(weights.params, variables), X)
    assert not np.array_equal(one, other), "dropout draws anew"
    mean = jax.tree.leaves(nnx.filter_state(variables, nnx.BatchStat))[0]
    assert not np.array_equal(mean, jnp.zeros(5))
    np.testing.assert_array_equal(role.apply(weights, X), role.apply(weights, X))


def test_outputs_are_float32(role: Role) -> None:
    weights = role.init(jax.random.key(0))
    assert role.apply(weights, X).dtype == role.apply_training(weights, X)[0].dtype == jnp.float32


def test_the_key_decides_the_weights_and_nothing_is_shared() -> None:
    roles = take_apart(plan(toy.SPEC, env=find_task("toy").environment), find_task("toy").environment)
    one, same, other = (roles["actor"].init(jax.random.key(seed)).params for seed in (0, 0, 1))
    jax.tree.map(np.testing.assert_array_equal, one, same)
    kernels = [leaf for leaf in jax.tree.leaves(one) if leaf.ndim == 2]
    assert all(not np.array_equal(a, b) for a, b in zip(kernels, jax.tree.leaves(other), strict=False) if a.shape == b.shape)


def test_the_actor_gives_a_bounded_distribution() -> None:
    actor = take_apart(plan(toy.SPEC, env=find_task("toy").environment), find_task("toy").environment)["actor"]
    mean, log_std = actor.apply(actor.init(jax.random.key(0)), 1e6 * jnp.ones((3, 6)))
    assert mean.shape == log_std.shape == (3, 2)
    assert bool(jnp.all((log_std >= -5) & (log_std <= 2)))
