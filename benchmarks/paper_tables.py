"""The tables that the paper's authors gave of FLOPs, memory, parameters and hours, from the shipped specification alone.

    python benchmarks/paper_tables.py

Wang et al. 2025, "1000 Layer Networks for Self-Supervised RL" (arXiv 2503.14858): rebuttal tables 4 and 5 (OpenReview
s0JVsx3bx1); hours: tables 3 and 4 of the camera-ready paper, and the rebuttal's by width. FLOPs, memory and hours by width are
means over three environments. All is for `wang2025/base` at batch 512; nothing is run, no jax imported.
"""

from __future__ import annotations

from collections.abc import Mapping
from statistics import fmean, median
from typing import Any

import archlang
from archlang import Environment, ir
from archlang.analysis.flops import elementwise, flops
from archlang.analysis.params import num_params
from archlang.analysis.parts import parts
from archlang.analysis.saved import kept_bytes
from archlang.analysis.time import GPU, LATENCY, SHARE, time
from archlang.analysis.work import update
from archlang.targets import GPUS
from archlang.types import Type
from archlang.workload import Workload

SPEC, BATCH, REPR_DIM = "wang2025/base", 512, 64
ENVIRONMENTS = (
    Environment("humanoid", state_dim=268, goal_dim=3, action_dim=17),
    Environment("ant_big_maze", state_dim=29, goal_dim=2, action_dim=8),
    Environment("arm_push_easy", state_dim=17, goal_dim=3, action_dim=5),
)
WIDTHS = tuple({"width": width, "depth": 4} for width in (256, 512, 1024, 2048, 4096))
DEPTHS = tuple({"width": 256, "depth": depth} for depth in (4, 8, 16, 32, 64))
ROWS = WIDTHS + DEPTHS
FLOPS = (4.8, 17.4, 66.9, 262.4, 1039.9, 4.8, 8.9, 17.1, 33.5, 66.2)  # billions
MEMORY = (24.8, 63.4, 194.7, 673.3, 2494.6, 24.8, 43.8, 81.9, 158.0, 310.3)  # "MB"; they are MiB
GIGA, MIB = 10**9, 2**20

Networks = Mapping[str, archlang.Network]
Types = Mapping[str, Type]


def networks(setting: Mapping[str, int], env: Environment) -> tuple[Networks, Types]:
    """The three networks as the file has them with `--set`, and the types of their inputs."""
    found = archlang.load(SPEC, setting).bind(action_dim=env.action_dim).networks
    return found, {name: Type.of_input(env.in_features(name)) for name in found}


# --- FLOPs: 15 passes -----------------------------------------------------------------------------------------------------

# Forward and backward, taken for three passes: of the actor and both encoders in its half, of both encoders in the critic's.
WHOLE = {"actor": 1, "sa_encoder": 2, "g_encoder": 2}


def paper_flops(networks: Networks, types: Types) -> int:
    """As the paper seems to count: fifteen passes with their elementwise work, and all differences of embeddings."""
    passes = (3 * WHOLE[name] * forward(networks[name], types[name]) for name in networks)
    differences = 3 * BATCH**2 * REPR_DIM  # φ - ψ, squared, summed, over all pairs
    return BATCH * sum(passes) + 3 * differences


def forward(network: archlang.Network, x: Type) -> int:
    return flops(network.body, x) + elementwise(network.body, x)


def needed_flops(networks: Networks, types: Types) -> int:
    """What an update really needs: `flops_per_update`."""
    return update(networks, types, BATCH).networks


# --- memory ---------------------------------------------------------------------------------------------------------------

# Backward passes whose activations are there at once: of actor and sa_encoder, and of both encoders, side by side.
BACKWARD = {"actor": 1, "sa_encoder": 2, "g_encoder": 1}
LOSS = 4  # arrays of the batch times itself


def paper_memory(networks: Networks, types: Types) -> int:
    """Parameters with Adam's two arrays; what the stacks keep under `dots` for four backward passes; the loss's arrays."""
    params = sum(num_params(networks[name].body, types[name]) for name in networks)
    saved = sum(BACKWARD[name] * stacked(networks[name].body, types[name]) for name in networks)
    return 3 * 4 * params + BATCH * saved + LOSS * 4 * BATCH**2


def stacked(node: ir.Node, x: Type) -> int:
    """Bytes of a row: of each block its input and its four products."""
    if isinstance(node, ir.Repeat) and node.stacked:
        return kept_bytes(node, x)
    return sum(count * stacked(part, seen) for part, seen, count in parts(node, x))


# --- the tables -----------------------------------------------------------------------------------------------------------


def table(paper: tuple[float, ...], count: Any, unit: int) -> list[dict[str, float]]:
    """The paper's figures beside ours, in its order."""
    rows = zip(ROWS, paper, strict=True)
    return [beside(setting, given, mean(count, setting) / unit) for setting, given in rows]


def mean(count: Any, setting: Mapping[str, int]) -> float:
    return fmean(count(*networks(setting, env)) for env in ENVIRONMENTS)


def beside(setting: Mapping[str, Any], paper: float, ours: float, name: str = "counted") -> dict[str, Any]:
    return {**setting, "paper": paper, name: round(ours, 2), "error_percent": round(100 * (ours / paper - 1), 2)}


# --- parameters -----------------------------------------------------------------------------------------------------------

# What the paper says, in millions, and where; what it compares, and the networks of which each figure is right.
CLAIMS = (
    ({"width": 2048, "depth": 4}, 35, "camera-ready, 4.4", ("sa_encoder", "g_encoder")),
    ({"width": 256, "depth": 32}, 2, "camera-ready, 4.4", ("sa_encoder",)),
    ({"width": 4096, "depth": 4}, 70, "first version, 4.7", ("sa_encoder",)),
)


def claim(setting: Mapping[str, int], millions: int, where: str, right_for: tuple[str, ...]) -> dict[str, Any]:
    """A claim beside the counts, in humanoid: one encoder, the critic, all three networks."""
    found, types = networks(setting, ENVIRONMENTS[0])
    params = {name: num_params(network.body, types[name]) for name, network in found.items()}
    critic = params["sa_encoder"] + params["g_encoder"]
    counts = {"sa_encoder": params["sa_encoder"], "critic": critic, "all": critic + params["actor"]}
    return {
        **setting,
        "paper": millions * 10**6,
        "where": where,
        "counted": counts,
        "right_for": " + ".join(right_for),
        "error_percent": round(100 * (sum(params[name] for name in right_for) / (millions * 10**6) - 1), 2),
    }


# --- hours ----------------------------------------------------------------------------------------------------------------

# By environment: its widths, its steps in hundred millions, the hours at depth 4, 8, 16, 32 and 64 (width 256, an A100).
HUMANOID, ANT, ARM = (268, 3, 17), (29, 2, 8), (17, 3, 5)
HOURS = {
    "humanoid": (HUMANOID, 1, (1.48, 2.13, 3.40, 5.92, 10.99)),
    "ant_big_maze": (ANT, 1, (2.12, 2.77, 4.04, 6.57, 11.66)),
    "ant_u4_maze": (ANT, 1, (1.98, 2.54, 3.81, 6.35, 11.43)),
    "ant_u5_maze": (ANT, 4, (9.46, 10.99, 16.09, 31.49, 46.40)),
    "ant_hardest_maze": (ANT, 2, (5.11, 6.39, 8.94, 13.97, 23.96)),
    "arm_push_easy": (ARM, 1, (9.97, 11.02, 12.20, 14.94, 19.52)),
    "arm_push_hard": (ARM, 1, (9.74, 10.55, 11.98, 14.40, 18.53)),
    "arm_binpick_hard": (ARM, 1, (18.41, 17.48, 19.47, 21.91, 29.64)),
    "humanoid_u_maze": (HUMANOID, 4, (8.72, 11.29, 16.36, 26.48, 46.74)),
    "humanoid_big_maze": (HUMANOID, 4, (12.45, 15.02, 20.34, 30.61, 50.33)),
}
HOURS_BY_WIDTH = (4.52, 5.32, 5.96, 8.39, 15.90)  # means over the three environments
# Not used for the fit: humanoid_u_maze for 1.5 hundred million steps; at depth 1024 the actor has 512 layers.
HELD_OUT = {4: 3.23, 8: 4.19, 16: 6.07, 32: 9.83, 64: 17.33, 128: 32.67, 256: 73.83, 512: 120.88, 1024: 134.15}
UPDATES = 2_480_000  # in 10^8 steps: 3,100 training steps of 800 updates


def hours(setting: Mapping[str, int], env: Environment, steps: float, actor_depth: int | None = None) -> float:
    """What `archlang.analysis.time` predicts for the paper's GPU; `steps` in hundred millions."""
    found, types = networks(setting, env)
    if actor_depth is not None:
        found = {**found, "actor": networks({**setting, "depth": actor_depth}, env)[0]["actor"]}
    workload = Workload(BATCH, environment=env, updates=int(steps * UPDATES), env_steps=int(steps * 10**8))
    seconds = time(found, types, workload, GPUS[GPU]).predicted_run_seconds
    assert seconds is not None
    return seconds / 3600


def hours_by_depth() -> list[dict[str, Any]]:
    return [
        {"environment": name} | beside(setting, paper, hours(setting, Environment(name, *widths), steps), "predicted")
        for name, (widths, steps, each) in HOURS.items()
        for setting, paper in zip(DEPTHS, each, strict=True)
    ]


def hours_by_width() -> list[dict[str, Any]]:
    rows = zip(WIDTHS, HOURS_BY_WIDTH, strict=True)
    return [
        beside(setting, paper, fmean(hours(setting, env, 1) for env in ENVIRONMENTS), "predicted") for setting, paper in rows
    ]


def hours_held_out() -> list[dict[str, Any]]:
    env = Environment("humanoid_u_maze", *HUMANOID)
    rows = (({"width": 256, "depth": depth}, 512 if depth == 1024 else None, paper) for depth, paper in HELD_OUT.items())
    return [beside(each, paper, hours(each, env, 1.5, actor), "predicted") for each, actor, paper in rows]


def law(rows: list[dict[str, Any]]) -> dict[str, float]:
    """The constants that all environments share, and how far the hours that they were fitted to are off."""
    errors = [abs(row["error_percent"]) for row in rows]
    return {
        "microseconds_per_layer": round(1e6 * LATENCY, 2),
        "share_of_roofline": SHARE,
        "median_error_percent": round(median(errors), 2),
        "largest_error_percent": max(errors),
    }


def results() -> dict[str, Any]:
    """Everything that is recorded."""
    needed = [{**setting, "counted": round(mean(needed_flops, setting) / GIGA, 2)} for setting in ROWS]
    by_depth, by_width = hours_by_depth(), hours_by_width()
    return {
        "flops (10^9)": table(FLOPS, paper_flops, GIGA),
        "flops_per_update (10^9)": needed,
        "memory (MiB)": table(MEMORY, paper_memory, MIB),
        "parameters": [claim(*each) for each in CLAIMS],
        "hours": by_depth,
        "hours by width": by_width,
        "hours held out": hours_held_out(),
        "law": law(by_depth + by_width),
    }


if __name__ == "__main__":
    from record import record

    record("paper_tables", "python benchmarks/paper_tables.py", results())
