"""The whole training state on disk, written by orbax, so that a run continues as if it had never stopped.

    checkpoints/12/arrays/          what orbax wrote after epoch 12
    checkpoints/12/contents.json    shape and data type of every array, checksum of every file

A checkpoint is made beside its place and then renamed, so there is never half of one. Orbax itself would not notice a flipped
bit or another data type, hence the list.
"""

from __future__ import annotations

import json
import logging
import os
import shutil
import zlib
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import jax
import jax.numpy as jnp
import orbax.checkpoint as ocp

from archlang_runtime.errors import RunError, error

KEPT = 2
CHUNK = 2**24
Tree = TypeVar("Tree")
Arrays = dict[str, jax.Array]


class Checkpoints:
    """The checkpoints of one run, by epoch; the newest `KEPT` stay."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.orbax = ocp.Checkpointer(ocp.PyTreeCheckpointHandler())

    def epochs(self) -> list[int]:
        """The epochs that are stored, in order."""
        if not self.folder.is_dir():
            return []
        return sorted(int(place.name) for place in self.folder.iterdir() if place.name.isdecimal())

    def latest(self) -> int | None:
        """The newest epoch that is stored."""
        return max(self.epochs(), default=None)

    # --- writing -----------------------------------------------------------------------------------------------------

    def save(self, epoch: int, state: Any) -> None:
        """Store the state. What goes wrong is E0705; the checkpoints before it stay as they are."""
        draft = self.folder / f"{epoch}.tmp"
        with writing(draft):
            shutil.rmtree(draft, ignore_errors=True)  # of a process that was killed
            self.write(draft, flatten(state))
            draft.rename(self.folder / str(epoch))
            for old in self.epochs()[:-KEPT]:
                self.remove(old)

    def write(self, draft: Path, arrays: Arrays) -> None:
        draft.mkdir(parents=True)
        self.orbax.save(draft.absolute() / "arrays", arrays)
        files = {str(file.relative_to(draft)): checksum(file) for file in sorted(draft.rglob("*")) if file.is_file()}
        with (draft / "contents.json").open("w", encoding="utf-8") as file:
            json.dump({"arrays": describe(arrays), "files": files}, file)
            file.flush()
            os.fsync(file.fileno())

    def remove(self, epoch: int) -> None:
        doomed = (self.folder / str(epoch)).rename(self.folder / f"{epoch}.tmp")
        shutil.rmtree(doomed)

    # --- reading -----------------------------------------------------------------------------------------------------

    def restore(self, epoch: int, like: Tree, part: str = "") -> Tree:
        """The state of `epoch`, in the form of `like` (arrays or shapes); or a part of it: what is called `part` + ….

        A checkpoint that is damaged, or of something else, is E0704.
        """
        wanted = {part + name: shape for name, shape in jax.eval_shape(flatten, like).items()}
        try:
            self.refuse_unfit(epoch, wanted, whole=not part)
            arrays = self.read(epoch, wanted)
        except RunError:
            raise
        except Exception as problem:  # orbax, tensorstore and json have no exception in common
            raise self.unfit(epoch, first_line(problem)) from problem
        return unflatten(like, {name.removeprefix(part): array for name, array in arrays.items()})

    def refuse_unfit(self, epoch: int, wanted: dict[str, Any], whole: bool) -> None:
        place = self.folder / str(epoch)
        contents = json.loads((place / "contents.json").read_text(encoding="utf-8"))
        wrong = [name for name, about in describe(wanted).items() if contents["arrays"].get(name) != about]
        if wrong or (whole and contents["arrays"].keys() != wanted.keys()):
            raise self.unfit(epoch, f"it is not of this run ({', '.join(wrong[:3]) or 'it holds more'})")
        damaged = [name for name, sum in contents["files"].items() if checksum(place / name) != sum]
        if damaged:
            raise self.unfit(epoch, f"{damaged[0]} has changed since it was written")

    def read(self, epoch: int, wanted: dict[str, Any]) -> Arrays:
        device = jax.sharding.SingleDeviceSharding(jax.devices()[0])
        shapes = {name: jax.ShapeDtypeStruct(a.shape, a.dtype, sharding=device) for name, a in wanted.items()}
        how = ocp.checkpoint_utils.construct_restore_args(shapes)
        request = ocp.args.PyTreeRestore(shapes, restore_args=how, partial_restore=True)
        return self.orbax.restore(self.folder.absolute() / str(epoch) / "arrays", args=request)

    def unfit(self, epoch: int, why: str) -> RunError:
        others = [other for other in self.epochs() if other != epoch]
        help = f"remove that folder to go on from epoch {max(others)}" if others else "start a new run with another --out"
        place = self.folder / str(epoch)
        return error("E0704", f"cannot read the checkpoint {place}: {why}", place, help)

    def __enter__(self) -> Checkpoints:
        return self

    def __exit__(self, *_: object) -> None:
        self.orbax.close()


@contextmanager
def writing(draft: Path) -> Generator[None, None, None]:
    """Whatever goes wrong is one message, and the draft goes."""
    absl, asyncio = logging.getLogger("absl"), logging.getLogger("asyncio")
    absl.disabled = True  # orbax logs a traceback before it raises
    try:
        yield
    except Exception as problem:  # what a full disk raises depends on where orbax notices it
        asyncio.disabled = True  # it would report every other write that failed when Python exits
        shutil.rmtree(draft, ignore_errors=True)
        raise error("E0705", f"cannot write a checkpoint to {draft.parent}: {first_line(problem)}", draft.parent) from problem
    finally:
        absl.disabled = False


def flatten(state: Any) -> Arrays:
    """Every array of the state by its path, such as `learners.actor.weights.params.head.kernel`; keys as their numbers."""
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


def describe(arrays: dict[str, Any]) -> dict[str, list[Any]]:
    """Shape and data type of every array."""
    return {name: [list(array.shape), str(array.dtype)] for name, array in arrays.items()}


def checksum(file: Path) -> int:
    sum = 0
    with file.open("rb") as content:
        while chunk := content.read(CHUNK):
            sum = zlib.crc32(chunk, sum)
    return sum


def first_line(problem: Exception) -> str:
    return next(iter(str(problem).splitlines()), "")[:200] or type(problem).__name__
