"""What the hostile texts of tests/test_hostile.py cost: seconds and peak memory of `archlang check`, each a process of its own.

python benchmarks/hostile.py
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from record import record
from test_hostile import HOSTILE, RIGHT

TEXTS = {name: text for name, (text, _) in HOSTILE.items()} | RIGHT | {"a right one": "dense4, ln"}
RUNS = 3


def cost(file: Path) -> tuple[float, float]:
    """Seconds and MB of one check."""
    start = time.perf_counter()
    command = [sys.executable, "-m", "archlang", "check", str(file), "--in", "4"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, _, usage = os.wait4(process.pid, 0)
    return time.perf_counter() - start, usage.ru_maxrss / 1024


def costs(text: str, folder: Path) -> dict[str, float]:
    """The best of some runs."""
    file = folder / "odd.arch"
    file.write_bytes(text.encode(errors="surrogatepass"))
    seconds, memory = zip(*(cost(file) for _ in range(RUNS)), strict=True)
    return {"seconds": round(min(seconds), 2), "MB": round(min(memory))}


def main() -> None:
    with TemporaryDirectory() as folder:
        found = {name: costs(text, Path(folder)) for name, text in TEXTS.items()}
    slowest, largest = (max(found, key=lambda name: found[name][what]) for what in ("seconds", "MB"))
    record("hostile", "python benchmarks/hostile.py", {"slowest": slowest, "largest": largest, "texts": found})


if __name__ == "__main__":
    main()
