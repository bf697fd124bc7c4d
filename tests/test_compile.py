"""XLA's program for a GPU that is not there. In processes of their own: this one has jax start without the CUDA compiler."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, distribution

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
factor = lambda a: jnp.linalg.cholesky(a[:8, :8])  # by a library that is not there, as brax has it
for name in sys.argv[1:]:
    compiled = compile_for(GPUS[name], lambda a, b: jnp.tanh(a @ b).sum() + factor(a).sum(), matrix, matrix)
    print(json.dumps([name, planned_bytes(compiled), "triton" in compiled.as_text() or "cublas" in compiled.as_text()]))
"""
VOLTA = {name for name, gpu in GPUS.items() if gpu.chip and gpu.chip.family.capability < (7, 5)}


def within_reach() -> list[str]:
    """Those that the assembler can be asked for: that of CUDA 12, or one of the machine, which may have forgotten Volta."""
    try:
        distribution("nvidia-cuda-nvcc-cu12")
    except PackageNotFoundError:
        return [name for name in GPUS if name not in VOLTA]
    return list(GPUS)


@pytest.mark.slow
def test_a_program_is_compiled_for_every_gpu_though_none_is_there() -> None:
    names = within_reach()
    environment = os.environ | {"JAX_PLATFORMS": "cpu"}
    done = subprocess.run([sys.executable, "-c", PROGRAM, *names], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    found = [json.loads(line) for line in done.stdout.splitlines()]
    matrices = 2 * 1024 * 1024 * 4
    assert [name for name, _, _ in found] == names
    assert [name for name, planned, _ in found if not matrices < planned < 3 * matrices] == []
    assert [name for name, _, is_of_the_gpu in found if not is_of_the_gpu] == []
