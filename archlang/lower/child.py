"""What answers `archlang.child`, in a process of its own, `python -m archlang.lower.child`: a question in, JSON or text out."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from contextlib import redirect_stdout
from typing import Any

import jax
from pydantic import TypeAdapter

from archlang.ir import Network
from archlang.lower.compile import compile_for
from archlang.lower.plugins import find_cuda_compiler
from archlang.lower.programs import Program
from archlang.lower.step import training_step
from archlang.targets import Gpu, find_gpu
from archlang.workload import Workload, program_in

Question = Mapping[str, Any]


def text(asked: Question, gpu: Gpu | None) -> str:
    """XLA's program of one network."""
    program = Program(Network.model_validate(asked["network"]), asked["in_features"], asked["batch"], asked["backward"])
    function, arguments = program.traced()
    return compile_for(gpu, function, *arguments).as_text()


def memory(asked: Question, gpu: Gpu | None) -> str:
    """XLA's plan of the memory of a whole program, in bytes; and of its arguments, what each part is for."""
    workload = TypeAdapter(Workload).validate_python(asked["workload"])
    networks = {name: Network.model_validate(network) for name, network in asked["networks"].items()}
    program, state, parts = made(networks, asked["widths"], workload)
    plan = compile_for(gpu, program, state, donate_argnums=0).memory_analysis()
    sizes = {name: getattr(plan, f"{name}_size_in_bytes") for name in ("argument", "output", "temp", "alias")}
    return json.dumps({**sizes, "terms": {name: num_bytes(part) for name, part in parts.items()}})


def made(networks: Mapping[str, Network], widths: Mapping[str, int], workload: Workload) -> tuple[Any, Any, Mapping[str, Any]]:
    """The program of a workload: a runtime's, or without an environment an update of the networks."""
    if workload.environment is None:
        return training_step(networks, widths, workload)
    return program_in(workload.environment)(networks, workload)


def num_bytes(tree: Any) -> int:
    return sum(leaf.size * leaf.dtype.itemsize for leaf in jax.tree.leaves(tree))


ANSWERS: Mapping[str, Callable[[Question, Gpu | None], str]] = {"text": text, "memory": memory}


def main() -> None:
    asked = json.load(sys.stdin)
    gpu = None if asked["gpu"] is None else find_gpu(asked["gpu"])
    if gpu is not None:
        find_cuda_compiler()
    with redirect_stdout(sys.stderr):  # a library that prints does not spoil the answer
        answer = ANSWERS[asked["what"]](asked, gpu)
    print(answer)


if __name__ == "__main__":
    main()
