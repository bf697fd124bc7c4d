"""A stack: `count` copies of a body as one scan, with a checkpoint policy on the body."""

from __future__ import annotations

import functools
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
        step = checkpointed(lambda body, x: body(x), self.remat)
        scan = nnx.scan(step, in_axes=(0, nnx.Carry), out_axes=nnx.Carry, length=self.count, unroll=self.unroll)
        return scan(self.body, x)


def checkpointed(step: Callable[..., jax.Array], remat: str) -> Callable[..., jax.Array]:
    """The step under its policy; a scan's body needs no guard against common subexpressions."""
    if remat == "none":
        return step
    return functools.partial(nnx.remat, policy=POLICIES[remat], prevent_cse=False)(step)
