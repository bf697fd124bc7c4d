"""Sequence, residual, parallel and cast as modules."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Sequence as Items
from functools import reduce
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
from flax import nnx

from archlang.lower.dtypes import DTYPES
from archlang.lower.gate import Gate
from archlang.lower.inputs import refuse_input
from archlang.lower.rooted import Rooted, apply


class Sequence(Rooted):
    """Things one after the other, each an attribute of its name: `dense`, `ln`."""

    def __init__(self, items: Mapping[str, nnx.Module]):
        self.order = tuple(items)
        for name, item in items.items():
            setattr(self, name, item)

    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            """Modules under the names of their layers, which only the network knows."""

    @property
    def items(self) -> tuple[nnx.Module, ...]:
        """The modules in the order in which they are applied."""
        return tuple(getattr(self, name) for name in self.order)

    def forward(self, x: jax.Array, root: jax.Array) -> Any:
        return reduce(lambda value, item: apply(item, value, root), self.items, x)


class Network(Sequence):
    """A whole network: `[…, in_features]` → `[…, out_features]`, or (mean, log_std). Each thing in sequence is an attribute."""

    def __init__(self, items: Mapping[str, nnx.Module], name: str, in_features: int):
        super().__init__(items)
        self.name, self.in_features = name, in_features

    def __call__(self, x: jax.Array, root: jax.Array | None = None) -> Any:
        refuse_input(x, self.name, self.in_features)
        return self.forward(x, x if root is None else root)


class Residual(Rooted):
    """y = post(x + scale · body(x)), or with a gate in place of the sum."""

    def __init__(self, body: nnx.Module, scale: float | None, gate: Gate | None, post: nnx.Module | None):
        self.body, self.scale, self.gate, self.post = body, scale, gate, post

    def forward(self, x: jax.Array, root: jax.Array) -> Any:
        y = apply(self.body, x, root)
        y = y if self.scale is None else self.scale * y
        y = x + y if self.gate is None else self.gate(x, y)
        return y if self.post is None else apply(self.post, y, root)


class Parallel(Rooted):
    """Branches on one input, summed or concatenated along the features."""

    def __init__(self, branches: Items[nnx.Module], join: str):
        self.branches = nnx.List(branches)
        self.join = join

    def forward(self, x: jax.Array, root: jax.Array) -> jax.Array:
        outputs = [apply(branch, x, root) for branch in self.branches]
        return jnp.concatenate(outputs, axis=-1) if self.join == "concat" else reduce(jnp.add, outputs)


class Cast(Rooted):
    """The body in another dtype; what comes out has the dtype that came in. The network's input keeps its own."""

    def __init__(self, body: nnx.Module, dtype: str):
        self.body = body
        self.dtype = DTYPES[dtype]

    def forward(self, x: jax.Array, root: jax.Array) -> Any:
        inside = apply(self.body, x.astype(self.dtype), root)
        return jax.tree.map(lambda y: y.astype(x.dtype), inside)
