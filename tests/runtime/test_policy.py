"""How an agent acts: the mean, a draw, or the best of several draws as its critic sees them."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import toy

from archlang import plan
from archlang_runtime import energies
from archlang_runtime.networks import take_apart
from archlang_runtime.policy import make_policy

STATE, GOAL = jax.random.normal(jax.random.key(1), (5, 4)), jax.random.normal(jax.random.key(2), (5, 2))


@pytest.fixture(scope="module")
def networks() -> Any:
    environment = toy.tasks()["toy"].environment
    return take_apart(plan(toy.SPEC, env=environment), environment)


@pytest.fixture(scope="module")
def agent(networks: Any) -> Any:
    keys = jax.random.split(jax.random.key(0), len(networks))
    return {name: jax.jit(role.init)(key) for (name, role), key in zip(networks.items(), keys, strict=True)}


def act(networks: Any, agent: Any, best_of: int, noise: bool, seed: int = 3) -> jax.Array:
    return make_policy(networks, energies.norm, best_of, noise)(agent, STATE, GOAL, jax.random.key(seed))


def test_without_noise_it_is_the_mean(networks: Any, agent: Any) -> None:
    mean, _ = networks["actor"].apply(agent["actor"], jnp.concatenate([STATE, GOAL], axis=1))
    np.testing.assert_array_equal(act(networks, agent, 1, noise=False), jnp.tanh(mean))
    np.testing.assert_array_equal(act(networks, agent, 1, noise=False, seed=4), jnp.tanh(mean))


def test_with_noise_it_depends_on_the_key(networks: Any, agent: Any) -> None:
    one, same, other = (act(networks, agent, 1, noise=True, seed=seed) for seed in (3, 3, 4))
    np.testing.assert_array_equal(one, same)
    assert not np.any(np.asarray(one) == np.asarray(other))


@pytest.mark.parametrize("noise", [False, True])
def test_the_best_of_several_is_the_one_with_the_highest_energy(networks: Any, agent: Any, noise: bool) -> None:
    draws = 6
    mean, log_std = networks["actor"].apply(agent["actor"], jnp.concatenate([STATE, GOAL], axis=1))
    drawn = np.asarray(jax.random.normal(jax.random.key(3), (draws, 5, 2)))
    candidates = np.tanh(np.asarray(mean) + np.exp(np.asarray(log_std)) * drawn)
    goal = networks["g_encoder"].apply(agent["g_encoder"], GOAL)

    reach = jax.jit(networks["sa_encoder"].apply)

    def distance(actions: np.ndarray) -> np.ndarray:
        reached = reach(agent["sa_encoder"], jnp.concatenate([STATE, actions], axis=1))
        return np.linalg.norm(np.asarray(reached - goal), axis=1)

    nearest = np.argmin([distance(actions) for actions in candidates], axis=0)
    assert len(set(nearest)) > 1
    expected = candidates[nearest, np.arange(5)]
    np.testing.assert_allclose(act(networks, agent, draws, noise), expected, rtol=1e-5, atol=1e-6)
