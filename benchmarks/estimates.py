"""The instant estimate of an update beside XLA's own plan for it, over networks that are drawn: how far one is from the other.

    python benchmarks/estimates.py [--seed S] [--count N] [--compiled FILE]

Each setting is a network of its own kind for each role, a policy, a batch, an environment's widths and a GPU, in turns, so that
each comes as often as any other; depth, width and the rest are drawn. The update is that of `archlang train` with its Adam. One
process compiles one setting after the other and writes each plan to FILE at once; what is there already is not compiled again.
Where XLA fails, that is recorded too. Nothing is run, and no GPU is needed; 216 settings take two cores about half an hour:
those of the seed, and fewer of another that the closed form has never seen.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import random
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from itertools import cycle, islice
from pathlib import Path
from typing import Any

from record import record

import archlang
from archlang import Simulator
from archlang.analysis.memory import Memory, memory
from archlang.targets import REFERENCE, find_gpu
from archlang.types import Type
from archlang_runtime.workload import make_workload

WIDTHS = (64, 96, 128, 192, 256, 384, 512, 768, 1024)
BATCHES = (64, 128, 256, 512, 1024, 2048)
NORMS = ("ln", "rms", "l2", "id", "ln", "bn")
ACTIVATIONS = ("swish", "relu", "gelu", "tanh", "elu", "mish", "leaky")
POLICIES = ("none", "dots", "full", "nested")
DRAWN = 168  # settings from a seed; a multiple of the numbers of most choices
HELD_OUT = (4, 48)  # a seed, and how many of it: no rule of the closed form was made with these in sight
GPUS = ("h100-80gb", "a100-80gb")
ENVIRONMENTS = ("reacher", "ant", "humanoid")
SHAPES = ("one trunk", "unlike roles", "two widths", "one trunk", "narrowing")
BODIES = {  # name: (text, dense layers in a row)
    "paper": ("res(4x<dense{w}, {norm}, {act}>)", 4),
    "two": ("res(2x<dense{w}, {norm}, {act}>)", 2),
    "plain": ("{norm}, dense{w}, {act}", 1),
    "narrow": ("res(dense{narrow}, {norm}, {act}, dense{w})", 2),
    "wide": ("res({norm}, dense{wide}, {act}, dense{w})", 2),
    "post": ("res(dense{w}, {act}, dense{w}, post={norm})", 2),
    "par": ("res(par(<dense{w}, {act}>; <dense{w}, {norm}>))", 1),
    "gated": ("res(dense{w}, {norm}, {act}, gate=sigmoid)", 1),
}


@dataclass(frozen=True)
class Setting:
    """What is compiled, and what it was drawn from."""

    text: str
    environment: str
    batch: int
    gpu: str
    policy: str
    body: str


# --- drawing ----------------------------------------------------------------------------------------------------------------


def settings(seed: int) -> list[Setting]:
    """The same for the same seed; of each choice, every one as often as the others."""
    rng, count = random.Random(seed), DRAWN
    choices = (POLICIES, BODIES, BATCHES, GPUS, ENVIRONMENTS, SHAPES, WIDTHS, NORMS, ACTIVATIONS)
    return [setting(rng, *drawn) for drawn in zip(*(turns(rng, each, count) for each in choices), strict=True)]


def turns(rng: random.Random, values: Any, count: int) -> list[Any]:
    """Each value in turn, shuffled."""
    drawn = list(islice(cycle(values), count))
    rng.shuffle(drawn)
    return drawn


def setting(
    rng: random.Random, policy: str, body: str, batch: int, gpu: str, env: str, shape: str, width: int, norm: str, act: str
) -> Setting:
    def trunk(width: int, layers: float) -> str:
        return f"dense{width}, {norm}, {act}, {stack(policy, body, width, layers, norm, act)}"

    layers = 2 ** rng.uniform(2, 10)
    other, share = rng.choice(WIDTHS), rng.choice([0.25, 0.5, 1])
    actor = sa_encoder = g_encoder = trunk(width, layers)
    if shape == "unlike roles":
        actor, g_encoder = trunk(width, layers * share), trunk(other, layers)
    if shape == "two widths":
        actor = sa_encoder = g_encoder = f"{trunk(width, layers * share)}, {trunk(other, layers / 2)}"
    if shape == "narrowing":
        g_encoder = f"dense{width}, {norm}, {act}, dense{other}, {act}"
    if rng.random() < 0.1:
        actor, sa_encoder, g_encoder = (f"@dtype(bf16) <{each}>" for each in (actor, sa_encoder, g_encoder))
    text = f"actor = {actor}, gaussian\nsa_encoder = {sa_encoder}, dense64\ng_encoder = {g_encoder}, dense64\n"
    return Setting(text, env, batch, gpu, policy, body)


def stack(policy: str, body: str, width: int, layers: float, norm: str, act: str) -> str:
    written, each = BODIES[body]
    words = {"w": width, "narrow": max(16, width // 4), "wide": 2 * width, "norm": norm, "act": act}
    return f"@remat({policy}) ({written.format(**words)})*{max(2, round(layers / each))}"


# --- compiling --------------------------------------------------------------------------------------------------------------


def compile_one(drawn: Setting) -> dict[str, int]:
    """What XLA plans, in this process."""
    import jax

    from archlang.lower.compile import compile_for, planned_bytes
    from archlang_runtime.config import TrainConfig
    from archlang_runtime.learn import make_learning
    from archlang_runtime.networks import take_apart
    from archlang_runtime.replay import Batch

    env = archlang.environment(drawn.environment)
    plan = archlang.plan(archlang.parse(drawn.text), env=env)
    learning = make_learning(TrainConfig(environment=env.name), env.action_dim, take_apart(plan, env))
    key = jax.eval_shape(lambda: jax.random.key(0))
    widths = (env.state_dim, env.action_dim, env.goal_dim)
    rows = Batch(*(jax.ShapeDtypeStruct((drawn.batch, width), "float32") for width in widths))
    shapes = (jax.eval_shape(learning.init, key), rows, key)
    compiled = compile_for(find_gpu(drawn.gpu), learning.update, *shapes, donate_argnums=0)
    jax.clear_caches()
    return {"exact": planned_bytes(compiled), "temporary": compiled.memory_analysis().temp_size_in_bytes}


def compile_all(place: Path) -> None:
    """Every setting of the standard input that has no line in the file yet."""
    from archlang.lower.plugins import find_cuda_compiler

    find_cuda_compiler()
    for line in sys.stdin:
        drawn = Setting(**json.loads(line))
        try:
            found: dict[str, Any] = compile_one(drawn)
        except Exception as error:
            found = {"failed": f"{type(error).__name__}: {error}"[:300]}
        append(place, drawn, found)


def append(place: Path, drawn: Setting, found: dict[str, Any]) -> None:
    with place.open("a") as file:
        file.write(json.dumps(asdict(drawn) | found) + "\n")


def compiled(drawn: Sequence[Setting], place: Path) -> list[dict[str, Any]]:
    """What is known of each setting; a process compiles what is missing, and another goes on where one ends early."""
    while missing := [each for each in drawn if each not in known(place)]:
        before = len(known(place))
        command, environment = [sys.executable, __file__, "--compile", str(place)], os.environ | {"JAX_PLATFORMS": "cpu"}
        lines = "\n".join(json.dumps(asdict(each)) for each in missing)
        done = subprocess.run(command, env=environment, input=lines, text=True, stderr=subprocess.DEVNULL)
        if done.returncode != 0:
            ended = missing[len(known(place)) - before]
            append(place, ended, {"failed": f"the compiler ended with status {done.returncode}"})
    found = known(place)
    return [asdict(each) | found[each] for each in drawn]


def known(place: Path) -> dict[Setting, dict[str, Any]]:
    if not place.exists():
        return {}
    lines = [json.loads(line) for line in place.read_text().splitlines()]
    names = Setting.__dataclass_fields__
    return {
        Setting(**{name: line[name] for name in names}): {k: v for k, v in line.items() if k not in names} for line in lines
    }


# --- comparing --------------------------------------------------------------------------------------------------------------


def instant(drawn: Setting) -> Memory:
    """What an update alone needs by the closed form."""
    env = archlang.environment(drawn.environment)
    plan = archlang.plan(archlang.parse(drawn.text), env=env)
    types = {name: Type.of_input(env.in_features(name)) for name in plan.networks}
    made = make_workload(env.name, {"batch_size": drawn.batch, "num_envs": drawn.batch})
    update = replace(made, num_envs=0, replay_rows=0, simulator=Simulator(), acting={}, metrics_bytes=0)
    return memory(plan.networks, types, update, find_gpu(drawn.gpu).chip or REFERENCE)


def compared(row: dict[str, Any]) -> dict[str, Any]:
    """A row with both sizes, the most that is allowed for, and the error in percent of what XLA plans."""
    if "failed" in row:
        return row
    estimate = instant(Setting(**{name: row[name] for name in Setting.__dataclass_fields__}))
    error = round(100 * (estimate.total / row["exact"] - 1), 3)
    return row | {"instant": estimate.total, "at_most": estimate.at_most, "error_percent": error}


def summary(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Of the errors without their signs: median, 95th percentile and largest, in percent; of all settings and by policy."""
    measured = [row for row in rows if "failed" not in row]
    by_policy = {policy: [row for row in measured if row["policy"] == policy] for policy in POLICIES}
    return {
        "settings": len(measured),
        "failed": len(rows) - len(measured),
        **errors(measured),
        "by_policy": {policy: {"settings": len(found), **errors(found)} for policy, found in by_policy.items() if found},
    }


def errors(rows: Sequence[dict[str, Any]]) -> dict[str, float]:
    sizes = sorted(abs(row["error_percent"]) for row in rows)
    p95 = sizes[math.ceil(0.95 * len(sizes)) - 1]
    return {"median_percent": round(statistics.median(sizes), 3), "p95_percent": p95, "max_percent": sizes[-1]}


# --- the picture ------------------------------------------------------------------------------------------------------------


def draw(rows: Sequence[dict[str, Any]], place: Path) -> None:
    """Each setting a point: its size, and by how much the instant estimate is off."""
    from matplotlib import rc_context
    from matplotlib.figure import Figure
    from matplotlib.ticker import EngFormatter, FuncFormatter

    from archlang_runtime.plot import COLOURS, GREY, PALE, save

    with rc_context({"font.size": 9}):
        figure = Figure(figsize=(7.2, 3.9), dpi=150, layout="constrained")
        axes = figure.subplots()
        axes.axhspan(-3, 3, color=PALE, linewidth=0)
        for policy, colour in zip(POLICIES, COLOURS, strict=False):
            found = [row for row in rows if row.get("policy") == policy and "failed" not in row]
            sizes, off = [row["exact"] for row in found], [row["error_percent"] for row in found]
            axes.scatter(sizes, off, s=13, color=colour, label=policy, alpha=0.8, linewidth=0)
        axes.set_xscale("log")
        axes.xaxis.set_major_formatter(EngFormatter("B"))
        axes.yaxis.set_major_formatter(FuncFormatter("{:+g} %".format))
        axes.set_xlabel("what XLA plans for an update", color=GREY)
        axes.set_title("the instant estimate beside it; grey: within 3 %", loc="left", fontsize=8.5, color=GREY)
        axes.set_axisbelow(True)
        axes.spines[["top", "right"]].set_visible(False)
        axes.spines[["left", "bottom"]].set_color("#aaaaaa")
        axes.tick_params(colors=GREY)
        axes.legend(title="@remat", frameon=False, fontsize=8.5, title_fontsize=8.5, loc="center left", bbox_to_anchor=(1, 0.5))
        save(figure, place)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=DRAWN, choices=range(1, DRAWN + 1), metavar="N")
    parser.add_argument("--compiled", type=Path, default=Path(tempfile.gettempdir()) / "archlang-estimates.jsonl")
    given = parser.parse_args()
    rows, others = (
        [compared(row) for row in compiled(settings(seed)[:count], given.compiled)]
        for seed, count in ((given.seed, given.count), HELD_OUT)
    )
    command = f"python benchmarks/estimates.py --seed {given.seed} --count {given.count}"
    results = {"summary": summary(rows), "held_out": summary(others), "settings": rows, "held_out_settings": others}
    record("estimates", command, results)
    draw(rows + others, Path(__file__).parent.parent / "docs" / "estimates.png")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--compile"]:
        compile_all(Path(sys.argv[2]))
    else:
        main()
