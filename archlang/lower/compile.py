"""Any jitted function → the program that XLA makes of it for a GPU, on a machine that has one or not.

It needs the extra `archlang[gpu-check]`: XLA's CUDA compiler as a plug-in of jax, and the assembler that it calls; neither a
driver nor NVIDIA's other libraries. No autotuning happens, and XLA only warns of a program that is larger than the GPU: the
verdict is the reader's.
"""

from __future__ import annotations

from typing import Any

import jax
from jax.experimental import topologies
from jax.sharding import SingleDeviceSharding

from archlang.lower.calls import allow_solvers
from archlang.targets import Gpu, description


def compile_for(gpu: Gpu | None, function: Any, *arguments: Any, **jit_options: Any) -> Any:
    """Compile `function` for the GPU; None: for this machine. `arguments` are pytrees of arrays or `jax.ShapeDtypeStruct`.

    Call `archlang.lower.plugins.find_cuda_compiler()` before jax looks for devices, with `JAX_PLATFORMS=cpu`.
    """
    sharding = None if gpu is None else SingleDeviceSharding(device(gpu))

    def abstract(leaf: Any) -> jax.ShapeDtypeStruct:
        return jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=sharding)

    return jax.jit(function, **jit_options).lower(*jax.tree.map(abstract, arguments)).compile()


def device(gpu: Gpu) -> Any:
    """The GPU as a device of jax, there or not."""
    allow_solvers()
    asked = {"target_config": description(gpu), "topology": "1x1x1"}
    return topologies.get_topology_desc(topology_name="", platform="cuda", **asked).devices[0]


def planned_bytes(compiled: Any) -> int:
    """What XLA plans to have in memory at once: arguments, outputs and temporaries, shared memory counted once.

    `peak_memory_in_bytes` leaves the temporaries out on some platforms and versions.
    """
    plan = compiled.memory_analysis()
    return plan.argument_size_in_bytes + plan.output_size_in_bytes + plan.temp_size_in_bytes - plan.alias_size_in_bytes
