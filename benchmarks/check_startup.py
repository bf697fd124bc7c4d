"""How long `archlang check` takes as a whole process: against one that imports jax and nothing else, and at depth 1024
against depth 4.

python benchmarks/check_startup.py
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time

from record import record

PAPER = ["-m", "archlang", "check", "wang2025/base", "--in", "256", "--action", "17", "--set"]
COMMANDS = {
    "archlang check": ["-m", "archlang", "check", "res(4x<dense256,ln,swish>)*250", "--in", "256"],
    "the paper's file, depth 4": [*PAPER, "depth=4"],
    "the paper's file, depth 1024": [*PAPER, "depth=1024"],
    "import jax": ["-c", "import jax"],
}
RUNS = 5


def seconds(arguments: list[str]) -> float:
    start = time.perf_counter()
    subprocess.run([sys.executable, *arguments], check=True, capture_output=True)
    return time.perf_counter() - start


def main() -> None:
    for arguments in COMMANDS.values():  # warm: bytecode written, files in memory
        seconds(arguments)
    runs = [{name: seconds(arguments) for name, arguments in COMMANDS.items()} for _ in range(RUNS)]
    taken = {name: [run[name] for run in runs] for name in COMMANDS}
    results = {f"{name}, best of {RUNS} (s)": round(min(times), 3) for name, times in taken.items()}
    ratios = {
        "median ratio": ratio(runs, "archlang check", "import jax"),
        "median ratio of depth 1024 to depth 4": ratio(runs, "the paper's file, depth 1024", "the paper's file, depth 4"),
    }
    record("check_startup", "python benchmarks/check_startup.py", results | ratios)


def ratio(runs: list[dict[str, float]], one: str, other: str) -> float:
    return round(statistics.median(run[one] / run[other] for run in runs), 3)


if __name__ == "__main__":
    main()
