"""What XLA plans: the real program compiled for a GPU, there or not, and the bytes that it will need.

The program is an epoch of the run that a workload describes, its environments and its replay buffer included; without an
environment, an update of each network. Plans are cached: the key holds the networks with their plan, the workload, the GPU, the
versions of all that makes the program, and the sources of archlang and of the runtimes.
"""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import cache, partial
from hashlib import sha256
from importlib.metadata import PackageNotFoundError, entry_points, version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from archlang import ir
from archlang.analysis.memory import TERMS
from archlang.cache import entry
from archlang.child import COMPILER, SETTINGS, ask
from archlang.targets import Gpu
from archlang.targets.find import not_compilable
from archlang.types import Type
from archlang.workload import GROUP, Workload, program_in

CPU = "cpu"
SIZES = ("argument", "output", "temp", "alias")
LIBRARIES = ("archlang", "brax", "flax", "jax", "jaxlib", "mujoco", "mujoco-mjx", "optax", COMPILER)
FLAGS = ("JAX_", "XLA_")  # variables of the environment that may change what is compiled


@dataclass(frozen=True)
class ExactPlan:
    """XLA's plan of a program's memory, in bytes. `target` is the GPU's name, or `cpu`: this machine, which is another program.

    `terms`: what the arguments are for, exactly, under the names of `analysis.memory`; the `temp` of all else has no names.
    `notes`: what is wrong with the cache.
    """

    target: str
    argument: int
    output: int
    temp: int
    alias: int
    terms: Mapping[str, int]
    notes: tuple[str, ...] = field(default=(), compare=False)

    @property
    def total(self) -> int:
        """What the program has in memory at once; what is an argument and an output is counted once."""
        return self.argument + self.output + self.temp - self.alias


def exact_plan(networks: Mapping[str, ir.Network], types: Mapping[str, Type], workload: Workload, gpu: Gpu | None) -> ExactPlan:
    """XLA's plan of the program of planned networks that take these types, for a GPU; None: for the CPU of this machine.

    It is compiled in a process of its own, which takes seconds to a minute, unless it was before. Raises `DiagnosticError`: for
    a GPU of which only the memory is known (E0502), where nothing can be compiled (E0805), for a runtime that offers no program
    (E0602).
    """
    if gpu is not None and gpu.chip is None:
        raise not_compilable(gpu)
    if workload.environment is not None:
        program_in(workload.environment)
    target = CPU if gpu is None else gpu.name
    question = {
        "what": "memory",
        "networks": {name: network.model_dump(mode="json") for name, network in networks.items()},
        "widths": {name: types[name].width for name in networks},
        "workload": TypeAdapter(Workload).dump_python(workload, mode="json"),
    }
    kept = entry("plans", {**question, "target": described(gpu), "made_by": made_by()})
    parse = partial(read_plan, target)
    found, notes = kept.read(parse)
    if found is not None:
        return found
    made = json.loads(ask(question, gpu))
    return replace(parse(made), notes=(*notes, *kept.write(made)))


def read_plan(target: str, numbers: Mapping[str, Any]) -> ExactPlan:
    """A plan from its numbers. Raises `ValueError` where they are not those of a plan."""
    sizes = {name: value for name, value in numbers.items() if name != "terms"}
    terms = numbers.get("terms")
    if sizes.keys() != set(SIZES) or not isinstance(terms, dict) or not all(map(is_size, (*sizes.values(), *terms.values()))):
        raise ValueError("its numbers are not those of a plan")
    plan = ExactPlan(target, **sizes, terms=terms)
    if not terms or not terms.keys() <= set(TERMS) or sum(terms.values()) > plan.argument or plan.alias > plan.output:
        raise ValueError("its numbers contradict each other")
    return plan


def is_size(value: object) -> bool:
    return type(value) is int and value >= 0


# --- what a plan depends on -----------------------------------------------------------------------------------------------


def described(gpu: Gpu | None) -> Any:
    return [CPU, platform.machine()] if gpu is None else asdict(gpu)


@cache
def made_by() -> Mapping[str, Any]:
    """The versions, sources and flags of all that makes a program."""
    flags = {name: value for name, value in os.environ.items() if name.startswith(FLAGS)} | SETTINGS
    python = platform.python_version_tuple()[:2]
    versions = {name: installed(name) for name in (*LIBRARIES, *packages_of_layers())}
    return {"python": python, "versions": versions, "sources": hash_of_sources(), "flags": flags}


def installed(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def packages_of_layers() -> set[str]:
    """The packages whose layers a network may have."""
    return {point.dist.name for point in entry_points(group="archlang.layers") if point.dist is not None}


def hash_of_sources() -> str:
    """So that a checkout in which something is changed plans anew."""
    found = sha256()
    for folder in folders():
        for file in sorted(folder.rglob("*.py")):
            found.update(str(file.relative_to(folder)).encode() + file.read_bytes())
    return found.hexdigest()


def folders() -> Iterator[Path]:
    """Those of archlang and of the runtimes."""
    names = {"archlang", *(point.module.partition(".")[0] for point in entry_points(group=GROUP))}
    for name in sorted(names):
        spec = find_spec(name)
        yield from map(Path, (spec and spec.submodule_search_locations) or ())
