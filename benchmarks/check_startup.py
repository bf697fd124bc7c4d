"""How long `archlang check` takes as a whole process, against an interpreter that imports jax and nothing else.

python benchmarks/check_startup.py
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time

from record import record

COMMANDS = {
    "archlang check": ["-m", "archlang", "check", "res(4x<dense256,ln,swish>)*250", "--in", "256"],
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
    ratio = statistics.median(run["archlang check"] / run["import jax"] for run in runs)
    results = {f"{name}, best of {RUNS} (s)": round(min(times), 3) for name, times in taken.items()}
    record("check_startup", "python benchmarks/check_startup.py", results | {"median ratio": round(ratio, 3)})


if __name__ == "__main__":
    main()
