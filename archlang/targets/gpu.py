"""What is known of a GPU: its memory; and of one that a program can be compiled for, its chip and how fast it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

RESERVED = 1024  # bytes of a core's shared memory that CUDA keeps for each block, from compute capability 8.0 on
PEAKS = ("f32", "tf32", "bf16")
FIGURES, DIGITS = ("GiB", "GB/s", *PEAKS, "capability"), (2, 0, 1, 1, 1)
GIB, GB, TERA = 2**30, 10**9, 10**12


@dataclass(frozen=True)
class Family:
    """What the chips of one compute capability have in common, for each of their cores: NVIDIA's multiprocessors."""

    capability: tuple[int, int]
    shared_bytes: int
    fpus: int
    threads: int

    @property
    def block_bytes(self) -> int:
        """The most shared memory that one block may have."""
        return self.shared_bytes - (RESERVED if self.capability >= (8, 0) else 0)


@dataclass(frozen=True)
class Chip:
    """What XLA must know of a GPU to compile for it, beside its memory."""

    model: str
    family: Family
    cores: int
    clock_ghz: float
    l2_bytes: int
    source: str

    @property
    def capability(self) -> str:
        return ".".join(map(str, self.family.capability))


@dataclass(frozen=True)
class Speed:
    """The most that a GPU can do: bytes per second to and from its memory, FLOP/s with f32 on CUDA cores, with tf32 and bf16 on
    tensor cores. Dense, and summed up in f32; None where there is no such unit."""

    bandwidth: int
    f32: float
    tf32: float | None
    bf16: float | None
    source: str


@dataclass(frozen=True)
class Gpu:
    """A GPU by the name that the command line has for it. Where only its memory is known, `chip` and `speed` are None.

    `memory_bytes` is what CUDA reports to a program, whose context and kernels come out of it; `memory_source` is where it did.
    """

    name: str
    memory_bytes: int
    memory_source: str
    chip: Chip | None = None
    speed: Speed | None = None

    def as_json(self) -> dict[str, Any]:
        """As `archlang gpus --json` has it: bytes, bytes per second, FLOP/s; None for what there is not, or is not known."""
        chip, speed = self.chip, self.speed
        return {
            "model": chip and chip.model,
            "memory": self.memory_bytes,
            "bandwidth": speed and speed.bandwidth,
            "peak": {name: speed and getattr(speed, name) for name in PEAKS},
            "capability": chip and chip.capability,
            "sources": {"memory": self.memory_source, "chip": chip and chip.source, "speed": speed and speed.source},
        }

    def sources(self) -> list[str]:
        """Where its figures are from, each once: memory, chip, speed."""
        return [source for source in dict.fromkeys(self.as_json()["sources"].values()) if source is not None]

    def figures(self) -> list[str]:
        """Its numbers as people read them, under `FIGURES`; "-" for what there is not, or is not known."""
        about = self.as_json()
        numbers = (
            about["memory"] / GIB,
            in_units(about["bandwidth"], GB),
            *(in_units(p, TERA) for p in about["peak"].values()),
        )
        shown = ("-" if number is None else f"{number:,.{digits}f}" for number, digits in zip(numbers, DIGITS, strict=True))
        return [*shown, about["capability"] or "-"]


def in_units(number: float | None, unit: int) -> float | None:
    return None if number is None else number / unit
