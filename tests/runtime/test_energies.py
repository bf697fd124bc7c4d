"""Energies against their definitions in float64: values, all pairs and single rows, and the places where embeddings are equal,
zero or huge."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, get_args

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from archlang_runtime.config import EnergyName
from archlang_runtime.energies import ENERGIES, PAIRS, ROWS, Energy, Pairing

RNG = np.random.default_rng(0)
BATCH, REPR_DIM = 7, 6
NAMES = tuple(ENERGIES)


def length(x: Any) -> Any:
    return np.sqrt(np.sum(x**2, axis=-1))


def quasimetric(x: Any, y: Any) -> Any:
    first, second = slice(0, REPR_DIM // 2), slice(REPR_DIM // 2, REPR_DIM)
    return np.max(np.maximum(x - y, 0)[..., first], axis=-1) + length((x - y)[..., second])


DEFINITIONS: dict[str, Callable[[Any, Any], Any]] = {
    "norm": lambda x, y: -length(x - y),
    "l2": lambda x, y: -(length(x - y) ** 2),
    "dot": lambda x, y: np.einsum("...k,...k", x, y),
    "cosine": lambda x, y: np.einsum("...k,...k", x, y) / length(x) / length(y),
    "mrn": lambda x, y: -quasimetric(x, y),
}


def floats(*shape: int, scale: float = 1.0) -> jax.Array:
    return jnp.asarray(scale * RNG.standard_normal(shape), jnp.float32)


def wide(x: jax.Array) -> Any:
    """In float64."""
    return np.asarray(x, np.float64)


def slopes(energy: Energy, sa: jax.Array, g: jax.Array, of: Pairing) -> tuple[jax.Array, jax.Array]:
    return jax.grad(lambda sa, g: jnp.sum(energy(sa, g, of)), argnums=(0, 1))(sa, g)


def test_the_names_are_those_of_the_setting() -> None:
    assert get_args(EnergyName) == NAMES == tuple(DEFINITIONS)


@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e3])
@pytest.mark.parametrize("name", NAMES)
def test_an_energy_is_its_definition(name: str, scale: float) -> None:
    sa, g = floats(BATCH, REPR_DIM, scale=scale), floats(BATCH, REPR_DIM, scale=scale)
    slack = 1e-3 if name in ("norm", "mrn") else 0  # √ε, where there is a root
    expected = DEFINITIONS[name](wide(sa), wide(g))
    np.testing.assert_allclose(ENERGIES[name](sa, g), expected, rtol=1e-5, atol=slack + 1e-6 * scale**2)


@pytest.mark.parametrize("offset", [0.0, 10.0])
@pytest.mark.parametrize("name", NAMES)
def test_all_pairs_are_those_of_the_definition(name: str, offset: float) -> None:
    """Also far from the origin, where distances come out of a matrix product by cancellation."""
    sa, g = floats(BATCH, REPR_DIM) + offset, floats(BATCH, REPR_DIM) + offset
    expected = DEFINITIONS[name](wide(sa)[:, None], wide(g)[None])
    np.testing.assert_allclose(ENERGIES[name](sa, g, PAIRS), expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", NAMES)
def test_the_diagonal_of_all_pairs_is_row_by_row(name: str) -> None:
    """In value and in slope, so that the actor climbs what the critic learns."""
    sa, g = floats(BATCH, REPR_DIM), floats(BATCH, REPR_DIM)
    energy = ENERGIES[name]
    np.testing.assert_allclose(jnp.diag(energy(sa, g, PAIRS)), energy(sa, g), rtol=1e-4, atol=1e-6)
    of_pairs = jax.grad(lambda sa: jnp.trace(energy(sa, g, PAIRS)))(sa)
    np.testing.assert_allclose(of_pairs, slopes(energy, sa, g, ROWS)[0], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", NAMES)
def test_a_permuted_batch_has_permuted_energies(name: str) -> None:
    sa, g, order = floats(BATCH, REPR_DIM), floats(BATCH, REPR_DIM), RNG.permutation(BATCH)
    energy = ENERGIES[name]
    np.testing.assert_allclose(energy(sa[order], g[order]), energy(sa, g)[order], rtol=1e-6)
    np.testing.assert_allclose(energy(sa[order], g, PAIRS), energy(sa, g, PAIRS)[order], rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(energy(sa, g[order], PAIRS), energy(sa, g, PAIRS)[:, order], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("of", [ROWS, PAIRS], ids=["rows", "pairs"])
@pytest.mark.parametrize("scale", [0.0, 1e-20, 1.0, 1e4, 1e8])
@pytest.mark.parametrize("name", NAMES)
def test_gradients_are_finite_where_embeddings_coincide(name: str, scale: float, of: Pairing) -> None:
    sa = floats(BATCH, REPR_DIM, scale=scale)
    assert all(bool(jnp.all(jnp.isfinite(slope))) for slope in slopes(ENERGIES[name], sa, sa, of))


@pytest.mark.parametrize("of", [ROWS, PAIRS], ids=["rows", "pairs"])
@pytest.mark.parametrize("name", NAMES)
def test_gradients_are_finite_where_one_embedding_is_zero(name: str, of: Pairing) -> None:
    sa, zero = floats(BATCH, REPR_DIM), jnp.zeros((BATCH, REPR_DIM))
    for pair in ((sa, zero), (zero, sa)):
        assert bool(jnp.all(jnp.isfinite(ENERGIES[name](*pair, of))))
        assert all(bool(jnp.all(jnp.isfinite(slope))) for slope in slopes(ENERGIES[name], *pair, of))


@pytest.mark.parametrize("name", NAMES)
def test_to_climb_brings_the_embeddings_together(name: str) -> None:
    """A step along the slope raises the energy."""
    sa, g = floats(BATCH, REPR_DIM), floats(BATCH, REPR_DIM)
    energy = ENERGIES[name]
    assert bool(jnp.all(energy(sa + 1e-2 * slopes(energy, sa, g, ROWS)[0], g) > energy(sa, g)))


@pytest.mark.parametrize("size", [2, BATCH])
def test_cosine_does_not_depend_on_the_length_nor_on_the_batch(size: int) -> None:
    sa, g = floats(size, REPR_DIM), floats(size, REPR_DIM)
    cosine = ENERGIES["cosine"]
    np.testing.assert_allclose(cosine(sa, sa), 1, rtol=1e-6)
    np.testing.assert_allclose(cosine(1e-4 * sa, 1e6 * g), cosine(sa, g), rtol=1e-5)
    np.testing.assert_allclose(cosine(sa[:1], g[:1]), cosine(sa, g)[:1], rtol=1e-6)


def test_mrn_is_a_quasimetric() -> None:
    """One way is not the other, but no detour is shorter (up to √ε)."""
    x, y, z = (floats(100, REPR_DIM) for _ in range(3))
    mrn = ENERGIES["mrn"]
    assert bool(jnp.any(jnp.abs(mrn(x, y) - mrn(y, x)) > 0.1))
    assert bool(jnp.all(mrn(x, z) + 1e-5 >= mrn(x, y) + mrn(y, z)))


@pytest.mark.parametrize("name", NAMES)
def test_embeddings_of_one_number_have_an_energy(name: str) -> None:
    assert ENERGIES[name](floats(BATCH, 1), floats(BATCH, 1), PAIRS).shape == (BATCH, BATCH)
