"""A GPU as XLA must have it described to compile for it."""

from __future__ import annotations

from archlang.targets.find import not_compilable
from archlang.targets.gpu import Gpu


def description(gpu: Gpu) -> str:
    """XLA's target description, as protobuf text. Raises `DiagnosticError` (E0502) where only the memory is known."""
    chip, speed = gpu.chip, gpu.speed
    if chip is None or speed is None:
        raise not_compilable(gpu)
    major, minor = chip.family.capability
    return DESCRIPTION.format(gpu=gpu, chip=chip, family=chip.family, speed=speed, major=major, minor=minor)


# XLA's own descriptions of 9.0 and 10.0 have `feature_extension: ACCELERATED_FEATURES`, too. It is left out: the programs of
# three networks and the plans of their memory were the same with it.
DESCRIPTION = """
gpu_device_info {{
  threads_per_block_limit: 1024  threads_per_warp: 32
  shared_memory_per_block: 49152  shared_memory_per_block_optin: {family.block_bytes}
  shared_memory_per_core: {family.shared_bytes}  threads_per_core_limit: {family.threads}
  core_count: {chip.cores}  fpus_per_core: {family.fpus}
  block_dim_limit_x: 2147483647  block_dim_limit_y: 65535  block_dim_limit_z: 65535
  memory_bandwidth: {speed.bandwidth}  l2_cache_size: {chip.l2_bytes}  clock_rate_ghz: {chip.clock_ghz}
  device_memory_size: {gpu.memory_bytes}
  cuda_compute_capability {{ major: {major} minor: {minor} }}
  registers_per_core_limit: 65536  registers_per_block_limit: 65536
}}
platform_name: "CUDA"
dnn_version_info {{ major: 9 minor: 8 patch: 0 }}
device_description_str: "{chip.model}"
"""
