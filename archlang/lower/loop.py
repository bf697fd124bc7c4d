"""One loop over the copies of a stack, with a backward pass of its own.

`jax.lax.scan` differentiates itself, but what it stacks up, values that are saved for the backward pass and gradients, begins
as zeros that depend on nothing. XLA makes those of every loop of a program at its very start, so that the buffers of networks
which are updated one after the other live side by side. Here a buffer depends on the value that its loop begins with
(`anchored`) and exists from then on. Everything else is jax's: a copy is differentiated by `jax.vjp` under a policy of
`jax.checkpoint`.

    none     every value that a derivative is computed from; jax's own scan, and so the one that takes forward mode
    dots     a copy's input and its matrix products; the rest is computed again
    full     a copy's input; a copy is computed again before it is differentiated
    nested   the input of every √count-th copy; the copies between are computed again, and then as `dots`
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import lax
from jax.sharding import PartitionSpec

from archlang.ir import segments_of

Arrays = Mapping[int, jax.Array]  # the arrays of a copy by number, or of all copies with a leading axis
Step = Callable[[Any, Any, Arrays], tuple[Any, Arrays]]  # (x, root, copy) → (y, the arrays of the copy that have changed)

POLICIES: dict[str, Any] = {
    "dots": jax.checkpoint_policies.dots_saveable,
    "full": jax.checkpoint_policies.nothing_saveable,
    "nested": jax.checkpoint_policies.dots_saveable,
}


def run_copies(step: Step, x: Any, root: Any, copies: Arrays, *, count: int, remat: str, unroll: int) -> tuple[Any, Arrays]:
    """`count` copies of `step` in a row: the last y, and the changed arrays of all copies. All see the same `root`."""
    loop, (floats, others) = Loop(step, count, remat, unroll), by_kind(copies)
    x, root, floats = varying_alike((x, root, floats))
    if remat == "none":
        return loop.run(x, root, floats, others)
    differentiable = jax.custom_vjp(loop.run)
    differentiable.defvjp(loop.forward, loop.backward)
    return differentiable(x, root, floats, others)


class Given(NamedTuple):
    """What the copies are made of and see beside x. `others` (keys of random numbers, counters) have no derivative."""

    root: Any
    floats: Arrays
    others: Arrays

    def at(self, index: Any) -> Given:
        """What one copy is given."""
        return Given(self.root, *(at(arrays, index) for arrays in (self.floats, self.others)))


@dataclass(frozen=True, eq=False)
class Pull:
    """How the backward pass of a copy is put together: a function of jax, and where each array that it needs comes from.

    What a copy is given is there anyway, `(1, key)` of its floats, for instance; only the rest is kept, by its place.
    """

    tree: Any
    sources: tuple[Any, ...]

    def __call__(self, given: Given, kept: list[jax.Array]) -> Callable[[Any], Any]:
        arrays = [kept[source] if isinstance(source, int) else look_up(given, source) for source in self.sources]
        return jax.tree.unflatten(self.tree, arrays)


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Kept:
    """What is kept of `count` copies from `first` on, each array with a leading axis; no pull, no copies."""

    arrays: list[jax.Array] = field(default_factory=list)
    first: Any = 0
    count: int = field(default=0, metadata={"static": True})
    pull: Pull | None = field(default=None, metadata={"static": True})


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Saved:
    """Between the passes: what was given, the first values of the segments, and what is kept of the copies behind them."""

    given: Given
    starts: Any
    rest: Kept


@dataclass(frozen=True)
class Loop:
    """`count` copies of a step. Under `nested`, `segments` of `size` copies come first; the rest is as under `dots`."""

    step: Step
    count: int
    remat: str
    unroll: int

    @property
    def segments(self) -> int:
        return segments_of(self.count) if self.remat == "nested" else 0

    @property
    def size(self) -> int:
        return self.count // self.segments if self.segments else 0

    @property
    def covered(self) -> int:
        """How many copies the segments have."""
        return self.segments * self.size

    # --- forward -----------------------------------------------------------------------------------------------------

    def run(self, x: Any, root: Any, floats: Arrays, others: Arrays) -> tuple[Any, Arrays]:
        """All copies, and nothing kept for a backward pass."""

        def body(x: Any, copy: tuple[Arrays, Arrays]) -> tuple[Any, Arrays]:
            return self.step(x, root, {**copy[0], **copy[1]})

        return lax.scan(body, x, (floats, others), length=self.count, unroll=self.unroll)

    def forward(self, x: Any, root: Any, floats: Arrays, others: Arrays) -> tuple[tuple[Any, Arrays], Saved]:
        """As `run`, and what the backward pass needs."""
        given = Given(root, floats, others)
        x, starts, changed = self.skim(x, given)
        x, rest, more = self.keep(x, given, self.covered, self.count - self.covered)
        return (x, joined(changed, more)), Saved(given, starts, rest)

    def skim(self, x: Any, given: Given) -> tuple[Any, Any, Arrays | None]:
        """Run the segments, keeping the first value of each."""
        if not self.segments:
            return x, None, None

        def copy(carry: tuple[Any, Any], _: None) -> tuple[tuple[Any, Any], Arrays]:
            index, x = carry
            _, floats, others = given.at(index)
            x, changed = self.step(x, given.root, {**floats, **others})
            return (index + 1, x), changed

        def segment(carry: tuple[Any, Any, Any], _: None) -> tuple[tuple[Any, Any, Any], Arrays]:
            index, x, starts = carry
            starts = put(starts, x, index)
            (_, x), changed = lax.scan(copy, (index * self.size, x), length=self.size, unroll=self.unroll)
            return (index + 1, x, starts), changed

        begin = (0, x, anchored(x, self.segments, x))
        (_, x, starts), changed = lax.scan(segment, begin, length=self.segments)
        return x, starts, jax.tree.map(lambda array: array.reshape(self.covered, *array.shape[2:]), changed)

    def keep(self, x: Any, given: Given, first: Any, count: int) -> tuple[Any, Kept, Arrays | None]:
        """Run `count` copies from `first` on, keeping what the policy says of each."""
        if not count:
            return x, Kept(), None
        pulls: list[Pull] = []

        def copy(x: Any, index: Any) -> tuple[Any, list[jax.Array], Arrays]:
            y, kept, pull, changed = self.differentiate(x, given.at(index))
            pulls.append(pull)
            return y, kept, changed

        def body(carry: tuple[Any, Any, Any], _: None) -> tuple[tuple[Any, Any, Any], Arrays]:
            index, x, buffers = carry
            y, kept, changed = copy(x, first + index)
            return (index + 1, y, put(buffers, kept, index)), changed

        buffers = anchored(jax.eval_shape(copy, x, first)[1], count, x)
        (_, y, arrays), changed = lax.scan(body, (0, x, buffers), length=count, unroll=self.unroll)
        return y, Kept(arrays, first, count, pulls[-1]), changed

    def differentiate(self, x: Any, given: Given) -> tuple[Any, list[jax.Array], Pull, Arrays]:
        """One copy: y, what is kept of it, how it is pulled back, and what has changed."""

        def copy(x: Any, root: Any, floats: Arrays) -> tuple[tuple[Any, Arrays], Arrays]:
            y, changed = self.step(x, root, {**floats, **given.others})
            numbers, others = by_kind(changed)
            return (y, numbers), others

        policed = jax.checkpoint(copy, policy=POLICIES[self.remat], prevent_cse=False)  # the passes are loops of their own
        (y, numbers), pull, others = jax.vjp(policed, x, given.root, given.floats, has_aux=True)
        kept, how = take_apart(pull, given)
        return y, kept, how, {**numbers, **others}

    # --- backward ----------------------------------------------------------------------------------------------------

    def backward(self, saved: Saved, cotangents: tuple[Any, Arrays]) -> tuple[Any, Any, Arrays, Any]:
        """The cotangents of x, root and floats from those of y and of what has changed."""
        given, (dy, changed) = saved.given, cotangents
        start = (dy, jax.tree.map(jnp.zeros_like, given.root), anchored(at(given.floats, 0), self.count, dy))
        numbers = {key: array for key, array in changed.items() if array.dtype != jax.dtypes.float0}
        after = self.pull_back(start, saved.rest, given, numbers)
        return (*self.pull_back_segments(after, saved, numbers), None)

    def pull_back(self, carry: Any, kept: Kept, given: Given, changed: Arrays) -> Any:
        """The copies of which something is kept, the last one first. The carry holds the cotangents of x, root and floats."""
        if kept.pull is None:
            return carry
        pull = kept.pull

        def body(carry: Any, _: None) -> tuple[Any, None]:
            index, (dx, droot, dfloats) = carry
            number = kept.first + index
            dx, more, here = pull(given.at(number), at(kept.arrays, index))((dx, at(changed, number)))
            return (index - 1, (dx, jax.tree.map(jnp.add, droot, more), put(dfloats, here, number))), None

        return lax.scan(body, (kept.count - 1, carry), length=kept.count, unroll=self.unroll)[0][1]

    def pull_back_segments(self, carry: Any, saved: Saved, changed: Arrays) -> Any:
        """The segments, the last one first, each run again."""
        if not self.segments:
            return carry

        def body(carry: Any, _: None) -> tuple[Any, None]:
            index, inner = carry
            kept = self.keep(at(saved.starts, index), saved.given, index * self.size, self.size)[1]
            return (index - 1, self.pull_back(inner, kept, saved.given, changed)), None

        return lax.scan(body, (self.segments - 1, carry), length=self.segments)[0][1]


# --- arrays ---------------------------------------------------------------------------------------------------------------


def by_kind(arrays: Arrays) -> tuple[Arrays, Arrays]:
    """Those that have a derivative, and the others."""
    floats = {key: array for key, array in arrays.items() if jnp.issubdtype(array.dtype, jnp.floating)}
    return floats, {key: array for key, array in arrays.items() if key not in floats}


def varying_alike(arrays: Any) -> Any:
    """Inside `jax.shard_map`, the arrays as varying over the same axes of the mesh; elsewhere, as they are.

    A cotangent must vary as its value does. Those of the parameters vary with the rows, so the parameters do here; where they
    begin to, jax sums the cotangents over the devices.
    """
    axes = {axis for leaf in jax.tree.leaves(arrays) for axis in varying(leaf)}
    return jax.tree.map(lambda leaf: lax.pcast(leaf, tuple(sorted(axes - varying(leaf))), to="varying"), arrays)


def varying(array: Any) -> frozenset[str]:
    """The axes of a mesh over which an array varies from device to device."""
    return jax.typeof(array).manual_axis_type.varying


def take_apart(pull: Any, given: Given) -> tuple[list[jax.Array], Pull]:
    """The arrays that a function of `jax.vjp` holds and that were not given, each once; and how it is put together again."""
    leaves, tree = jax.tree.flatten(pull)
    places: dict[int, Any] = {id(leaf): path for path, leaf in jax.tree_util.tree_leaves_with_path(given)}
    kept: list[jax.Array] = []
    for leaf in leaves:
        if id(leaf) not in places:
            places[id(leaf)] = len(kept)
            kept.append(leaf)
    return kept, Pull(tree, tuple(places[id(leaf)] for leaf in leaves))


def look_up(tree: Any, path: tuple[Any, ...]) -> Any:
    for key in path:
        tree = getattr(tree, key.name) if isinstance(key, jax.tree_util.GetAttrKey) else tree[key.key]
    return tree


def at(arrays: Any, index: Any) -> Any:
    """The arrays of one copy."""
    return jax.tree.map(
        lambda array: lax.dynamic_index_in_dim(array, index, keepdims=False, allow_negative_indices=False), arrays
    )


def put(buffers: Any, arrays: Any, index: Any) -> Any:
    """The buffers with the arrays of one copy in their place."""

    def write(buffer: jax.Array, array: jax.Array) -> jax.Array:
        return lax.dynamic_update_index_in_dim(buffer, array, index, 0, allow_negative_indices=False)

    return jax.tree.map(write, buffers, arrays)


def anchored(arrays: Any, count: int, anchor: Any) -> Any:
    """A buffer for `count` of each array that does not exist before `anchor` does.

    Each begins with a zero of its own: XLA would make one buffer of equal zeros, and copy it.
    """
    zeros = jax.tree.map(lambda array: jnp.zeros((), array.dtype), arrays)
    zeros, _ = lax.optimization_barrier((zeros, anchor))
    return jax.tree.map(partial(repeated, count), arrays, zeros)


def repeated(count: int, array: Any, zero: jax.Array) -> jax.Array:
    """A zero for each number of `count` such arrays, on a mesh with explicit axes divided among its devices as they are."""
    sharding = jax.typeof(array).sharding
    stacked = sharding.update(spec=PartitionSpec(None, *sharding.spec))
    return jnp.broadcast_to(zero, (count, *array.shape), out_sharding=stacked)


def joined(first: Arrays | None, second: Arrays | None) -> Arrays:
    """The arrays of the copies of two loops, one behind the other."""
    if first is None or second is None:
        return first or second or {}
    return {key: jnp.concatenate([array, second[key]]) for key, array in first.items()}
