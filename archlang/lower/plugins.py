"""Keeps jax quiet where its CUDA compiler is installed without its CUDA runtime, as the extra `gpu-check` does.

Such a plug-in can compile for a GPU but never run on one, yet jax starts it in every process and prints a traceback when it
finds no driver. An empty module in its place gives jax nothing to start; a process that compiles for a GPU leaves this out.
"""

from __future__ import annotations

import sys
from importlib.util import find_spec
from types import ModuleType

PLUGIN, RUNTIME = "jax_plugins.xla_cuda12", "jax_cuda12_plugin"


def skip_compile_only_cuda() -> None:
    """Hide the CUDA plug-in from jax if it has no runtime; call it before jax looks for devices."""
    if find_spec(RUNTIME) is not None or PLUGIN in sys.modules:
        return
    empty = ModuleType(PLUGIN)
    vars(empty)["initialize"] = lambda: None
    sys.modules[PLUGIN] = empty


def find_cuda_compiler() -> None:
    """Let jax find the plug-in after all, in a process that compiles for a GPU; call it before jax looks for devices."""
    sys.modules.pop(PLUGIN, None)
