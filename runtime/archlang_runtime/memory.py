"""Whether a run fits into its device's memory: as far as that is known before it starts, and what is said when it does not."""

from __future__ import annotations

import os
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import jax

from archlang_runtime.errors import RunError, error

GIB = 2**30


def refuse_oversize(*trees: Any, copied: Any = ()) -> None:
    """What these pytrees of arrays or shapes hold together must fit (E0709): the least that a run needs, before it starts.

    `copied` is what checkpoints are written from, a copy in the host's memory.
    """
    needed, copy = num_bytes(trees), num_bytes(copied)
    if needed > capacity():
        raise out_of_memory(f"what is kept takes {needed / GIB:,.1f} GiB, there are {capacity() / GIB:,.1f}")
    on_host = copy + (needed if jax.default_backend() == "cpu" else 0)
    if on_host > host_capacity():
        why = f"with the copy that checkpoints are written from it takes {on_host / GIB:,.1f} GiB of the host's memory"
        raise out_of_memory(f"{why}, there are {host_capacity() / GIB:,.1f}", "`--checkpoint-replay no` makes the copy small; ")


def num_bytes(tree: Any) -> int:
    return sum(leaf.size * leaf.dtype.itemsize for leaf in jax.tree.leaves(tree))


def capacity() -> int:
    """Bytes of the device that a program may use; of a CPU, those of the machine."""
    stats = jax.devices()[0].memory_stats() or {}
    return stats.get("bytes_limit") or host_capacity()


def host_capacity() -> int:
    """Bytes of the machine's memory."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


@contextmanager
def enough_memory() -> Generator[None, None, None]:
    """What turns out not to fit while it runs is E0709 too."""
    try:
        yield
    except MemoryError as problem:  # numpy's, of the copy for a checkpoint
        raise out_of_memory(str(problem) or "the host's memory is full") from problem
    except jax.errors.JaxRuntimeError as problem:
        if "RESOURCE_EXHAUSTED" not in str(problem):
            raise
        raise out_of_memory(str(problem).splitlines()[0]) from problem


def out_of_memory(why: str, first: str = "") -> RunError:
    help = f"{first}fewer --replay-rows, --num-envs or --num-eval-envs need less, and so does a smaller --batch-size"
    return error("E0709", f"not enough memory: {why}", describe_device(), help)


def describe_device() -> str:
    """What the run runs on, in a word."""
    device = jax.devices()[0]
    return device.platform if device.platform == "cpu" else device.device_kind


def memory_in_use() -> list[tuple[str, int, int]]:
    """Bytes that this process has now, and those that there are: of the host, and of a device that counts them."""
    found = [("host", resident(), host_capacity())]
    stats = jax.devices()[0].memory_stats() or {}
    if "bytes_in_use" in stats:
        found.append(("device", stats["bytes_in_use"], stats.get("bytes_limit", 0)))
    return found


def resident() -> int:
    """Bytes of the host's memory that this process holds; where Linux does not say, the most that it ever held."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except OSError:
        import resource

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return pages * os.sysconf("SC_PAGE_SIZE")
