"""Arrays from an .npz file that somebody else wrote: what it holds is looked at before any of it is read, and none is run.

An .npz is a zip archive of .npy files, and each of those begins with its shape and data type (`numpy.lib.format`). So what does
not belong here is refused at the cost of its header, however large it says it is.
"""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.lib import format as npy

from archlang_runtime.errors import RunError, error

SUFFIX = ".npy"
SHOWN = 4  # differences of one sort; more of them say no more
UNREADABLE = (zipfile.BadZipFile, zlib.error, EOFError, ValueError, KeyError, NotImplementedError, RuntimeError)
HELP = "its names are those of `archlang.lower.unstack`, such as actor.dense.kernel: docs/import.md says how to make one"


class Form(NamedTuple):
    """Shape and data type of an array."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]

    def __str__(self) -> str:
        return f"{self.dtype}[{', '.join(map(str, self.shape))}]"


def read_npz(path: Path, wanted: Mapping[str, Form], optional: Mapping[str, Form]) -> dict[str, Any]:
    """The arrays of the file by name: all that are `wanted`, of these forms, and those that are `optional`; finite numbers.

    Anything else is E0711, with the first differences; what the file system refuses is E0705.
    """
    with readable(path), zipfile.ZipFile(path) as archive:
        found = forms(archive)
        refuse_others(path, wanted, optional, found)
        return {name: read_finite(path, archive, name) for name in found}


def forms(archive: zipfile.ZipFile) -> dict[str, Form]:
    """What the arrays of the archive are called, and what they are."""
    names = archive.namelist()
    other = next((name for name in names if not name.endswith(SUFFIX)), None)
    if other is not None:
        raise ValueError(f"it holds {other}, not arrays alone")
    return {name.removesuffix(SUFFIX): form(archive, name) for name in names}


def form(archive: zipfile.ZipFile, name: str) -> Form:
    with archive.open(name) as file:
        read_header = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}[npy.read_magic(file)]
        shape, _, dtype = read_header(file)
        return Form(shape, dtype)


def refuse_others(path: Path, wanted: Mapping[str, Form], optional: Mapping[str, Form], found: Mapping[str, Form]) -> None:
    known = {**wanted, **optional}
    missing = [f"{name} is missing: {form}" for name, form in wanted.items() if name not in found]
    extra = [f"{name} has no place: {form}" for name, form in found.items() if name not in known]
    unlike = [unlikeness(name, found[name], form) for name, form in known.items() if name in found and found[name] != form]
    if notes := (*cut(missing), *cut(unlike), *cut(extra)):
        raise refusal(f"{path} does not hold the weights of these networks", path, notes)


def unlikeness(name: str, found: Form, wanted: Form) -> str:
    if found.dtype.hasobject:
        return f"{name} holds pickled objects, which are never read; it is to be {wanted}"
    return f"{name} is {found}; it is to be {wanted}"


def cut(notes: Sequence[str]) -> list[str]:
    """The first of them, and how many more there are."""
    return [*notes[:SHOWN], f"… and {len(notes) - SHOWN:,} more like it"] if len(notes) > SHOWN else [*notes]


def read_finite(path: Path, archive: zipfile.ZipFile, name: str) -> Any:
    with archive.open(name + SUFFIX) as file:
        array = npy.read_array(file, allow_pickle=False)
    bad = np.size(array) - np.count_nonzero(np.isfinite(array))
    if bad:
        raise refusal(f"{name} of {path} holds numbers that are not finite: {bad:,} of {np.size(array):,}", path)
    return array


@contextmanager
def readable(path: Path) -> Generator[None, None, None]:
    """What is no .npz, or a damaged one, is E0711; what the file system refuses is E0705."""
    try:
        yield
    except RunError:
        raise
    except OSError as problem:
        why = f"cannot read {path}: {problem.strerror or problem}"
        raise error("E0705", why, path, "give the path of an .npz file") from problem
    except UNREADABLE as problem:
        why = next(iter(str(problem).splitlines()), "") or type(problem).__name__
        raise refusal(f"cannot read {path} as an .npz of arrays: {why}", path) from problem


def refusal(message: str, path: Path, notes: tuple[str, ...] = ()) -> RunError:
    return error("E0711", message, path, HELP, notes)
