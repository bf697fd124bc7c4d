"""Sequence, residual, parallel and cast as modules."""

from __future__ import annotations

from collections.abc import Sequence as Items
from functools import reduce
from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx

from archlang.lower.dtypes import DTYPES


class Sequence(nnx.Module):
    """Things one after the other."""

    def __init__(self, items: Items[nnx.Module]):
        self.items = nnx.List(items)

    def __call__(self, x: jax.Array) -> Any:
        return reduce(lambda value, item: item(value), self.items, x)


class Residual(nnx.Module):
    """y = x + body(x)."""

    def __init__(self, body: nnx.Module):
        self.body = body

    def __call__(self, x: jax.Array) -> jax.Array:
        return x + self.body(x)


class Parallel(nnx.Module):
    """Branches on one input, summed or concatenated along the features."""

    def __init__(self, branches: Items[nnx.Module], join: str):
        self.branches = nnx.List(branches)
        self.join = join

    def __call__(self, x: jax.Array) -> jax.Array:
        outputs = [branch(x) for branch in self.branches]
        return jnp.concatenate(outputs, axis=-1) if self.join == "concat" else reduce(jnp.add, outputs)


class Cast(nnx.Module):
    """The body in another dtype; what comes out has the dtype that came in."""

    def __init__(self, body: nnx.Module, dtype: str):
        self.body = body
        self.dtype = DTYPES[dtype]

    def __call__(self, x: jax.Array) -> Any:
        inside = self.body(x.astype(self.dtype))
        return jax.tree.map(lambda y: y.astype(x.dtype), inside)
