"""The whole training state on disk, written by orbax, so that a run continues as if it had never stopped.

    checkpoints/12/arrays/          what orbax wrote after epoch 12
    checkpoints/12/contents.json    shape and data type of every array, checksum of every file

A checkpoint is made beside its place and then renamed, so there is never half of one. Orbax itself would not notice a flipped
bit or another data type, hence the list.

Training goes on while a checkpoint is written: from a copy in host memory, in a thread of ours. Orbax's AsyncCheckpointer has
done its part before the list is written and the folder gets its name, which would then need a thread all the same.
"""

from __future__ import annotations

import json
import logging
import os
import re
import shutil
import sys
import time
import zlib
from collections.abc import Generator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

import jax
import jax.numpy as jnp
import numpy as np
import orbax.checkpoint as ocp

from archlang_runtime.errors import RunError, error
from archlang_runtime.folder import sync
from archlang_runtime.process import KEPT

CHUNK = 2**24
Tree = TypeVar("Tree")
Arrays = dict[str, jax.Array]
HostArrays = dict[str, np.ndarray]
Shapes = dict[str, jax.ShapeDtypeStruct]


class Checkpoints:
    """The checkpoints of one run, by epoch; the newest `keep` stay, and the best.

    Leave it (`with`), or call `wait`, before what was saved last is read.
    """

    def __init__(self, folder: Path, keep: int = KEPT):
        self.folder, self.keep = folder, keep
        self.orbax = ocp.Checkpointer(ocp.PyTreeCheckpointHandler())
        self.writer = ThreadPoolExecutor(1, "checkpoints")
        self.pending: Future[None] | None = None
        self.seconds = 0.0  # that the last one took to write

    def epochs(self) -> list[int]:
        """The epochs that are stored, in order."""
        return epochs_in(self.folder)

    def latest(self) -> int | None:
        """The newest epoch that is stored."""
        return max(self.epochs(), default=None)

    # --- writing -----------------------------------------------------------------------------------------------------

    def save(self, epoch: int, state: Any, best: int | None = None) -> None:
        """Copy the state into host memory, and begin to store it. The epoch `best` is kept, however old it is.

        What goes wrong is E0705 at the next `save` or `wait`; the checkpoints before it stay as they are. There is one copy at
        a time: the checkpoint before this one is waited for.
        """
        self.wait()
        self.pending = self.writer.submit(self.store, epoch, to_host(flatten(state)), best)

    def wait(self) -> None:
        """Until what was saved is on disk; E0705 if it cannot be."""
        pending, self.pending = self.pending, None
        if pending:
            pending.result()

    def store(self, epoch: int, arrays: HostArrays, best: int | None) -> None:
        began, draft = time.perf_counter(), self.folder / f"{epoch}.tmp"
        with writing(draft):
            self.sweep()
            self.write(draft, arrays)
            draft.rename(self.folder / str(epoch))
            sync(self.folder)
            for old in self.epochs()[: -self.keep]:
                if old != best:
                    self.remove(old)
        self.seconds = time.perf_counter() - began

    def sweep(self) -> None:
        """Remove what a process that was killed left half written, or half removed."""
        for left in self.folder.glob("*.tmp"):
            shutil.rmtree(left)

    def write(self, draft: Path, arrays: HostArrays) -> None:
        draft.mkdir(parents=True)
        self.orbax.save(draft.absolute() / "arrays", arrays)
        files = {str(file.relative_to(draft)): checksum(file) for file in sorted(draft.rglob("*")) if file.is_file()}
        with (draft / "contents.json").open("w", encoding="utf-8") as file:
            json.dump({"arrays": describe(arrays), "files": files}, file)
            file.flush()
            os.fsync(file.fileno())
        sync(draft)

    def remove(self, epoch: int) -> None:
        doomed = (self.folder / str(epoch)).rename(self.folder / f"{epoch}.tmp")
        shutil.rmtree(doomed)

    # --- reading -----------------------------------------------------------------------------------------------------

    def restore(self, epoch: int, like: Tree, part: str = "") -> Tree:
        """The state of `epoch`, in the form of `like` (arrays or shapes); or a part of it: what is called `part` + ….

        A checkpoint that is damaged, or of something else, is E0704.
        """
        wanted = {part + name: shape for name, shape in jax.eval_shape(flatten, like).items()}
        why = self.fault(epoch, wanted, whole=not part)
        if why:
            raise self.unfit(epoch, why, wanted, whole=not part)
        try:
            arrays = self.read(epoch, wanted)
        except Exception as problem:  # orbax and tensorstore have no exception in common
            raise self.unfit(epoch, first_line(problem), wanted, whole=not part) from problem
        return unflatten(like, {name.removeprefix(part): array for name, array in arrays.items()})

    def fault(self, epoch: int, wanted: Shapes, whole: bool) -> str | None:
        """Why a checkpoint cannot be used, if it cannot: it is of something else, or it is damaged."""
        place = self.folder / str(epoch)
        try:
            contents = json.loads((place / "contents.json").read_text(encoding="utf-8"))
            arrays, files = dict(contents["arrays"]), dict(contents["files"])
            damaged = [name for name, sum in files.items() if checksum(place / name) != sum]
        except OSError as problem:
            return f"{Path(problem.filename or place).name}: {problem.strerror}"
        except (ValueError, TypeError, KeyError):
            return "contents.json has changed since it was written"
        wrong = [name for name, about in describe(wanted).items() if arrays.get(name) != about]
        if wrong or (whole and arrays.keys() != wanted.keys()):
            return f"it is not of this run ({', '.join(wrong[:3]) or 'it holds more'})"
        return f"{damaged[0]} has changed since it was written" if damaged else None

    def read(self, epoch: int, wanted: Shapes) -> Arrays:
        device = jax.sharding.SingleDeviceSharding(jax.devices()[0])
        shapes = {name: jax.ShapeDtypeStruct(a.shape, a.dtype, sharding=device) for name, a in wanted.items()}
        how = ocp.checkpoint_utils.construct_restore_args(shapes)
        request = ocp.args.PyTreeRestore(shapes, restore_args=how, partial_restore=True)
        return self.orbax.restore(self.folder.absolute() / str(epoch) / "arrays", args=request)

    def unfit(self, epoch: int, why: str, wanted: Shapes, whole: bool) -> RunError:
        """E0704, with the way on: the newest of the other checkpoints that is whole."""
        place, others = self.folder / str(epoch), [other for other in self.epochs() if other != epoch]
        sound = next((other for other in reversed(others) if not self.fault(other, wanted, whole)), None)
        return error("E0704", f"cannot read the checkpoint {place}: {why}", place, self.way_on(epoch, sound))

    def way_on(self, epoch: int, sound: int | None) -> str:
        if sound is None:
            return "no other checkpoint of this run is whole: start a new one with another --out"
        newer = [str(self.folder / str(other)) for other in self.epochs() if other > sound]
        remove = f"remove {' and '.join(newer)}" if newer else f"remove {self.folder / str(epoch)}"
        return f"the checkpoint of epoch {sound} is whole; to go on from there, {remove}"

    def __enter__(self) -> Checkpoints:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        self.writer.shutdown()
        self.orbax.close()
        if kind is None:  # else the run ends with that, and the last good checkpoint is as good as it was
            self.wait()


def epochs_in(folder: Path) -> list[int]:
    """The epochs that are stored in a folder of checkpoints, in order."""
    if not folder.is_dir():
        return []
    return sorted(int(place.name) for place in folder.iterdir() if place.name.isdecimal())


@contextmanager
def writing(draft: Path) -> Generator[None, None, None]:
    """Whatever goes wrong is one message, and the draft goes."""
    absl, asyncio, before = logging.getLogger("absl"), logging.getLogger("asyncio"), sys.unraisablehook
    absl.disabled = True  # orbax logs a traceback before it raises
    sys.unraisablehook = hush
    try:
        yield
        sys.unraisablehook = before
    except Exception as problem:  # what a full disk raises depends on where orbax notices it
        asyncio.disabled = True  # it would report every other write that failed when Python exits
        shutil.rmtree(draft, ignore_errors=True)
        help = "make it writable, or free some space; the same command goes on from the last checkpoint before"
        raise error("E0705", f"cannot write a checkpoint to {draft.parent}: {reason(problem)}", draft.parent, help) from problem
    finally:
        absl.disabled = False


def hush(unraisable: sys.UnraisableHookArgs) -> None:
    """When one write has failed, orbax closes the event loop to which all others report; each would print a traceback."""
    if str(unraisable.exc_value) != "Event loop is closed":
        sys.__unraisablehook__(unraisable)


def flatten(state: Any) -> Arrays:
    """Every array of the state by its path, such as `learners.actor.weights.params.head.kernel`; keys as their numbers."""
    return {path_name(path): as_numbers(leaf) for path, leaf in jax.tree_util.tree_leaves_with_path(state)}


def to_host(arrays: Arrays) -> HostArrays:
    """A copy in host memory. From a CPU numpy gets a view of jax's own memory, which is not to be held: the next epoch's
    program writes over it in place, or needs as much again."""
    fetched = jax.device_get(arrays)
    return {name: np.array(array) for name, array in fetched.items()} if jax.default_backend() == "cpu" else fetched


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


def reason(problem: Exception) -> str:
    """Why it failed, in the words of the operating system if it was that; tensorstore puts its number behind long paths."""
    found = re.search(r"os_error_code='([0-9]+)'", str(problem))
    number = problem.errno if isinstance(problem, OSError) else int(found[1]) if found else None
    return os.strerror(number) if number else first_line(problem)


def first_line(problem: Exception) -> str:
    return next(iter(str(problem).splitlines()), "")[:200] or type(problem).__name__
