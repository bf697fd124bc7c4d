"""Compiling for a GPU in a process of its own, `python -m archlang.lower.child`: a request in, XLA's program out.

The compiler is a plug-in of jax that must be there before jax looks for devices, and that writes to the standard error what it
misses on a machine without a GPU. Neither reaches the process that asks.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

from archlang.diagnostics import Diagnostic, DiagnosticError
from archlang.ir import Network
from archlang.lower.compile import compile_for
from archlang.lower.plugins import find_cuda_compiler, has_cuda_compiler
from archlang.lower.programs import Program
from archlang.targets import Gpu, find_gpu


def compiled_for(gpu: Gpu, request: dict[str, Any]) -> str:
    """XLA's program of a network for a GPU, as text. Raises `DiagnosticError` (E0805) where it cannot be had."""
    if not has_cuda_compiler():
        message = "XLA's compiler for NVIDIA GPUs is not installed"
        raise DiagnosticError(
            [Diagnostic("E0805", message, help="`pip install 'archlang[gpu-check]'`; it needs Linux, and no GPU")]
        )
    command = [sys.executable, "-m", "archlang.lower.child"]
    asked = json.dumps({**request, "gpu": gpu.name})
    done = subprocess.run(command, input=asked, capture_output=True, text=True, env=os.environ | {"JAX_PLATFORMS": "cpu"})
    if done.returncode == 0:
        return done.stdout.rstrip("\n")
    said = next((line for line in reversed(done.stderr.splitlines()) if line.strip()), f"exit code {done.returncode}")
    raise DiagnosticError([Diagnostic("E0805", f"cannot compile for {gpu.name}: {said}")])


def main() -> None:
    find_cuda_compiler()
    asked = json.load(sys.stdin)
    program = Program(Network.model_validate(asked["network"]), asked["in_features"], asked["batch"], asked["backward"])
    function, arguments = program.traced()
    print(compile_for(find_gpu(asked["gpu"]), function, *arguments).as_text())


if __name__ == "__main__":
    main()
