"""Lets programs that call NVIDIA's solvers be compiled where those are not installed, as the extra `gpu-check` leaves them out.

XLA compiles no call that it knows no handler of, and brax and mujoco factorize matrices: `cusolver_potrf_ffi`. jax's handlers
come with its CUDA runtime, which asks for a driver in every process. While a program is compiled a handler is asked for its
version and no more; so one of those for the CPU stands in, in a process that runs nothing. What a solver allocates when it runs
is in no plan.

The structures are those of PJRT's C interface and its extension for custom calls (`pjrt_c_api.h`, `pjrt_c_api_gpu_extension.h`
of openxla/xla). Each says how large it is; one that grows keeps what it had.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from archlang.lower.plugins import PLUGIN, RUNTIME

SOLVERS = (
    "csrlsvqr",
    "geev",
    "geqrf",
    "gesvd",
    "gesvdj",
    "gesvdp",
    "getrf",
    "orgqr",
    "ormqr",
    "potrf",
    "syevd",
    "syrk",
    "sytrd",
)
OTHERS = ("cu_cholesky_update_ffi", "cu_lu_pivots_to_permutation", "cu_tridiagonal_solve_perturbed")
CALLS = (*(f"cusolver_{solver}_ffi" for solver in SOLVERS), *OTHERS)
CUSTOM_CALLS, TYPED = 0, 1  # the extension's number; a handler that knows the types of its arguments
CAPSULE = b"xla._CUSTOM_CALL_TARGET"


class Call(ctypes.Structure):
    """A custom call: its name, and its handlers for each stage of its life."""

    _fields_ = (
        ("size", ctypes.c_size_t),
        ("name", ctypes.c_char_p),
        ("name_size", ctypes.c_size_t),
        ("interface", ctypes.c_int),
        ("instantiate", ctypes.c_void_p),
        ("prepare", ctypes.c_void_p),
        ("initialize", ctypes.c_void_p),
        ("execute", ctypes.c_void_p),
        ("traits", ctypes.c_uint32),
    )


class Extension(ctypes.Structure):
    """An extension, the next of which it knows the place; that for custom calls has a function to register one."""

    _fields_ = (
        ("size", ctypes.c_size_t),
        ("number", ctypes.c_int),
        ("next", ctypes.c_void_p),
        ("register", ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.POINTER(Call))),
    )


class Interface(ctypes.Structure):
    """The head of PJRT's interface."""

    _fields_ = (("size", ctypes.c_size_t), ("extension", ctypes.c_void_p))


@cache
def allow_solvers() -> None:
    """Register the calls with XLA's CUDA compiler, once; nothing where there is none, or jax's CUDA runtime does it."""
    found = find_spec(PLUGIN)
    if find_spec(RUNTIME) is not None or found is None or found.origin is None:
        return
    library = ctypes.CDLL(str(Path(found.origin).with_name("xla_cuda_plugin.so")))
    library.GetPjrtApi.restype = ctypes.POINTER(Interface)
    for extension in extensions(library.GetPjrtApi().contents):
        if extension.number == CUSTOM_CALLS:
            register(extension)


def register(extension: Any) -> None:
    for name in CALLS:
        made = Call(ctypes.sizeof(Call), name.encode(), len(name), TYPED, execute=stand_in())
        extension.register(ctypes.byref(made))


def extensions(interface: Any) -> Iterator[Any]:
    """The list of extensions, one after the other."""
    place = interface.extension
    while place:
        extension = Extension.from_address(place)
        yield extension
        place = extension.next


def stand_in() -> int:
    """The address of one of jaxlib's handlers for the CPU."""
    from jaxlib import lapack

    address = ctypes.pythonapi.PyCapsule_GetPointer
    address.restype, address.argtypes = ctypes.c_void_p, (ctypes.py_object, ctypes.c_char_p)
    return address(lapack.registrations()["cpu"][0][1], CAPSULE)
