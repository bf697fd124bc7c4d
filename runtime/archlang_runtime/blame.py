"""Which layer gave the first number that is not finite.

Every update sums the squares of each layer's gradient, for the norm that is reported; what is not finite shows there. The first
update that has such a sum decides: afterwards everything is NaN.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import jax
import jax.numpy as jnp

from archlang import Network
from archlang.lower import unstack

Squares = Any  # in the form of a network's parameters; of each array a sum of squares, one for each copy of a stack


def squares(gradient: Any, stacked_axes: Any) -> Squares:
    """The sum of squares of each layer's gradient. `stacked_axes`: how many leading axes of each array number copies."""

    def summed(array: jax.Array, axes: int) -> jax.Array:
        return jnp.sum(jnp.square(array.astype(jnp.float32)), axis=tuple(range(axes, array.ndim)))

    return jax.tree.map(summed, gradient, stacked_axes)


def norm(*trees: Squares) -> jax.Array:
    """The norm of everything that these sums are of."""
    return jnp.sqrt(sum((jnp.sum(leaf) for leaf in jax.tree.leaves(trees)), start=jnp.zeros(())))


def nobody(layers: Any) -> Any:
    """No layer to blame; `layers`: the shapes of squares."""
    return jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, bool), layers)


def blame(before: Any, layers: Any) -> Any:
    """Whose squares are not finite, unless someone was found before."""
    found = jnp.any(jnp.stack([jnp.any(leaf) for leaf in jax.tree.leaves(before)]))
    return jax.tree.map(lambda flags, sums: jnp.where(found, flags, ~jnp.isfinite(sums)), before, layers)


def in_words(culprits: Mapping[str, Any], networks: Mapping[str, Network]) -> str:
    """The layers to blame, such as `sa_encoder, every layer` or `actor, up to res_3.body.dense_1`; nothing, if nobody is."""
    return "; ".join(words for name, flags in culprits.items() if (words := layers_in_words(name, networks[name], flags)))


def layers_in_words(name: str, network: Network, flags: Any) -> str:
    layers = dict(by_layer(unstack(network, jax.device_get(flags))))
    bad = [layer for layer, flag in layers.items() if flag]
    if not bad:
        return ""
    # A backward pass goes from the output to the input: what is wrong in one layer is wrong in all before it.
    return f"{name}, every layer" if len(bad) == len(layers) else f"{name}, up to {bad[-1]}"


def by_layer(tree: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, bool]]:
    """The layers of an unstacked tree in the order in which they are run, and whether any of their arrays is flagged."""
    if all(not isinstance(value, Mapping) for value in tree.values()):
        yield ".".join(path), any(bool(value[...] if hasattr(value, "shape") else value) for value in tree.values())
        return
    for key, value in tree.items():
        yield from by_layer(value, (*path, str(key)))
