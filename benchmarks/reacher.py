"""The main job, `make train`, for five seeds: time at the goal before and after, and how long it took.

python benchmarks/reacher.py
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from record import record

SEEDS = (0, 1, 2, 3, 4)


def train(seed: int, out: Path) -> dict[str, Any]:
    """One run in a process of its own: whole-process seconds, compilation and evaluations included."""
    command = ["-m", "archlang", "train", "reacher", "--env", "reacher", "--seed", str(seed), "--out", str(out)]
    start = time.perf_counter()
    subprocess.run([sys.executable, *command], check=True, stdout=sys.stderr)
    seconds = time.perf_counter() - start
    lines = [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]
    first, last = lines[0], lines[-1]
    return {
        "time_at_goal_before": round(first["time_at_goal"], 4),
        "time_at_goal_after": round(last["time_at_goal"], 4),
        "env_steps": last["env_steps"],
        "updates": last["updates"],
        "seconds": round(seconds, 1),
    }


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        results = {f"seed {seed}": train(seed, Path(folder) / str(seed)) for seed in SEEDS}
    record("reacher", "python benchmarks/reacher.py", results)


if __name__ == "__main__":
    main()
