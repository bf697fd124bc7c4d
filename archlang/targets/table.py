"""The GPUs that have a name here, and the source of each figure.

- Memory is what CUDA reports to a program, the least that was found: newer drivers keep more. "deviceQuery" is NVIDIA's sample
  (rtx5090-32gb: aikitoria/open-gpu-kernel-modules#1); "PyTorch" is what it lists of a device, or the capacity in its message
  that memory ran out (t4-16gb: Zheng-Chong/CatVTON#133): two digits of a GiB, here rounded down.
- "XLA" is a file of openxla/xla, xla/backends/gpu/target_config/specs, at 4336d12e; h100_sxm at 0774019d, b200 at 300ec95a. Of
  the two sizes in a100_sxm_40 the lesser is here; its h200 has 141 GiB, which no program sees; its v100 is the one with 16 GB.
- Rates are dense, half of those with sparsity, and for sums in f32, which GeForce does at half the rate of professional cards;
  a B200's are an eighth of an HGX B200's. The bandwidth is XLA's where there is a file, else that of the document.
"""

from __future__ import annotations

from collections.abc import Mapping

from archlang.targets.gpu import Chip, Family, Gpu, Speed

KIB, MIB, GB, TERA = 2**10, 2**20, 10**9, 10**12

# Compute capability; shared memory, f32 units and threads of a core (CUDA programming guide, "Compute Capabilities").
VOLTA = Family((7, 0), 96 * KIB, 64, 2048)
TURING = Family((7, 5), 64 * KIB, 64, 1024)
AMPERE = Family((8, 0), 164 * KIB, 64, 2048)
GA10X = Family((8, 6), 100 * KIB, 128, 1536)
ADA = Family((8, 9), 100 * KIB, 128, 1536)
HOPPER = Family((9, 0), 228 * KIB, 128, 2048)
BLACKWELL = Family((10, 0), 228 * KIB, 128, 2048)
RTX50 = Family((12, 0), 100 * KIB, 128, 1536)

# Where no chip is given.
REFERENCE = Chip("NVIDIA H100 80GB HBM3", HOPPER, cores=132, clock_ghz=1.98, l2_bytes=50 * MIB, source="XLA h100_sxm")

# Name, memory, where it was seen; the chip; the speed, which begins with the bandwidth.
ROWS = (
    Gpu(
        "a100-40gb",
        42_298_834_944,
        "XLA a100_sxm_40",
        Chip("NVIDIA A100-SXM4-40GB", AMPERE, cores=108, clock_ghz=1.41, l2_bytes=40 * MIB, source="XLA a100_sxm_40"),
        Speed(1_555_200_000_000, f32=19.5 * TERA, tf32=156 * TERA, bf16=312 * TERA, source="NVIDIA A100 datasheet"),
    ),
    Gpu(
        "a100-80gb",
        84_987_740_160,
        "deviceQuery, CUDA 12.2",
        Chip("NVIDIA A100-SXM4-80GB", AMPERE, cores=108, clock_ghz=1.41, l2_bytes=40 * MIB, source="XLA a100_sxm_80"),
        Speed(2_039_040_000_000, f32=19.5 * TERA, tf32=156 * TERA, bf16=312 * TERA, source="NVIDIA A100 datasheet"),
    ),
    Gpu(
        "h100-80gb",
        84_942_979_072,
        "XLA h100_sxm",
        REFERENCE,
        Speed(3_352_320_000_000, f32=66.9 * TERA, tf32=494.7 * TERA, bf16=989.4 * TERA, source="NVIDIA H100 whitepaper"),
    ),
    Gpu(
        "h100-pcie-80gb",
        84_942_979_072,
        "XLA h100_pcie",
        Chip("NVIDIA H100 PCIe", HOPPER, cores=114, clock_ghz=1.755, l2_bytes=50 * MIB, source="XLA h100_pcie"),
        Speed(2_039_040_000_000, f32=51.2 * TERA, tf32=378 * TERA, bf16=756 * TERA, source="NVIDIA H100 whitepaper"),
    ),
    Gpu(
        "h200-141gb",
        143_156 * MIB,
        "PyTorch: 143,156 MiB",
        Chip("NVIDIA H200", HOPPER, cores=132, clock_ghz=1.98, l2_bytes=50 * MIB, source="XLA h200"),
        Speed(4_800_000_000_000, f32=66.9 * TERA, tf32=494.7 * TERA, bf16=989.4 * TERA, source="NVIDIA H200 datasheet"),
    ),
    Gpu(
        "b200-180gb",
        191_514_411_008,
        "XLA b200",
        Chip("NVIDIA B200", BLACKWELL, cores=148, clock_ghz=1.965, l2_bytes=132_644_864, source="XLA b200"),
        Speed(7_672_320_000_000, f32=75 * TERA, tf32=1125 * TERA, bf16=2250 * TERA, source="NVIDIA HGX B200 datasheet"),
    ),
    Gpu(
        "l40s-48gb",
        45_450 * MIB,
        "PyTorch: 44.39 GiB",
        Chip("NVIDIA L40S", ADA, cores=142, clock_ghz=2.52, l2_bytes=96 * MIB, source="NVIDIA Ada whitepaper"),
        Speed(864 * GB, f32=91.6 * TERA, tf32=183 * TERA, bf16=362.05 * TERA, source="NVIDIA L40S datasheet"),
    ),
    Gpu(
        "a6000-48gb",
        51_041_271_808,
        "XLA a6000",
        Chip("NVIDIA RTX A6000", GA10X, cores=84, clock_ghz=1.8, l2_bytes=6 * MIB, source="XLA a6000"),
        Speed(768_096_000_000, f32=38.7 * TERA, tf32=77.4 * TERA, bf16=154.8 * TERA, source="NVIDIA Ampere GA102 whitepaper"),
    ),
    Gpu(
        "rtx4090-24gb",
        24_079 * MIB,
        "PyTorch: 23.52 GiB",
        Chip("NVIDIA GeForce RTX 4090", ADA, cores=128, clock_ghz=2.52, l2_bytes=72 * MIB, source="NVIDIA Ada whitepaper"),
        Speed(1008 * GB, f32=82.6 * TERA, tf32=82.6 * TERA, bf16=165.2 * TERA, source="NVIDIA Ada whitepaper"),
    ),
    Gpu(
        "rtx5090-32gb",
        33_677_180_928,
        "deviceQuery, driver 570",
        Chip(
            "NVIDIA GeForce RTX 5090",
            RTX50,
            cores=170,
            clock_ghz=2.407,
            l2_bytes=96 * MIB,
            source="NVIDIA RTX Blackwell whitepaper",
        ),
        Speed(1792 * GB, f32=104.8 * TERA, tf32=104.8 * TERA, bf16=209.5 * TERA, source="NVIDIA RTX Blackwell whitepaper"),
    ),
    Gpu(
        "rtx3090-24gb",
        24_120 * MIB,
        "PyTorch: 23.56 GiB",
        Chip(
            "NVIDIA GeForce RTX 3090",
            GA10X,
            cores=82,
            clock_ghz=1.695,
            l2_bytes=6 * MIB,
            source="NVIDIA Ampere GA102 whitepaper",
        ),
        Speed(936_096_000_000, f32=35.6 * TERA, tf32=35.6 * TERA, bf16=71 * TERA, source="NVIDIA Ampere GA102 whitepaper"),
    ),
    Gpu(
        "t4-16gb",
        14_904 * MIB,
        "PyTorch: 14.56 GiB",
        Chip("Tesla T4", TURING, cores=40, clock_ghz=1.59, l2_bytes=4 * MIB, source="deviceQuery"),
        Speed(320 * GB, f32=8.1 * TERA, tf32=None, bf16=None, source="NVIDIA T4 datasheet"),
    ),
    Gpu(
        "v100-32gb",
        34_089_730_048,
        "deviceQuery, CUDA 11.4",
        Chip("Tesla V100-SXM2-32GB", VOLTA, cores=80, clock_ghz=1.53, l2_bytes=6 * MIB, source="XLA v100"),
        Speed(898_048_000_000, f32=15.7 * TERA, tf32=None, bf16=None, source="NVIDIA V100 datasheet"),
    ),
)
GPUS: Mapping[str, Gpu] = {gpu.name: gpu for gpu in ROWS}
