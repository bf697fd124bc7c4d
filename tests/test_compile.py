"""XLA's program for a GPU that is not there. In processes of their own: this one has jax start without the CUDA compiler."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from archlang.targets import GPUS

PROGRAM = """
import json, sys
import jax, jax.numpy as jnp
from archlang.lower.compile import compile_for, planned_bytes
from archlang.lower.plugins import find_cuda_compiler
from archlang.targets import GPUS
find_cuda_compiler()
matrix = jax.ShapeDtypeStruct((1024, 1024), jnp.float32)
compiled = compile_for(GPUS[sys.argv[1]], lambda a, b: jnp.tanh(a @ b).sum(), matrix, matrix)
print(json.dumps([planned_bytes(compiled), "triton" in compiled.as_text() or "cublas" in compiled.as_text()]))
"""


@pytest.mark.slow
@pytest.mark.parametrize("gpu", GPUS)
def test_a_program_is_compiled_for_a_gpu_that_is_not_there(gpu: str) -> None:
    environment = os.environ | {"JAX_PLATFORMS": "cpu"}
    done = subprocess.run([sys.executable, "-c", PROGRAM, gpu], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    planned, is_of_the_gpu = json.loads(done.stdout)
    matrices = 2 * 1024 * 1024 * 4
    assert matrices < planned < 3 * matrices
    assert is_of_the_gpu
