"""A stack: `count` copies of a body as one loop over stacked parameters."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
from flax import nnx

from archlang.lower.inputs import refuse_change
from archlang.lower.loop import Arrays, run_copies
from archlang.lower.rooted import Rooted, apply


class Stack(Rooted):
    """`count` copies with parameters and state of their own; each of `body`'s has a leading axis of length `count`."""

    def __init__(self, make: Callable[[nnx.Rngs], nnx.Module], count: int, *, remat: str, unroll: int, rngs: nnx.Rngs):
        self.count, self.remat, self.unroll = count, remat, unroll
        self.body = nnx.split_rngs(splits=count)(nnx.vmap(make, in_axes=0, out_axes=0, axis_size=count))(rngs)

    def forward(self, x: jax.Array, root: jax.Array) -> jax.Array:
        # Taken apart, and put together inside the loop: so the module may be closed over by any transform of jax.
        graph, state = nnx.split(self.body)
        variables = list(nnx.to_flat_state(state))

        def with_arrays(arrays: Arrays) -> nnx.State[Any, Any]:
            replaced = [(path, variable.replace(arrays[i])) for i, (path, variable) in enumerate(variables) if i in arrays]
            return nnx.from_flat_state(replaced)

        def step(x: jax.Array, root: jax.Array, copy: Arrays) -> tuple[jax.Array, Arrays]:
            module = nnx.merge(graph, with_arrays(copy))
            y = apply(module, x, root)
            refuse_change(x, y)
            after = dict(nnx.to_flat_state(nnx.state(module)))
            values = {i: after[path].get_value() for i, (path, _) in enumerate(variables)}
            return y, {i: value for i, value in values.items() if value is not copy[i]}

        copies = {i: variable.get_value() for i, (_, variable) in enumerate(variables)}
        y, changed = run_copies(step, x, root, copies, count=self.count, remat=self.remat, unroll=self.unroll)
        if changed:  # what nothing changed stays as it is: jax lets no transformed function write to what is outside it
            nnx.update(self.body, with_arrays(changed))
        return y
