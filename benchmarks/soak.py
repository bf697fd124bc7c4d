"""The laws of tests/test_laws.py over 10,000 random examples each, other ones every time: failures, and the slowest example.

python benchmarks/soak.py [examples] [law=examples …]

Each law has a process of its own, with bounded memory, which ends with a traceback where an example hangs. It is a failure too
where an example takes more CPU time than its law allows.
"""

from __future__ import annotations

import faulthandler
import os
import resource
import sys
import time
import traceback
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import date
from importlib.metadata import version
from multiprocessing import get_context
from pathlib import Path
from typing import Any

os.environ["JAX_PLATFORMS"] = "cpu"
sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from hypothesis import HealthCheck
from record import record
from test_laws import LAWS, Law

EXAMPLES = 10_000
HANGS = 120.0  # seconds
MEMORY = 16 * 2**30  # bytes of addresses; jax alone takes a few
OPTIONS = {"deadline": None, "derandomize": False, "database": None, "print_blob": True}
SHOWN = 300  # characters of the slowest example


@dataclass
class Soak:
    """A law with what was seen of it."""

    law: Law
    examples: int = 0
    slowest: float = 0.0
    example: str = ""

    def holds(self, drawn: Any) -> None:
        faulthandler.dump_traceback_later(HANGS, exit=True)
        start = time.process_time()
        try:
            self.law.holds(drawn)
        finally:
            self.note(time.process_time() - start, drawn)
            faulthandler.cancel_dump_traceback_later()

    def note(self, seconds: float, drawn: Any) -> None:
        self.examples += 1
        if seconds > self.slowest:
            self.slowest, self.example = seconds, repr(drawn)[:SHOWN]


def soak(name: str, examples: int) -> dict[str, Any]:
    """How one law fared."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    failures = shown(LAWS[name], 5)  # what the first examples wait for is loaded
    seen, start = Soak(LAWS[name]), time.perf_counter()
    failures += shown(Law(seen.law.drawn, seen.holds), examples)
    seconds = round(time.perf_counter() - start)
    if seen.slowest > seen.law.seconds:
        failures.append(f"an example took {seen.slowest:.2f} s")
    slowest = {"cpu_seconds": round(seen.slowest, 3), "example": seen.example}
    return {"examples": seen.examples, "failures": failures, "slowest": slowest, "seconds": seconds}


def shown(law: Law, examples: int) -> list[str]:
    """Show a law; what broke it, if anything did."""
    try:
        law.show(examples, suppress_health_check=[HealthCheck.too_slow], **OPTIONS)
    except Exception:
        return [traceback.format_exc()]
    return []


def apart(name: str, examples: int) -> dict[str, Any]:
    """`soak` in a process of its own, which may come to any end."""
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        try:
            return pool.submit(soak, name, examples).result()
        except Exception as error:
            return {"failures": [f"{type(error).__name__}: {error}"]}


def wanted(arguments: list[str]) -> dict[str, int]:
    """How many examples each law is to have: `1000 parameters=100`."""
    others = [argument for argument in arguments if "=" not in argument]
    given = {name: int(number) for name, _, number in (argument.partition("=") for argument in arguments if "=" in argument)}
    return dict.fromkeys(LAWS, int(others[0]) if others else EXAMPLES) | given


def main() -> None:
    laws = {name: apart(name, examples) for name, examples in wanted(sys.argv[1:]).items()}
    results = {"date": date.today().isoformat(), "hypothesis": version("hypothesis"), "laws": laws}
    record("soak", " ".join(["python benchmarks/soak.py", *sys.argv[1:]]), results)
    sys.exit(any(law["failures"] for law in laws.values()))


if __name__ == "__main__":
    main()
