"""Energies and losses of contrastive RL: pure functions of arrays.

CRL: Eysenbach et al. 2022, "Contrastive Learning as Goal-Conditioned Reinforcement Learning".
Depth: Wang et al. 2025, "1000 Layer Networks for Self-Supervised RL", section 3 and the released code.
SAC: Haarnoja et al. 2018, "Soft Actor-Critic Algorithms and Applications".
"""

from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp

Energy = Callable[[jax.Array, jax.Array], jax.Array]
EPSILON = 1e-6  # keeps the gradient of the root finite where two embeddings coincide; the released code has none
LOG_2, LOG_2_PI = 0.6931471805599453, 1.8378770664093453


def energy(sa: jax.Array, g: jax.Array) -> jax.Array:
    """-‖φ(s,a) - ψ(g)‖, row by row (Wang et al. 2025, section 3): f32[batch, repr_dim] twice -> f32[batch]."""
    return -jnp.sqrt(jnp.sum((sa - g) ** 2, axis=-1) + EPSILON)


def pairwise_energy(sa: jax.Array, g: jax.Array) -> jax.Array:
    """-‖φ_i - ψ_j‖ for all pairs: f32[batch, repr_dim] twice -> f32[batch, batch], positives on the diagonal.

    ‖φ‖² + ‖ψ‖² - 2φ·ψ, one matrix product: on a CPU several times faster than the differences. In full precision, since
    what is small here is the difference of what is large.
    """
    products = jnp.matmul(sa, g.T, precision=jax.lax.Precision.HIGHEST)
    squares = jnp.sum(sa**2, axis=-1)[:, None] + jnp.sum(g**2, axis=-1)[None, :]
    return -jnp.sqrt(jnp.maximum(squares - 2 * products, 0) + EPSILON)


def contrastive_loss(logits: jax.Array, penalty: float) -> jax.Array:
    """Forward InfoNCE with a penalty on the partition (Wang et al. 2025, section 3): f32[batch, batch] -> f32[].

    mean_i[LSE_j z_ij - z_ii] + penalty · mean_i[(LSE_j z_ij)²].
    """
    partition = jax.nn.logsumexp(logits, axis=1)
    return jnp.mean(partition - jnp.diag(logits)) + penalty * jnp.mean(partition**2)


def sample_action(mean: jax.Array, log_std: jax.Array, noise: jax.Array) -> tuple[jax.Array, jax.Array]:
    """a = tanh(u), u = mean + exp(log_std) · noise, and log π(a): f32[batch, action_dim] thrice -> the same, f32[batch].

    log π(a) = Σ log N(u) - log(1 - tanh²u) (Haarnoja et al. 2018, eq. 26), the latter as 2(log 2 - u - softplus(-2u)),
    which is exact where tanh saturates.
    """
    unsquashed = mean + jnp.exp(log_std) * noise
    gaussian = -0.5 * (noise**2 + LOG_2_PI) - log_std
    squash = 2 * (LOG_2 - unsquashed - jax.nn.softplus(-2 * unsquashed))
    return jnp.tanh(unsquashed), jnp.sum(gaussian - squash, axis=-1)


def actor_loss(alpha: jax.Array, log_prob: jax.Array, energy: jax.Array) -> jax.Array:
    """mean[α log π(a|s,g) - f(s,a,g)]: the actor climbs the energy, α pays for entropy (Eysenbach et al. 2022, eq. 7)."""
    return jnp.mean(alpha * log_prob - energy)


def alpha_loss(log_alpha: jax.Array, log_prob: jax.Array, target_entropy: float) -> jax.Array:
    """mean[α(-log π - H)]: α grows while the entropy is below its target (Haarnoja et al. 2018, eq. 18)."""
    return jnp.exp(log_alpha) * jnp.mean(jax.lax.stop_gradient(-log_prob) - target_entropy)
