"""Writes what a benchmark measured, with the versions and the machine, to benchmarks/results/NAME.json."""

from __future__ import annotations

import json
import os
import platform
import subprocess
from importlib.metadata import version
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results"
PACKAGES = ("archlang", "jax", "jaxlib", "flax", "optax", "brax", "mujoco")


def commit(checkout: Path | str) -> str:
    """The commit of a peer's code."""
    done = subprocess.run(["git", "-C", str(checkout), "rev-parse", "HEAD"], check=True, capture_output=True, text=True)
    return done.stdout.strip()


def record(name: str, command: str, results: Any) -> None:
    """Write and print the results; `command` is what a reader runs to get them again."""
    versions = {"python": platform.python_version(), **{package: version(package) for package in PACKAGES}}
    machine = {"system": platform.system(), "processor": platform.machine(), "cores": os.cpu_count()}
    data = {"command": command, "versions": versions, "machine": machine, "results": results}
    RESULTS.mkdir(exist_ok=True)
    text = json.dumps(data, indent=2) + "\n"
    (RESULTS / f"{name}.json").write_text(text)
    print(text, end="")


def recorded(name: str) -> dict[str, Any]:
    """The results that were recorded last, to go on from."""
    return json.loads((RESULTS / f"{name}.json").read_text())["results"]
