"""Modules that hand the network's input down to what is inside them, for the layers that look at it."""

from __future__ import annotations

from typing import Any

import jax
from flax import nnx


class Rooted(nnx.Module):
    """Base of the modules that hold others. What is called first takes its own input, `[…, width]`, for the network's."""

    def __call__(self, x: jax.Array, root: jax.Array | None = None) -> Any:
        return self.forward(x, x if root is None else root)

    def forward(self, x: jax.Array, root: jax.Array) -> Any:
        raise NotImplementedError


def apply(module: Any, x: jax.Array, root: jax.Array) -> Any:
    """Call a module; one that holds no others, such as `nnx.Linear`, does not learn of the network's input."""
    return module(x, root) if isinstance(module, Rooted) else module(x)
