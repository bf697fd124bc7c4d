"""What a lowered network says of values that it does not take, where jax would speak of dot_general or of a scan's carry."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp

from archlang.diagnostics import Diagnostic, DiagnosticError

SHORT = {"float": "f", "bfloat": "bf", "uint": "u", "int": "i", "complex": "c"}


def refuse_input(x: Any, network: str, in_features: int) -> None:
    """Raise E0802 where x is not `f32[…, in_features]`; float64, where jax has it, is taken too."""
    if not hasattr(x, "dtype"):
        raise not_taken(x, network, in_features, "an array is taken, of jax or of numpy: `jnp.asarray(x)`")
    if x.shape[-1:] != (in_features,):
        raise not_taken(x, network, in_features, f"its last axis has {in_features} numbers")
    if x.dtype not in (jnp.float32, jnp.float64):
        raise not_taken(x, network, in_features, "`x.astype(jnp.float32)`")


def not_taken(x: Any, network: str, in_features: int, help: str) -> DiagnosticError:
    message = f"`{network}` takes f32[…, {in_features}]; got {described(x)}"
    return DiagnosticError([Diagnostic("E0802", message, help=help)])


def refuse_change(before: Any, after: Any) -> None:
    """Raise E0803 where the body of a stack does not give what it takes, for instance since a plug-in's layer is wrong."""
    if (before.shape, before.dtype) != (after.shape, after.dtype):
        message = f"the body of a stack takes {described(before)} and gives {described(after)}"
        help = "a layer in it gives another type than its `output` says"
        raise DiagnosticError([Diagnostic("E0803", message, help=help)])


def described(x: Any) -> str:
    """`f32[512, 256]`."""
    if not hasattr(x, "dtype"):
        return type(x).__name__
    kind = x.dtype.name.rstrip("0123456789")
    return f"{SHORT.get(kind, kind)}{x.dtype.name.removeprefix(kind)}[{', '.join(map(str, x.shape))}]"
