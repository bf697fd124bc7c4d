"""XLA asked in a process of its own: a question in, what `archlang.lower.child` makes of it out. This process imports no jax.

The compiler for NVIDIA GPUs is a plug-in of jax that must be there before jax looks for devices, and that writes to the
standard error what it misses on a machine without a GPU. Neither reaches the process that asks.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, distribution
from signal import Signals
from subprocess import PIPE, Popen
from typing import Any

from archlang.diagnostics import Diagnostic, DiagnosticError
from archlang.targets import Gpu

COMPILER = "jax-cuda12-pjrt"
COMMAND = ("-P", "-m", "archlang.lower.child")  # -P: a file in the user's folder is not taken for a library
SETTINGS = {"JAX_PLATFORMS": "cpu", "JAX_ENABLE_COMPILATION_CACHE": "false"}  # what is compiled for another machine stays apart


def ask(question: Mapping[str, Any], gpu: Gpu | None) -> str:
    """The answer to a question about a program for a GPU; for the CPU of this machine, if there is none.

    Raises `DiagnosticError` (E0805) where it cannot be had.
    """
    if gpu is not None and not has_cuda_compiler():
        message = "XLA's compiler for NVIDIA GPUs is not installed"
        help = "`pip install 'archlang[gpu-check]'`: it needs Linux, and no GPU; or leave `--gpu` out, for this machine's CPU"
        raise DiagnosticError([Diagnostic("E0805", message, help=help)])
    target = "the CPU" if gpu is None else gpu.name
    code, answer, said = compiled(json.dumps({**question, "gpu": gpu and gpu.name}), f"compiling for {target} …")
    if code == 0:
        return answer.rstrip("\n")
    why = ended(code) if code < 0 else next((line for line in reversed(said.splitlines()) if line.strip()), f"exit code {code}")
    raise DiagnosticError([Diagnostic("E0805", f"cannot compile for {target}: {why}")])


def compiled(question: str, doing: str) -> tuple[int, str, str]:
    """Exit code, output and errors of the child. It never outlives an interrupt; people see that it is at work."""
    from rich.console import Console

    environment = os.environ | SETTINGS
    plain = False if os.environ.get("NO_COLOR") else None  # as if it were no terminal, on which nothing turns
    command = [sys.executable, *COMMAND]
    with (
        Console(stderr=True, force_terminal=plain).status(doing),
        Popen(command, stdin=PIPE, stdout=PIPE, stderr=PIPE, text=True, env=environment) as child,
    ):
        try:
            answer, said = child.communicate(question)
        except BaseException:
            child.kill()
            child.wait()
            raise
    return child.returncode, answer, said


def ended(code: int) -> str:
    """Why a child that a signal ended did not answer."""
    name = Signals(-code).name
    return f"the compiler was ended by {name}" + ("; the memory of this machine may not do" if name == "SIGKILL" else "")


def has_cuda_compiler() -> bool:
    """Whether it is installed: by the extra `archlang[gpu-check]`, or with JAX's CUDA build."""
    try:
        distribution(COMPILER)
    except PackageNotFoundError:
        return False
    return True
