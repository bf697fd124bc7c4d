"""Energies f(s,a,g) of a critic, from its two embeddings φ(s,a) and ψ(g): the higher, the likelier is g ahead of (s,a).

Each is defined once, over what it compares: embeddings row by row (`ROWS`: the actor's loss, and the choice among actions), or
every φ with every ψ (`PAIRS`: the logits of the critic's loss).

Wang et al. 2025, "1000 Layer Networks for Self-Supervised RL"; Bortkiewicz et al. 2025, "Accelerating Goal-Conditioned RL
Algorithms and Research" (JaxGCRL); Liu et al. 2023, "Metric Residual Networks for Sample Efficient Goal-Conditioned
Reinforcement Learning".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple, Protocol

import jax
import jax.numpy as jnp

EPSILON = 1e-6  # keeps the gradient of the root finite where two embeddings coincide; the paper's released code has none
SHORTEST = 1e-6  # a vector below this length has less of a direction the shorter it is, and the zero vector none

Compare = Callable[[jax.Array, jax.Array], jax.Array]


class Pairing(NamedTuple):
    """What energies are made of, for one choice of which φ meets which ψ: f32[batch, repr_dim] twice -> one number each.

    `product`: φ·ψ; `squared_distance`: ‖φ - ψ‖²; `lead`: the most by which a number of φ exceeds that of ψ, at least 0.
    """

    product: Compare
    squared_distance: Compare
    lead: Compare


class Energy(Protocol):
    """f32[batch, repr_dim] twice -> f32[batch], or f32[batch, batch] of all `PAIRS`, the positives on the diagonal."""

    def __call__(self, sa: jax.Array, g: jax.Array, of: Pairing = ...) -> jax.Array: ...


# --- row by row ----------------------------------------------------------------------------------------------------------


def product(x: jax.Array, y: jax.Array) -> jax.Array:
    return jnp.sum(x * y, axis=-1)


def squared_distance(x: jax.Array, y: jax.Array) -> jax.Array:
    return jnp.sum((x - y) ** 2, axis=-1)


def lead(x: jax.Array, y: jax.Array) -> jax.Array:
    return jnp.max(x - y, axis=-1, initial=0.0)


# --- all pairs -----------------------------------------------------------------------------------------------------------


def all_products(x: jax.Array, y: jax.Array) -> jax.Array:
    return jnp.matmul(x, y.T, precision=jax.lax.Precision.HIGHEST)


def all_squared_distances(x: jax.Array, y: jax.Array) -> jax.Array:
    """‖x‖² + ‖y‖² - 2x·y, one matrix product: on a CPU several times faster than the differences. In full precision, since
    what is small here is the difference of what is large."""
    squares = jnp.sum(x**2, axis=-1)[:, None] + jnp.sum(y**2, axis=-1)[None, :]
    return jnp.maximum(squares - 2 * all_products(x, y), 0)


@jax.custom_vjp
def all_leads(x: jax.Array, y: jax.Array) -> jax.Array:
    """One number of the embeddings after the other, and derived by hand: all at once, the differences of a batch of 2048 with
    itself would take a gigabyte."""

    def further(leads: jax.Array, numbers: tuple[jax.Array, jax.Array]) -> tuple[jax.Array, None]:
        return jnp.maximum(leads, numbers[0][:, None] - numbers[1][None, :]), None

    return jax.lax.scan(further, jnp.zeros((len(x), len(y)), x.dtype), (x.T, y.T))[0]


def all_leads_forward(x: jax.Array, y: jax.Array) -> tuple[jax.Array, tuple[jax.Array, jax.Array, jax.Array]]:
    leads = all_leads(x, y)
    return leads, (x, y, leads)


def all_leads_backward(saved: tuple[jax.Array, jax.Array, jax.Array], pull: jax.Array) -> tuple[jax.Array, jax.Array]:
    """To the number that leads, if one does: where the lead is found again among the differences."""
    x, y, leads = saved
    pull = jnp.where(leads > 0, pull, 0)

    def back(_: None, numbers: tuple[jax.Array, jax.Array]) -> tuple[None, tuple[jax.Array, jax.Array]]:
        leading = jnp.where(numbers[0][:, None] - numbers[1][None, :] == leads, pull, 0)
        return None, (jnp.sum(leading, axis=1), -jnp.sum(leading, axis=0))

    _, (to_x, to_y) = jax.lax.scan(back, None, (x.T, y.T))
    return to_x.T, to_y.T


all_leads.defvjp(all_leads_forward, all_leads_backward)

ROWS = Pairing(product, squared_distance, lead)
PAIRS = Pairing(all_products, all_squared_distances, all_leads)

# --- the energies --------------------------------------------------------------------------------------------------------


def norm(sa: jax.Array, g: jax.Array, of: Pairing = ROWS) -> jax.Array:
    """-‖φ - ψ‖ (Wang et al. 2025, section 3), as -√(‖φ - ψ‖² + ε)."""
    return -jnp.sqrt(of.squared_distance(sa, g) + EPSILON)


def l2(sa: jax.Array, g: jax.Array, of: Pairing = ROWS) -> jax.Array:
    """-‖φ - ψ‖² (JaxGCRL's `l2`)."""
    return -of.squared_distance(sa, g)


def dot(sa: jax.Array, g: jax.Array, of: Pairing = ROWS) -> jax.Array:
    """φ·ψ (Eysenbach et al. 2022, "Contrastive Learning as Goal-Conditioned Reinforcement Learning")."""
    return of.product(sa, g)


def cosine(sa: jax.Array, g: jax.Array, of: Pairing = ROWS) -> jax.Array:
    """φ·ψ / (‖φ‖ ‖ψ‖), each vector by its own length; JaxGCRL divides by the length of the whole batch.

    Between -1 and 1, without a temperature: InfoNCE of a batch of N cannot fall below log(1 + (N - 1)e⁻²).
    """
    return of.product(direction(sa), direction(g))


def mrn(sa: jax.Array, g: jax.Array, of: Pairing = ROWS) -> jax.Array:
    """-(max_k max(0, φ_k - ψ_k) + √(‖φ' - ψ'‖² + ε)), the negated quasimetric of Liu et al. 2023.

    The first half of each embedding for the part that is not symmetric, the second, φ' and ψ', for the one that is.
    """
    half = sa.shape[-1] // 2
    return norm(sa[..., half:], g[..., half:], of) - of.lead(sa[..., :half], g[..., :half])


def direction(x: jax.Array) -> jax.Array:
    """The vectors of length 1: f32[batch, repr_dim] -> the same."""
    squares = jnp.sum(x**2, axis=-1, keepdims=True)
    return x * jax.lax.rsqrt(jnp.maximum(squares, SHORTEST**2))


ENERGIES: Mapping[str, Energy] = {"norm": norm, "l2": l2, "dot": dot, "cosine": cosine, "mrn": mrn}
