"""Losses of contrastive RL: pure functions of arrays.

CRL: Eysenbach et al. 2022, "Contrastive Learning as Goal-Conditioned Reinforcement Learning".
Depth: Wang et al. 2025, "1000 Layer Networks for Self-Supervised RL", section 3 and the released code.
SAC: Haarnoja et al. 2018, "Soft Actor-Critic Algorithms and Applications".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import jax
import jax.numpy as jnp

LOG_2, LOG_2_PI = 0.6931471805599453, 1.8378770664093453

# --- the critic's: how likely each of a batch's goals is ahead of each state and action ----------------------------------

# f32[batch, batch], the energies z_ij of (s_i, a_i) and g_j with the positives on the diagonal, and the weight of a penalty on
# the partition -> f32[]. The penalty keeps energies from drifting: InfoNCE does not change if all of a row (backward: of a
# column) rise by the same number.
Loss = Callable[[jax.Array, float], jax.Array]


def forward_infonce(logits: jax.Array, penalty: float) -> jax.Array:
    """mean_i[LSE_j z_ij - z_ii] + penalty · mean_i[(LSE_j z_ij)²]: which goal is ahead? (Wang et al. 2025, section 3)."""
    partition = jax.nn.logsumexp(logits, axis=1)
    return jnp.mean(partition - jnp.diag(logits)) + penalty * jnp.mean(partition**2)


def backward_infonce(logits: jax.Array, penalty: float) -> jax.Array:
    """mean_j[LSE_i z_ij - z_jj] + penalty · mean_j[(LSE_i z_ij)²]: which state and action lead here?

    JaxGCRL's `bwd_infonce` penalizes the rows instead, which this loss does not normalize.
    """
    return forward_infonce(logits.T, penalty)


def symmetric_infonce(logits: jax.Array, penalty: float) -> jax.Array:
    """The sum, not the mean, of forward and backward InfoNCE, each with its penalty (JaxGCRL's `sym_infonce`)."""
    return forward_infonce(logits, penalty) + backward_infonce(logits, penalty)


def binary_nce(logits: jax.Array, penalty: float) -> jax.Array:
    """mean_ij[BCE(σ(z_ij), δ_ij)]: is this goal ahead? (Eysenbach et al. 2022, as the mean over all pairs).

    BCE(σ(z), δ) = softplus(z) - δz. JaxGCRL's `binary_nce` has neither negatives nor a logarithm. This loss has no partition;
    its penalty is that of the rows: where the loss is least, the negatives of a row sum to about one, Σ_{j≠i} e^z_ij ≈ 1.
    """
    positives = jnp.mean(jnp.diag(logits)) / logits.shape[0]
    return jnp.mean(jax.nn.softplus(logits)) - positives + penalty * jnp.mean(jax.nn.logsumexp(logits, axis=1) ** 2)


def flatnce(logits: jax.Array, penalty: float) -> jax.Array:
    """mean_i[LSE_{j≠i} z_ij - z_ii] + penalty · mean_i[(LSE_j z_ij)²] (Chen et al. 2021, "Simpler, Faster, Stronger").

    They write exp(v - sg(v)) for the brackets v: the gradient is the same, the value always one. The positive is not among the
    negatives; with it, as JaxGCRL once had it, the gradient is that of forward InfoNCE.
    """
    negatives = jnp.where(jnp.eye(logits.shape[0], dtype=bool), -jnp.inf, logits)
    flat = jax.nn.logsumexp(negatives, axis=1) - jnp.diag(logits)
    return jnp.mean(flat) + penalty * jnp.mean(jax.nn.logsumexp(logits, axis=1) ** 2)


LOSSES: Mapping[str, Loss] = {
    "forward_infonce": forward_infonce,
    "backward_infonce": backward_infonce,
    "symmetric_infonce": symmetric_infonce,
    "binary_nce": binary_nce,
    "flatnce": flatnce,
}

# --- the actor's ---------------------------------------------------------------------------------------------------------


def sample_action(mean: jax.Array, log_std: jax.Array, noise: jax.Array) -> tuple[jax.Array, jax.Array]:
    """a = tanh(u), u = mean + exp(log_std) · noise, and log π(a): f32[batch, action_dim] thrice -> the same, f32[batch].

    log π(a) = Σ log N(u) - log(1 - tanh²u) (Haarnoja et al. 2018, eq. 26), the latter as 2(log 2 - u - softplus(-2u)),
    which is exact where tanh saturates.
    """
    unsquashed = mean + jnp.exp(log_std) * noise
    gaussian = -0.5 * (noise**2 + LOG_2_PI) - log_std
    squash = 2 * (LOG_2 - unsquashed - jax.nn.softplus(-2 * unsquashed))
    return jnp.tanh(unsquashed), jnp.sum(gaussian - squash, axis=-1)


def actor_loss(alpha: jax.Array | None, log_prob: jax.Array, energy: jax.Array) -> jax.Array:
    """mean[α log π(a|s,g) - f(s,a,g)]: the actor climbs the energy, α pays for entropy (Eysenbach et al. 2022, eq. 7).

    Without α there is no entropy term.
    """
    return jnp.mean(-energy if alpha is None else alpha * log_prob - energy)


def alpha_loss(log_alpha: jax.Array, log_prob: jax.Array, target_entropy: float) -> jax.Array:
    """mean[α(-log π - H)]: α grows while the entropy is below its target (Haarnoja et al. 2018, eq. 18)."""
    return jnp.exp(log_alpha) * jnp.mean(jax.lax.stop_gradient(-log_prob) - target_entropy)
