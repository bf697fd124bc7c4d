"""A stack: `count` copies of a body as one scan, with a checkpoint policy on the body."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
from flax import nnx

# A bare scan keeps every intermediate of every copy: 3.7 times the memory of the unrolled network for the paper's blocks.
# Keeping the matrix products alone, and computing the rest again, needs no more than the unrolled network.
DEFAULT_REMAT = "dots"
POLICIES: dict[str, Any] = {
    "dots": jax.checkpoint_policies.dots_saveable,
    "full": jax.checkpoint_policies.nothing_saveable,
}


class Stack(nnx.Module):
    """`count` copies with parameters of their own; every parameter of `body` has a leading axis of length `count`."""

    def __init__(self, make: Callable[[nnx.Rngs], nnx.Module], count: int, *, remat: str, unroll: int, rngs: nnx.Rngs):
        self.count, self.remat, self.unroll = count, remat, unroll
        self.body = nnx.split_rngs(splits=count)(nnx.vmap(make, in_axes=0, out_axes=0, axis_size=count))(rngs)

    def __call__(self, x: jax.Array) -> jax.Array:
        # Taken apart, and put together inside the loop: so the module may be closed over by any transform of jax.
        graph, state = nnx.split(self.body)

        def step(x: jax.Array, state: Any) -> tuple[jax.Array, None]:
            return nnx.merge(graph, state)(x), None

        y, _ = jax.lax.scan(checkpointed(step, self.remat), x, state, length=self.count, unroll=self.unroll)
        return y


def checkpointed(step: Callable[..., Any], remat: str) -> Callable[..., Any]:
    """The step under its policy; a scan's body needs no guard against common subexpressions."""
    if remat == "none":
        return step
    return jax.checkpoint(step, policy=POLICIES[remat], prevent_cse=False)
