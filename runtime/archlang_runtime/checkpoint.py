"""The whole training state on disk, written by orbax, so that a run continues as if it had never stopped.

Orbax writes a checkpoint beside its place and renames it, so there is never half of one. What it does not notice is a
flipped bit or another data type; a list of contents with checksums, stored with the arrays, catches both.
"""

from __future__ import annotations

import logging
import zlib
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import jax
import jax.numpy as jnp
import numpy as np
import orbax.checkpoint as ocp

from archlang_runtime.errors import RunError, error

KEPT = 2
Tree = TypeVar("Tree")
Arrays = dict[str, jax.Array]


class Checkpoints:
    """The checkpoints of one run, by epoch; the newest `KEPT` stay."""

    def __init__(self, folder: Path, read_only: bool = False):
        folder.mkdir(exist_ok=True)
        self.folder = folder
        with quiet():
            options = ocp.CheckpointManagerOptions(
                max_to_keep=None if read_only else KEPT,
                enable_async_checkpointing=False,
                cleanup_tmp_directories=not read_only,
                read_only=read_only,
            )
            self.manager = ocp.CheckpointManager(folder.absolute(), options=options)

    def latest(self) -> int | None:
        """The newest epoch that is stored."""
        return self.manager.latest_step()

    def save(self, epoch: int, state: Any) -> None:
        """Store the state. What goes wrong is E0705; the checkpoints before it stay as they are."""
        arrays = flatten(state)
        items = ocp.args.Composite(
            arrays=ocp.args.PyTreeSave(arrays), contents=ocp.args.JsonSave(contents(arrays, checksums=True))
        )
        try:
            self.manager.save(epoch, args=items)
        except Exception as problem:  # what a full disk raises depends on where orbax notices it
            raise error("E0705", f"cannot write a checkpoint to {self.folder}: {first_line(problem)}") from problem

    def restore(self, epoch: int, like: Tree, name: str = "") -> Tree:
        """The state of `epoch`, in the form of `like` (arrays or shapes), or that part of it which is called `name`.

        A checkpoint that is damaged, or of something else, is E0704.
        """
        try:
            with quiet():
                return self.read(epoch, like, name)
        except RunError:
            raise
        except Exception as problem:  # orbax, tensorstore and json have no exception in common
            raise self.unreadable(epoch, first_line(problem)) from problem

    def read(self, epoch: int, like: Tree, name: str) -> Tree:
        shapes = {name + key: shape for key, shape in jax.eval_shape(flatten, like).items()}
        stored = self.manager.restore(epoch, args=ocp.args.Composite(contents=ocp.args.JsonRestore()))["contents"]
        wrong = [key for key, about in contents(shapes).items() if about != stored.get(key, [])[:2]]
        if wrong or (not name and shapes.keys() != stored.keys()):
            raise self.unreadable(epoch, f"it holds something else than this run ({', '.join(wrong[:3]) or 'more'})")
        arrays = self.read_arrays(epoch, shapes)
        damaged = [key for key, array in arrays.items() if checksum(array) != stored[key][2]]
        if damaged:
            raise self.unreadable(epoch, f"its contents have changed since they were written ({', '.join(damaged[:3])})")
        return unflatten(like, {key.removeprefix(name): array for key, array in arrays.items()})

    def read_arrays(self, epoch: int, shapes: dict[str, jax.ShapeDtypeStruct]) -> Arrays:
        device = jax.sharding.SingleDeviceSharding(jax.devices()[0])
        wanted = {key: jax.ShapeDtypeStruct(s.shape, s.dtype, sharding=device) for key, s in shapes.items()}
        how = ocp.checkpoint_utils.construct_restore_args(wanted)
        request = ocp.args.PyTreeRestore(wanted, restore_args=how, partial_restore=True)
        return self.manager.restore(epoch, args=ocp.args.Composite(arrays=request))["arrays"]

    def unreadable(self, epoch: int, why: str) -> RunError:
        place = self.folder / str(epoch)
        others = [other for other in self.manager.all_steps() if other != epoch]
        help = f"remove that folder to go on from epoch {max(others)}" if others else "start a new run with another --out"
        return error("E0704", f"cannot read the checkpoint {place}: {why}", help)

    def __enter__(self) -> Checkpoints:
        return self

    def __exit__(self, *_: object) -> None:
        self.manager.close()


def flatten(state: Any) -> Arrays:
    """Every array of the state by its path, such as `actor.weights.params.head.kernel.value`; keys as their numbers."""
    return {path_name(path): as_numbers(leaf) for path, leaf in jax.tree_util.tree_leaves_with_path(state)}


def unflatten(like: Tree, arrays: Arrays) -> Tree:
    """The inverse: by name, since dictionaries come back in another order than the tree's."""

    def pick(path: tuple[Any, ...], leaf: Any) -> jax.Array:
        array = arrays[path_name(path)]
        return jax.random.wrap_key_data(array) if is_key(leaf) else array

    return jax.tree_util.tree_map_with_path(pick, like)


def path_name(path: tuple[Any, ...]) -> str:
    return jax.tree_util.keystr(path, simple=True, separator=".")


def is_key(leaf: Any) -> bool:
    return jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key)


def as_numbers(leaf: Any) -> jax.Array:
    return jax.random.key_data(leaf) if is_key(leaf) else leaf


def contents(arrays: Any, checksums: bool = False) -> dict[str, list[Any]]:
    """Shape and data type of every array, and its checksum."""
    return {key: [list(a.shape), str(a.dtype), *([checksum(a)] if checksums else [])] for key, a in arrays.items()}


def checksum(array: jax.Array) -> int:
    return zlib.crc32(np.ascontiguousarray(array).view(np.uint8).data)


def first_line(problem: Exception) -> str:
    return next(iter(str(problem).splitlines()), "") or type(problem).__name__


@contextmanager
def quiet() -> Generator[None, None, None]:
    """Without orbax's own log lines: they explain its options, or repeat what the error that it raises says."""
    logger = logging.getLogger("absl")
    level = logger.level
    logger.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        logger.setLevel(level)
