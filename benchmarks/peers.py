"""A training step of the paper's code and one of ours, in turn on this machine, each under its own Python; and its parts.

    python benchmarks/peers.py CHECKOUT PYTHON [--rounds N] [NAME=VALUE …]

CHECKOUT: wang-kevin3290/scaling-crl. PYTHON: one that has what its README asks for, brax mended as it says. The settings
are the defaults of its `train.py`, but for the environment and for a buffer that is full before anything is timed, as it is
for nearly all of a run. Both sides collect 62 steps of 512 environments, insert them and make 800 minibatches of 256 rows with
goals, for as many gradient steps. Theirs takes 1000 rows of every environment, draws a goal for each, shuffles, and keeps 800
minibatches; ours draws 800 minibatches from its buffer. Compiled programs with donated state; compilation is not timed.

collect: the environments' steps and their insertion. collect_relabel: also the minibatches, which are read but not
learned from. training_step: all of it. Medians of interleaved runs; the parts are their differences.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

from record import commit, record

HERE = Path(__file__).parent
SETTINGS: dict[str, Any] = {
    "environment": "reacher",
    "depth": 4,
    "num_envs": 512,
    "episode_length": 1000,
    "unroll_length": 62,
    "updates_per_unroll": 800,
    "replay_rows": 10_000,
    "prefill_rows": 10_000,
    "batch_size": 256,
}
PROGRAMS = ("collect", "collect_relabel", "training_step")
Seconds = dict[str, list[float]]  # by program


class Worker:
    """A process that runs programs when told to; see `serve.py`."""

    def __init__(self, *command: str) -> None:
        environment = os.environ | {"JAX_PLATFORMS": "cpu"}
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=sys.stderr, text=True, env=environment
        )
        self.versions = self.answer()

    def answer(self) -> Any:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            sys.exit(f"{self.process.args} ended")
        return json.loads(line)

    def run(self, program: str) -> float:
        """One run; seconds."""
        assert self.process.stdin is not None
        print(program, file=self.process.stdin, flush=True)
        return self.answer()


def interleave(workers: dict[str, Worker], rounds: int) -> dict[str, Seconds]:
    """Every program of every worker once a round; the worker that begins alternates."""
    seconds: dict[str, Seconds] = {name: {program: [] for program in PROGRAMS} for name in workers}
    for round in range(rounds):
        for program in PROGRAMS:
            for name in list(workers)[:: 1 if round % 2 else -1]:
                seconds[name][program].append(workers[name].run(program))
                print(f"{name} {program} {seconds[name][program][-1]:.3f} s", file=sys.stderr, flush=True)
    return seconds


def summarize(seconds: Seconds, env_steps: int) -> dict[str, Any]:
    """Medians, their differences, and environment steps per second of each program."""
    collect, relabelled, whole = (statistics.median(seconds[program]) for program in PROGRAMS)
    parts = {"collect": collect, "relabel": relabelled - collect, "learn": whole - relabelled}
    return {
        "seconds": {name: [round(one, 3) for one in each] for name, each in seconds.items()},
        "parts_seconds": {name: round(part, 3) for name, part in parts.items()},
        "env_steps_per_second": {name: round(env_steps / statistics.median(each)) for name, each in seconds.items()},
    }


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("checkout", type=Path)
    parser.add_argument("python")
    parser.add_argument("changes", nargs="*", metavar="NAME=VALUE")
    parser.add_argument("--rounds", type=int, default=7)
    given = parser.parse_intermixed_args()
    changes = dict(change.split("=") for change in given.changes)
    settings = SETTINGS | {name: value if name == "environment" else int(value) for name, value in changes.items()}
    told = json.dumps(settings)
    workers = {
        "archlang": Worker(sys.executable, str(HERE / "peers_archlang.py"), told),
        "scaling-crl": Worker(given.python, str(HERE / "peers_scaling_crl.py"), str(given.checkout.resolve()), told),
    }
    seconds = interleave(workers, given.rounds)
    env_steps = settings["num_envs"] * settings["unroll_length"]
    results = {name: {"versions": worker.versions} | summarize(seconds[name], env_steps) for name, worker in workers.items()}
    results["scaling-crl"]["commit"] = commit(given.checkout)
    ours, theirs = (results[name]["env_steps_per_second"] for name in ("archlang", "scaling-crl"))
    ratios = {program: round(ours[program] / theirs[program], 2) for program in PROGRAMS}
    command = " ".join(["python benchmarks/peers.py CHECKOUT PYTHON", f"--rounds {given.rounds}", *given.changes])
    record("peers", command, {"settings": settings, "env_steps": env_steps, **results, "times_as_fast": ratios})


if __name__ == "__main__":
    main()
