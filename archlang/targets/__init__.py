"""GPUs as data: what XLA must know of one to compile for it, here or where there is none.

The numbers are those of XLA's own target descriptions (openxla/xla, xla/backends/gpu/target_config/specs); bytes, bytes per
second and GHz.
"""

from __future__ import annotations

from dataclasses import dataclass

from archlang.diagnostics import Diagnostic, DiagnosticError, did_you_mean
from archlang.source import Source


@dataclass(frozen=True)
class Gpu:
    """A GPU by the name that the command line has for it."""

    name: str
    model: str
    capability: tuple[int, int]
    cores: int
    clock_ghz: float
    memory_bytes: int  # as a program sees it
    bandwidth: int
    l2_bytes: int
    shared_bytes: int  # of a core; a block may have 1 KiB less
    fpus_per_core: int = 128
    threads_per_core: int = 2048

    @property
    def description(self) -> str:
        """XLA's target description, as protobuf text."""
        return DESCRIPTION.format(gpu=self, optin=self.shared_bytes - 1024, major=self.capability[0], minor=self.capability[1])


DESCRIPTION = """
gpu_device_info {{
  threads_per_block_limit: 1024  threads_per_warp: 32
  shared_memory_per_block: 49152  shared_memory_per_block_optin: {optin}  shared_memory_per_core: {gpu.shared_bytes}
  threads_per_core_limit: {gpu.threads_per_core}  core_count: {gpu.cores}  fpus_per_core: {gpu.fpus_per_core}
  block_dim_limit_x: 2147483647  block_dim_limit_y: 65535  block_dim_limit_z: 65535
  memory_bandwidth: {gpu.bandwidth}  l2_cache_size: {gpu.l2_bytes}  clock_rate_ghz: {gpu.clock_ghz}
  device_memory_size: {gpu.memory_bytes}
  cuda_compute_capability {{ major: {major} minor: {minor} }}
  registers_per_core_limit: 65536  registers_per_block_limit: 65536
}}
platform_name: "CUDA"
dnn_version_info {{ major: 9 minor: 8 patch: 0 }}
device_description_str: "{gpu.model}"
"""

GPUS = {
    gpu.name: gpu
    for gpu in (
        Gpu(
            name="h100-80gb",
            model="NVIDIA H100 80GB HBM3",
            capability=(9, 0),
            cores=132,
            clock_ghz=1.98,
            memory_bytes=84_942_979_072,
            bandwidth=3_352_320_000_000,
            l2_bytes=52_428_800,
            shared_bytes=233_472,
        ),
    )
}


def find_gpu(name: str) -> Gpu:
    """The GPU of that name. Raises `DiagnosticError` (E0502) where there is none."""
    if name in GPUS:
        return GPUS[name]
    similar = did_you_mean(name, GPUS)
    help = f"did you mean `{similar}`?" if similar else f"there are: {', '.join(GPUS)}"
    raise DiagnosticError([Diagnostic("E0502", f"there is no GPU `{name}`", Source(name, "--gpu").span(), help=help)])
