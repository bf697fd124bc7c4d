"""How long training takes: the least that a GPU's figures allow, and, apart from that, what runs that were timed suggest.

The least is a roofline (Williams et al. 2009): the matrix products of an update at the peak rate of the fastest units that they
may use, or the bytes that it must move at the peak bandwidth, whichever takes longer. For float32 these units are tensor cores
in TF32 on NVIDIA's Ampere and later, jax's default there (docs.jax.dev, "Matmul precision"; jax-ml/jax#12008); on others, CUDA
cores.

The prediction is a law with three kinds of constants, fitted to the hours that the authors of the 1000-layer networks report of
their own code on an A100 with 80 GB (`benchmarks/paper_tables.py`):

    seconds of an update = LATENCY · dense layers that are passed, one after the other + roofline / SHARE
    seconds of a run = updates · seconds of an update + environment steps · STEPPING

Narrow networks leave a GPU waiting for the next layer, whatever their width; so the two are added, and neither hides the other.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from archlang import ir
from archlang.analysis.forward import widest
from archlang.analysis.params import num_params
from archlang.analysis.parts import parts, width_of
from archlang.analysis.saved import kept_bytes
from archlang.analysis.sums import sums
from archlang.analysis.work import extra, update
from archlang.targets import Gpu, Speed
from archlang.types import Type
from archlang.workload import Workload

FLOAT = 4  # bytes of a parameter, and of its gradient
# Fitted to the hours; how far they are off is recorded in benchmarks/results/paper_tables.json.
LATENCY = 17.76e-6  # seconds
SHARE = 0.303  # of the roofline's speed
STEPPING = {  # hours of 10^8 environment steps, with everything that is no update: relabelling, evaluation
    "humanoid": 0.56,
    "humanoid_u_maze": 1.25,
    "humanoid_big_maze": 2.20,
    "ant_big_maze": 1.22,
    "ant_hardest_maze": 1.62,
    "ant_u4_maze": 1.01,
    "ant_u5_maze": 1.35,
    "arm_push_easy": 9.58,
    "arm_push_hard": 8.89,
    "arm_binpick_hard": 16.87,
}
HOURS = 3600 / 10**8  # seconds of a step, for an hour of 10^8
GPU = "a100-80gb"
CALIBRATION = "the hours that Wang et al. 2025 report of their code on an A100 80 GB, 512 environments side by side"
# Of those runs: rows of a batch, matrix products of a network in sequence, columns of its widest.
BATCHES, LAYERS, WIDTHS, ENVIRONMENTS = (512, 512), (6, 130), (256, 4096), (512, 512)


@dataclass(frozen=True)
class Roofline:
    """The least that an update can take: FLOPs at FLOP/s, bytes at bytes per second."""

    flops: int
    rate: float
    bytes: int
    bandwidth: int

    @property
    def seconds(self) -> float:
        return max(self.flops / self.rate, self.bytes / self.bandwidth)

    @property
    def bound(self) -> str:
        """What takes longer."""
        return "matrix products" if self.flops / self.rate >= self.bytes / self.bandwidth else "memory"


@dataclass(frozen=True)
class Prediction:
    """Seconds of an update, and of everything else for one step of one environment; None where no run was timed in it.

    `beyond`: in what the program is unlike the runs that were timed.
    """

    update_seconds: float
    step_seconds: float | None
    beyond: tuple[str, ...] = ()


@dataclass(frozen=True)
class Time:
    """Of a run with so many updates and environment steps. `notes`: what is not known, and why."""

    updates: int
    env_steps: int
    least: Roofline | None
    predicted: Prediction | None
    notes: tuple[str, ...] = ()

    @property
    def least_run_seconds(self) -> float | None:
        """The updates alone."""
        return None if self.least is None else self.updates * self.least.seconds

    @property
    def predicted_run_seconds(self) -> float | None:
        found = self.predicted
        if found is None or found.step_seconds is None:
            return None
        return self.updates * found.update_seconds + self.env_steps * found.step_seconds

    def as_json(self) -> dict[str, Any]:
        """Seconds; None for what is not known."""
        least, found = self.least, self.predicted
        return {
            "least": least
            and {"update_seconds": least.seconds, "run_seconds": self.least_run_seconds, "bound": least.bound} | asdict(least),
            "predicted": found and {"run_seconds": self.predicted_run_seconds, "calibration": CALIBRATION} | asdict(found),
            "notes": list(self.notes),
        }


def time(networks: Mapping[str, ir.Network], types: Mapping[str, Type], workload: Workload, gpu: Gpu) -> Time:
    """How long a run takes whose planned networks take these types: the least, and a prediction where there is data for one."""
    least = roofline(networks, types, workload, gpu)
    predicted = None if least is None or gpu.name != GPU else predict(networks, types, workload, least)
    return Time(workload.updates, workload.env_steps, least, predicted, tuple(notes(gpu, predicted, workload)))


def notes(gpu: Gpu, predicted: Prediction | None, workload: Workload) -> Iterator[str]:
    if gpu.speed is None:
        yield f"how fast {gpu.name} is, is not known"
    elif predicted is None:
        yield f"no prediction for {gpu.name}: the runs that were timed are {GPU}'s"
    elif predicted.step_seconds is None and workload.environment is not None:
        yield f"no prediction for a run: in {workload.environment.name} none was timed"


# --- the least ------------------------------------------------------------------------------------------------------------


def roofline(networks: Mapping[str, ir.Network], types: Mapping[str, Type], workload: Workload, gpu: Gpu) -> Roofline | None:
    """The least that an update can take on a GPU; None where its speed is not known."""
    if gpu.speed is None:
        return None
    work = update(networks, types, workload.batch_size)
    moved = moved_bytes(networks, types, workload, 0 if gpu.chip is None else gpu.chip.l2_bytes)
    in_bfloat16 = any(has_bfloat16(network.body, types[name]) for name, network in networks.items())
    return Roofline(work.networks + work.recomputed, rate(gpu.speed, in_bfloat16), moved, gpu.speed.bandwidth)


def rate(speed: Speed, in_bfloat16: bool) -> float:
    """FLOP/s of the fastest units; products in bfloat16 are float32's where there are no units for them."""
    fastest = speed.tf32 or speed.f32
    return max(fastest, speed.bf16 or 0) if in_bfloat16 else fastest


def has_bfloat16(node: ir.Node, x: Type) -> bool:
    """Whether any matrix product takes bfloat16."""
    if isinstance(node, ir.Layer):
        return x.dtype == "bf16" and node.layer.flops(width_of(x)) > 0
    gated = isinstance(node, ir.Residual) and node.gate is not None and x.dtype == "bf16"
    return gated or any(has_bfloat16(part, seen) for part, seen, _ in parts(node, x))


def moved_bytes(networks: Mapping[str, ir.Network], types: Mapping[str, Type], workload: Workload, cache: int) -> int:
    """What an update must read and write.

    Parameters with what the optimizer keeps of them, gradients, and what stacks save for each of its backward passes: of what
    else jax saves, XLA computes much again. Of each, as much as the cache holds need not go to memory and back.
    """
    size = FLOAT * sum(num_params(network.body, types[name]) for name, network in networks.items())
    saved = [workload.batch_size * stacked(network.body, types[name]) for name, network in backward_passes(networks)]
    return 2 * sum(max(0, held - cache) for held in ((1 + workload.kept_per_parameter) * size, size, *saved))


def stacked(node: ir.Node, x: Type) -> int:
    """Bytes of a row that the loops of a network save."""
    if isinstance(node, ir.Repeat) and node.is_loop:
        return kept_bytes(node, x)
    return sum(count * stacked(part, seen) for part, seen, count in parts(node, x))


def backward_passes(networks: Mapping[str, ir.Network]) -> Iterator[tuple[str, ir.Network]]:
    for name, network in networks.items():
        for _ in range(1 + extra(networks, name)[1]):
            yield name, network


# --- the prediction -------------------------------------------------------------------------------------------------------


def predict(networks: Mapping[str, ir.Network], types: Mapping[str, Type], workload: Workload, least: Roofline) -> Prediction:
    """By the law, for the GPU that it was fitted for."""
    seconds = LATENCY * passed(networks, types) + least.seconds / SHARE
    hours = 0.0 if workload.environment is None else STEPPING.get(workload.environment.name)
    return Prediction(seconds, None if hours is None else HOURS * hours, tuple(unlike(networks, types, workload)))


def passed(networks: Mapping[str, ir.Network], types: Mapping[str, Type]) -> int:
    """Matrix products that wait for one another: of a forward pass one for each layer, of a backward pass two."""
    forward = {name: sum(extra(networks, name)) for name in networks}
    return sum((3 + forward[name]) * products(network.body, types[name]) for name, network in networks.items())


def products(node: ir.Node, x: Type) -> int:
    """The layers of a network that are matrix products, with the gates."""
    return sums(node, x).products


def unlike(networks: Mapping[str, ir.Network], types: Mapping[str, Type], workload: Workload) -> Iterator[str]:
    """In what a program is outside what was timed."""
    depths = [products(network.body, types[name]) for name, network in networks.items()]
    widths = [widest(network.body, types[name]) for name, network in networks.items()]
    found = {
        "rows of a batch": (workload.batch_size, BATCHES),
        "layers": (max(depths), LAYERS),
        "width": (max(widths), WIDTHS),
        "environments": (workload.num_envs or ENVIRONMENTS[0], ENVIRONMENTS),
    }
    for what, (value, (low, high)) in found.items():
        if not low <= value <= high:
            timed = f"{low:,}" if low == high else f"{low:,} to {high:,}"
            yield f"{what}: {value:,}, where {timed} were timed"
    if workload.optimizer != "adam":
        yield f"optimizer: {workload.optimizer}, where adam was timed"
    if update(networks, types, workload.batch_size).recomputed:
        yield "products that are computed again, where none were"
