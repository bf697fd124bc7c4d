"""Settings that must stand before jax is imported, and the Hypothesis profiles. Nothing here imports jax."""

import os
import sys
from collections.abc import Iterator

import pytest
from compiling import quickly_compiled as quickly_compiled
from hypothesis import settings
from running import archlang as archlang

# A test gives the same numbers on a machine with a GPU. Commands that tests start inherit it.
os.environ["JAX_PLATFORMS"] = "cpu"

settings.register_profile("default", deadline=None, derandomize=True, print_blob=True)
settings.register_profile("soak", deadline=None, derandomize=False, print_blob=True, max_examples=10_000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))


@pytest.fixture(autouse=True)
def strict_ranks(request: pytest.FixtureRequest) -> Iterator[None]:
    """Rank promotion raises in every test that has jax, but for those marked `physics`: brax relies on it."""
    jax = sys.modules.get("jax")
    if jax is None:
        yield
        return
    physics = request.node.get_closest_marker("physics") is not None
    with jax.numpy_rank_promotion("allow" if physics else "raise"):
        yield
