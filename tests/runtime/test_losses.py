"""Values against their formulas in float64, gradients by their signs, and the places where numbers get large or equal."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, get_args

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.stats
from scipy.special import logsumexp

from archlang_runtime import losses
from archlang_runtime.config import LossName
from archlang_runtime.losses import LOSSES

RNG = np.random.default_rng(0)
BATCH, ACTION_DIM = 7, 3


def floats(*shape: int, scale: float = 1.0) -> jax.Array:
    return jnp.asarray(scale * RNG.standard_normal(shape), jnp.float32)


def wide(x: jax.Array) -> Any:
    """In float64."""
    return np.asarray(x, np.float64)


def partition(z: Any, axis: int) -> Any:
    return logsumexp(z, axis=axis)


def forward(z: Any, penalty: float) -> Any:
    return np.mean(partition(z, 1) - np.diag(z)) + penalty * np.mean(partition(z, 1) ** 2)


def backward(z: Any, penalty: float) -> Any:
    return np.mean(partition(z, 0) - np.diag(z)) + penalty * np.mean(partition(z, 0) ** 2)


def binary(z: Any, penalty: float) -> Any:
    """-mean of log σ(z) where the goal is ahead and log(1 - σ(z)) where it is not."""
    for_right = np.where(np.eye(len(z)), z, -z)
    return np.mean(np.logaddexp(0, -for_right)) + penalty * np.mean(partition(z, 1) ** 2)


def flat(z: Any, penalty: float) -> Any:
    negatives = z[~np.eye(len(z), dtype=bool)].reshape(len(z), -1)
    return np.mean(partition(negatives, 1) - np.diag(z)) + penalty * np.mean(partition(z, 1) ** 2)


DEFINITIONS: dict[str, Callable[[Any, float], Any]] = {
    "forward_infonce": forward,
    "backward_infonce": backward,
    "symmetric_infonce": lambda z, penalty: forward(z, penalty) + backward(z, penalty),
    "binary_nce": binary,
    "flatnce": flat,
}
NAMES = tuple(LOSSES)


# --- the critic's ----------------------------------------------------------------------------------------------------


def test_the_names_are_those_of_the_setting() -> None:
    assert get_args(LossName) == NAMES == tuple(DEFINITIONS)


@pytest.mark.parametrize("penalty", [0.0, 0.1])
@pytest.mark.parametrize("name", NAMES)
def test_a_loss_is_its_definition(name: str, penalty: float) -> None:
    logits = floats(BATCH, BATCH, scale=3)
    np.testing.assert_allclose(LOSSES[name](logits, penalty), DEFINITIONS[name](wide(logits), penalty), rtol=1e-5)


@pytest.mark.parametrize("name", NAMES)
def test_a_loss_pulls_positives_up_and_pushes_negatives_down(name: str) -> None:
    gradient = np.asarray(jax.grad(LOSSES[name])(floats(BATCH, BATCH), 0.0))
    positives = np.eye(BATCH, dtype=bool)
    assert (gradient[positives] < 0).all()
    assert (gradient[~positives] > 0).all()


@pytest.mark.parametrize("axis", [0, 1])
def test_infonce_compares_within_rows_or_columns(axis: int) -> None:
    """It does not change if all of a row, or of a column, rise by the same number; its penalty does."""
    logits, rise = floats(BATCH, BATCH), jnp.expand_dims(floats(BATCH), axis)
    loss, other = LOSSES["forward_infonce"], LOSSES["backward_infonce"]
    loss, other = (loss, other) if axis == 1 else (other, loss)
    np.testing.assert_allclose(loss(logits + rise, 0.0), loss(logits, 0.0), rtol=1e-5)
    assert abs(float(other(logits + rise, 0.0) - other(logits, 0.0))) > 0.01
    assert abs(float(loss(logits + rise, 0.1) - loss(logits, 0.1))) > 0.001


@pytest.mark.parametrize("name", NAMES)
def test_the_penalty_brings_the_partition_to_one(name: str) -> None:
    """Where every partition is far above (below) one, the penalty pulls all energies down (up)."""
    for offset, sign in ((10.0, 1), (-10.0, -1)):
        logits = floats(BATCH, BATCH) + offset
        gradient = jax.grad(lambda z: LOSSES[name](z, 1.0) - LOSSES[name](z, 0.0))(logits)
        assert bool(jnp.all(sign * gradient > 0))


@pytest.mark.parametrize("penalty", [0.0, 0.1])
@pytest.mark.parametrize("name", NAMES)
def test_a_loss_does_not_depend_on_the_order_of_the_batch(name: str, penalty: float) -> None:
    logits, order = 3 * jnp.eye(BATCH) + floats(BATCH, BATCH), RNG.permutation(BATCH)
    one, other = LOSSES[name](logits, penalty), LOSSES[name](logits[order][:, order], penalty)
    np.testing.assert_allclose(one, other, rtol=1e-5)
    assert abs(float(LOSSES[name](logits[np.roll(np.arange(BATCH), 1)], penalty) - one)) > 0.01


@pytest.mark.parametrize("size", [1e4, 1e10, -1e4, -1e10])
@pytest.mark.parametrize("name", NAMES)
def test_a_loss_survives_extreme_logits(name: str, size: float) -> None:
    """Right and wrong by as much; every number that float32 can square."""
    for logits in (size * jnp.eye(BATCH), size * (1 - jnp.eye(BATCH)), jnp.full((BATCH, BATCH), size)):
        value, gradient = jax.value_and_grad(LOSSES[name])(logits, 0.1)
        np.testing.assert_allclose(value, DEFINITIONS[name](wide(logits), 0.1), rtol=1e-5)
        assert bool(jnp.all(jnp.isfinite(gradient)))


@pytest.mark.parametrize("name", NAMES)
def test_the_smallest_batch_has_a_loss(name: str) -> None:
    value, gradient = jax.value_and_grad(LOSSES[name])(floats(2, 2), 0.1)
    assert bool(jnp.isfinite(value) & jnp.all(jnp.isfinite(gradient)))


def test_symmetric_is_forward_and_backward() -> None:
    logits = floats(BATCH, BATCH)
    both = LOSSES["forward_infonce"](logits, 0.1) + LOSSES["backward_infonce"](logits, 0.1)
    np.testing.assert_allclose(LOSSES["symmetric_infonce"](logits, 0.1), both, rtol=1e-6)
    np.testing.assert_allclose(LOSSES["symmetric_infonce"](logits.T, 0.1), both, rtol=1e-6)


def test_flatnce_has_the_gradient_of_its_paper_and_not_that_of_infonce() -> None:
    """mean_i[exp(v_i - sg(v_i))], v_i = LSE_{j≠i}(z_ij - z_ii) (Chen et al. 2021, algorithm 1)."""

    def as_published(logits: jax.Array) -> jax.Array:
        others = logits[~np.eye(BATCH, dtype=bool)].reshape(BATCH, BATCH - 1)
        v = jax.nn.logsumexp(others - jnp.diag(logits)[:, None], axis=1)
        return jnp.mean(jnp.exp(v - jax.lax.stop_gradient(v)))

    logits = 3 * jnp.eye(BATCH) + floats(BATCH, BATCH)
    gradient = jax.grad(LOSSES["flatnce"])(logits, 0.0)
    np.testing.assert_allclose(gradient, jax.grad(as_published)(logits), rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(jnp.diag(gradient), -1 / BATCH, rtol=1e-5)  # it never tires, however good the critic is
    assert bool(jnp.all(jnp.diag(jax.grad(LOSSES["forward_infonce"])(logits, 0.0)) > -0.8 / BATCH))


# --- the actor's -----------------------------------------------------------------------------------------------------


def log_density(mean: Any, log_std: Any, noise: Any) -> Any:
    """In float64, with 1 - tanh²(u) as 4 / (e^u + e^-u)², which loses nothing where tanh saturates."""
    u = wide(mean) + np.exp(wide(log_std)) * wide(noise)
    one_minus_square = np.log(4.0) - 2 * np.logaddexp(u, -u)
    return np.sum(scipy.stats.norm.logpdf(u, wide(mean), np.exp(wide(log_std))) - one_minus_square, axis=1)


def test_log_prob_is_the_density_of_the_squashed_gaussian() -> None:
    mean, log_std, noise = floats(BATCH, ACTION_DIM), floats(BATCH, ACTION_DIM, scale=0.3), floats(BATCH, ACTION_DIM)
    action, log_prob = losses.sample_action(mean, log_std, noise)
    u = wide(mean) + np.exp(wide(log_std)) * wide(noise)
    textbook = scipy.stats.norm.logpdf(u, wide(mean), np.exp(wide(log_std))) - np.log1p(-(np.tanh(u) ** 2))
    np.testing.assert_allclose(action, np.tanh(u), atol=1e-6)
    np.testing.assert_allclose(log_prob, textbook.sum(axis=1), rtol=1e-4)
    np.testing.assert_allclose(log_density(mean, log_std, noise), textbook.sum(axis=1), rtol=1e-9)


@pytest.mark.parametrize("log_std", [-5.0, 0.0, 2.0])
@pytest.mark.parametrize("mean", [0.0, 3.0, -9.0, 20.0, -100.0, 1e4])
def test_log_prob_is_exact_where_tanh_saturates(mean: float, log_std: float) -> None:
    means, log_stds = jnp.full((BATCH, ACTION_DIM), mean), jnp.full((BATCH, ACTION_DIM), log_std)
    noise = floats(BATCH, ACTION_DIM)
    log_prob = losses.sample_action(means, log_stds, noise)[1]
    np.testing.assert_allclose(log_prob, log_density(means, log_stds, noise), rtol=1e-5, atol=1e-5)


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
    np.testing.assert_allclose(losses.actor_loss(jnp.array(0.5), log_prob, energy), np.mean(0.5 * log_prob - energy), rtol=1e-5)
    np.testing.assert_allclose(losses.actor_loss(None, log_prob, energy), -np.mean(energy), rtol=1e-5)
    gradients = jax.grad(losses.actor_loss, argnums=(1, 2))(jnp.array(0.5), log_prob, energy)
    np.testing.assert_allclose(gradients[0], 0.5 / BATCH)
    np.testing.assert_allclose(gradients[1], -1 / BATCH, rtol=1e-6)


@pytest.mark.parametrize(("entropy", "sign"), [(-3.0, -1), (2.0, 1)])
def test_alpha_grows_while_the_entropy_is_too_low(entropy: float, sign: int) -> None:
    gradient = jax.grad(losses.alpha_loss)(jnp.array(0.0), jnp.full(BATCH, -entropy), -1.0)
    assert np.sign(gradient) == sign
