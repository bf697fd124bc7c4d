"""A run that is stopped at random again and again, in every way, and goes on: how it differs from one that was never stopped.

python benchmarks/stops.py [rounds] [seed]

A round has one stop of every kind of tests/runtime/test_stops.py, in random order, and more SIGKILLs until one of them has hit
a checkpoint that was being written. It fails where a stop does not end as it must, where more is lost than what came after the
last checkpoint, and where one line of metrics (but for the clock) or one bit of the final state differs.
"""

from __future__ import annotations

import os
import sys
from collections import Counter
from datetime import date
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any

os.environ["JAX_PLATFORMS"] = "cpu"
sys.path.insert(0, str(Path(__file__).parent.parent / "tests" / "runtime"))

import toy
from record import record
from test_stops import KINDS, arrays, differences, finish, latest, numbers, stop, stop_in_write

from archlang_runtime import envs

IN_WRITE = "SIGKILL while a checkpoint is written"


def one_round(out: Path, chance: Random) -> list[dict[str, Any]]:
    names = chance.sample(list(KINDS), len(KINDS))
    return [
        found for name in names for found in (stop_in_write(out, chance) if name == IN_WRITE else [stop(out, name, chance)])
    ]


def stop_often(rounds: int, seed: int, folder: Path) -> dict[str, Any]:
    chance, stopped, whole = Random(seed), folder / "stopped", folder / "whole"
    stops = [found for _ in range(rounds) for found in one_round(stopped, chance)]
    epochs = latest(stopped) + 2
    for out in (stopped, whole):
        finish(out, epochs)
    return {
        "stops": len(stops),
        "by_kind": dict(sorted(Counter(found["kind"] for found in stops).items())),
        "checkpoints_half_written": sum(found["half_written"] for found in stops),
        "most_lines_ahead_of_the_checkpoint": max(found["lines_ahead"] for found in stops),
        "epochs": epochs,
        "lines_compared": len(numbers(whole)),
        "arrays_compared": len(arrays(whole)),
        "differences": differences(stopped, whole),
    }


def main() -> None:
    rounds, seed = (*map(int, sys.argv[1:]), *(3, 0)[len(sys.argv) - 1 :])
    envs.TASKS = toy.tasks()
    with TemporaryDirectory() as folder:
        os.environ["JAX_COMPILATION_CACHE_DIR"] = f"{folder}/compiled"
        os.environ["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] = "0"
        results = stop_often(rounds, seed, Path(folder))
    record("stops", " ".join(["python benchmarks/stops.py", *sys.argv[1:]]), {"date": date.today().isoformat(), **results})
    sys.exit(bool(results["differences"]))


if __name__ == "__main__":
    main()
