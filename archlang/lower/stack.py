"""A stack: `count` copies of a body as one scan, with a checkpoint policy on the body."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
from flax import nnx

from archlang.lower.rooted import Rooted, apply

POLICIES: dict[str, Any] = {
    "dots": jax.checkpoint_policies.dots_saveable,
    "full": jax.checkpoint_policies.nothing_saveable,
}


class Stack(Rooted):
    """`count` copies with parameters and state of their own; each of `body`'s has a leading axis of length `count`."""

    def __init__(self, make: Callable[[nnx.Rngs], nnx.Module], count: int, *, remat: str, unroll: int, rngs: nnx.Rngs):
        self.count, self.remat, self.unroll = count, remat, unroll
        self.body = nnx.split_rngs(splits=count)(nnx.vmap(make, in_axes=0, out_axes=0, axis_size=count))(rngs)

    def forward(self, x: jax.Array, root: jax.Array) -> jax.Array:
        # Taken apart, and put together inside the loop: so the module may be closed over by any transform of jax.
        graph, state = nnx.split(self.body)

        def step(x: jax.Array, state: Any) -> tuple[jax.Array, Any]:
            before = values(state)
            copy = nnx.merge(graph, state)
            y = apply(copy, x, root)
            return y, nnx.state(copy, lambda path, variable: variable.get_value() is not before[path])

        y, changed = jax.lax.scan(checkpointed(step, self.remat), x, state, length=self.count, unroll=self.unroll)
        if changed:  # what nothing changed stays as it is: jax lets no transformed function write to what is outside it
            nnx.update(self.body, changed)
        return y


def values(state: Any) -> dict[tuple[Any, ...], Any]:
    """The arrays of a state by their paths."""
    return {path: variable.get_value() for path, variable in nnx.to_flat_state(state)}


def checkpointed(step: Callable[..., Any], remat: str) -> Callable[..., Any]:
    """The step under its policy; a scan's body needs no guard against common subexpressions."""
    if remat == "none":
        return step
    return jax.checkpoint(step, policy=POLICIES[remat], prevent_cse=False)
