"""IR → `flax.nnx` modules: the only part of archlang that imports jax."""

from archlang.lower.build import build as build
from archlang.lower.load import load as load
from archlang.lower.plugins import skip_compile_only_cuda
from archlang.lower.restack import restack as restack
from archlang.lower.restack import stack as stack
from archlang.lower.restack import unstack as unstack
from archlang.lower.stack import Stack as Stack

skip_compile_only_cuda()
