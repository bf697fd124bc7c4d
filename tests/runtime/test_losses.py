"""Values against their formulas in float64, gradients by their signs, and the places where numbers get large or equal."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.special import logsumexp

from archlang_runtime import losses

RNG = np.random.default_rng(0)
BATCH, REPR_DIM, ACTION_DIM = 7, 5, 3


def floats(*shape: int, scale: float = 1.0) -> jax.Array:
    return jnp.asarray(scale * RNG.standard_normal(shape), jnp.float32)


def wide(x: jax.Array) -> Any:
    """In float64."""
    return np.asarray(x, np.float64)


def test_energy_is_minus_the_distance() -> None:
    sa, g = floats(BATCH, REPR_DIM), floats(BATCH, REPR_DIM)
    np.testing.assert_allclose(losses.energy(sa, g), -np.linalg.norm(wide(sa) - wide(g), axis=1), rtol=1e-5)


@pytest.mark.parametrize("offset", [0.0, 10.0])
def test_pairwise_energy_is_that_of_all_pairs(offset: float) -> None:
    sa, g = floats(BATCH, REPR_DIM) + offset, floats(BATCH, REPR_DIM) + offset
    pairs = losses.energy(jnp.repeat(sa, BATCH, axis=0), jnp.tile(g, (BATCH, 1))).reshape(BATCH, BATCH)
    np.testing.assert_allclose(losses.pairwise_energy(sa, g), pairs, rtol=1e-4)


@pytest.mark.parametrize("energy", [losses.energy, losses.pairwise_energy])
@pytest.mark.parametrize("scale", [0.0, 1.0, 1e4])
def test_gradients_are_finite_where_embeddings_coincide(energy: losses.Energy, scale: float) -> None:
    sa = floats(BATCH, REPR_DIM, scale=scale)
    gradients = jax.grad(lambda sa, g: jnp.sum(energy(sa, g)), argnums=(0, 1))(sa, sa)
    assert all(bool(jnp.all(jnp.isfinite(gradient))) for gradient in gradients)


@pytest.mark.parametrize("penalty", [0.0, 0.1])
def test_contrastive_loss_is_its_formula(penalty: float) -> None:
    logits = floats(BATCH, BATCH, scale=3)
    partition: Any = logsumexp(wide(logits), axis=1)
    expected = np.mean(partition - np.diag(wide(logits))) + penalty * np.mean(partition**2)
    np.testing.assert_allclose(losses.contrastive_loss(logits, penalty), expected, rtol=1e-5)


def test_contrastive_loss_pulls_positives_up_and_pushes_negatives_down() -> None:
    gradient = np.asarray(jax.grad(losses.contrastive_loss)(floats(BATCH, BATCH), 0.0))
    positives = np.eye(BATCH, dtype=bool)
    assert (gradient[positives] < 0).all()
    assert (gradient[~positives] > 0).all()
    np.testing.assert_allclose(gradient.sum(axis=1), 0, atol=1e-6)


@pytest.mark.parametrize("scale", [0.0, 1e4, -1e4])
def test_contrastive_loss_survives_extreme_logits(scale: float) -> None:
    value, gradient = jax.value_and_grad(losses.contrastive_loss)(scale * jnp.eye(BATCH), 0.1)
    assert bool(jnp.isfinite(value))
    assert bool(jnp.all(jnp.isfinite(gradient)))


def test_log_prob_is_the_density_of_the_squashed_gaussian() -> None:
    mean, log_std, noise = floats(BATCH, ACTION_DIM), floats(BATCH, ACTION_DIM, scale=0.3), floats(BATCH, ACTION_DIM)
    action, log_prob = losses.sample_action(mean, log_std, noise)
    u = wide(mean) + np.exp(wide(log_std)) * wide(noise)
    density = -0.5 * wide(noise) ** 2 - wide(log_std) - 0.5 * np.log(2 * np.pi) - np.log1p(-np.square(np.tanh(u)))
    np.testing.assert_allclose(action, np.tanh(u), atol=1e-6)
    np.testing.assert_allclose(log_prob, density.sum(axis=1), rtol=1e-4)


def test_the_density_integrates_to_one() -> None:
    noise = jnp.linspace(-8, 8, 20_001)[:, None]
    action, log_prob = losses.sample_action(jnp.full_like(noise, 0.3), jnp.full_like(noise, -0.5), noise)
    np.testing.assert_allclose(np.trapezoid(np.exp(wide(log_prob)), wide(action[:, 0])), 1, atol=1e-4)


@pytest.mark.parametrize("mean", [-50.0, 50.0])
def test_log_prob_and_its_gradient_are_finite_where_tanh_saturates(mean: float) -> None:
    means = jnp.full((BATCH, ACTION_DIM), mean)
    value, gradient = jax.value_and_grad(lambda m: jnp.sum(losses.sample_action(m, 0 * m, 0 * m)[1]))(means)
    assert bool(jnp.isfinite(value))
    assert bool(jnp.all(jnp.isfinite(gradient)))


def test_actor_loss_climbs_the_energy_and_pays_for_entropy() -> None:
    log_prob, energy = floats(BATCH), floats(BATCH)
    gradients = jax.grad(losses.actor_loss, argnums=(1, 2))(jnp.array(0.5), log_prob, energy)
    np.testing.assert_allclose(gradients[0], 0.5 / BATCH)
    np.testing.assert_allclose(gradients[1], -1 / BATCH, rtol=1e-6)


@pytest.mark.parametrize(("entropy", "sign"), [(-3.0, -1), (2.0, 1)])
def test_alpha_grows_while_the_entropy_is_too_low(entropy: float, sign: int) -> None:
    gradient = jax.grad(losses.alpha_loss)(jnp.array(0.0), jnp.full(BATCH, -entropy), -1.0)
    assert np.sign(gradient) == sign
