"""IR → `flax.nnx` modules: the only part of archlang that imports jax."""

from archlang.lower.build import build as build
