"""The instant estimate of whole programs beside XLA's own plan for them: environments, replay buffer, updates and all.

    python benchmarks/whole.py

Each is the epoch of an `archlang train` for a GPU. What is recorded is not compiled again, only estimated; a program that is
not is compiled, in a minute or several. Nothing is run, and no GPU is needed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from record import RESULTS, record, recorded

import archlang
from archlang.analysis.memory import Memory, memory
from archlang.exact import exact_plan
from archlang.targets import REFERENCE, find_gpu
from archlang.types import Type
from archlang.workload import environment, workload_in

COMMAND = "python benchmarks/whole.py"
PAPER = "wang2025/base"
MINE = """\
trunk(n) = dense384, rms, gelu, (res(rms, dense768, gelu, dense384))*{n}
actor = trunk(6), gaussian
sa_encoder = trunk(12), dense128
g_encoder = dense256, relu, dense128
"""


@dataclass(frozen=True)
class Program:
    """A run: `depth` is that of the paper's networks; settings that are not here are the environment's own."""

    environment: str
    depth: int | None = None
    gpu: str = "h100-80gb"
    spec: str = PAPER
    remat: str | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)


PROGRAMS = {
    "reacher": Program("reacher", 4),
    "reacher, deep": Program("reacher", 256, remat="full", settings={"batch_size": 1024}),
    "reacher, many": Program("reacher", 4, settings={"num_envs": 8192, "replay_rows": 200}),
    "reacher, other networks": Program(
        "reacher", spec=MINE, gpu="a100-80gb", settings={"batch_size": 2048, "replay_rows": 500}
    ),
    "humanoid": Program("humanoid", 64),
    "humanoid, many": Program("humanoid", 8, settings={"num_envs": 4096, "replay_rows": 100, "prefill_rows": 62}),
    "ant": Program("ant", 16),
    "ant, many actions": Program(
        "ant", 8, settings={"num_envs": 4096, "replay_rows": 200, "prefill_rows": 62, "explore_best_of": 16}
    ),
    "ant, nested": Program("ant", 1024, gpu="a100-80gb", remat="nested", settings={"optimizer": "lion"}),
    "ant_ball": Program("ant_ball", 4, settings={"batch_size": 4096, "energy": "mrn", "replay_rows": 1000}),
    "point_u_maze": Program("point_u_maze", 32, gpu="l40s-48gb", settings={"replay_dtype": "bfloat16", "optimizer": "sgd"}),
    "pusher_easy": Program("pusher_easy", 16, settings={"num_envs": 1024, "replay_rows": 1000, "optimizer": "adamw"}),
    "cheetah": Program("cheetah", 64, settings={"batch_size": 256, "energy": "dot", "entropy": "off", "replay_rows": 2000}),
    "humanoid_u_maze, many": Program("humanoid_u_maze", 4, settings={"num_envs": 4096, "replay_rows": 100, "prefill_rows": 62}),
    "ant_push, many": Program("ant_push", 4, settings={"num_envs": 2048, "replay_rows": 200, "prefill_rows": 62}),
    "ant_u_maze": Program("ant_u_maze", 8, settings={"num_envs": 256, "loss": "symmetric_infonce"}),
}


def asked(program: Program) -> tuple[Any, ...]:
    """Planned networks, the types of their inputs, and the workload."""
    env = environment(program.environment)
    values = {} if program.depth is None else {"depth": str(program.depth)}
    spec = archlang.load(program.spec, values, action_dim=env.action_dim)
    networks = archlang.plan(spec, env=env, remat=program.remat).networks
    types = {name: Type.of_input(env.in_features(name)) for name in networks}
    return networks, types, workload_in(env, program.settings)


def exact(program: Program) -> dict[str, int]:
    plan = exact_plan(*asked(program), find_gpu(program.gpu))
    return {"exact": plan.total, "temporary": plan.temp, "arguments": plan.argument}


def instant(program: Program) -> Memory:
    return memory(*asked(program), find_gpu(program.gpu).chip or REFERENCE)


def beside(program: Program, planned: Mapping[str, int]) -> dict[str, Any]:
    """Both, and how far the one is from the other."""
    estimated = instant(program)
    error = round(100 * (estimated.total / planned["exact"] - 1), 2)
    return {**planned, "instant": estimated.total, "error_percent": error, "moment": estimated.moment}


def main() -> None:
    known = recorded("whole")["programs"] if (RESULTS / "whole.json").exists() else {}
    planned = {
        name: {size: known[name][size] for size in ("exact", "temporary", "arguments")} for name in PROGRAMS if name in known
    }
    for name, program in PROGRAMS.items():
        planned[name] = planned.get(name) or exact(program)
        write(planned)


def write(planned: Mapping[str, Mapping[str, int]]) -> None:
    programs = {name: {**asdict(PROGRAMS[name]), **beside(PROGRAMS[name], sizes)} for name, sizes in planned.items()}
    worst = max(programs, key=lambda name: abs(programs[name]["error_percent"]))
    record("whole", COMMAND, {"worst_percent": programs[worst]["error_percent"], "worst": worst, "programs": programs})


if __name__ == "__main__":
    main()
