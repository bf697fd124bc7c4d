"""IR → `flax.nnx` modules: the only part of archlang that imports jax."""

from archlang.lower.build import build as build
from archlang.lower.plugins import skip_compile_only_cuda

skip_compile_only_cuda()
