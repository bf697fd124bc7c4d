"""A network with its stacks written out, and the parameters and state that go with it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from flax import nnx

from archlang import ir
from archlang.lower.build import whole
from archlang.lower.restack import layers_of
from archlang.naming import in_a_row, names


def as_written(network: ir.Network, in_features: int, seed: int = 0) -> nnx.Module:
    """The module of a network that is not brought into canonical form, so that its parts are those of the IR."""
    return whole(network.name, network.body, in_features, nnx.Rngs(seed))


def unrolled(node: ir.Node) -> Any:
    """The same network with every stack written out as independent copies."""
    if isinstance(node, ir.Repeat):
        return ir.Repeat(body=unrolled(node.body), count=node.count, stacked=False)
    if isinstance(node, ir.Sequence):
        return ir.Sequence(items=tuple(unrolled(item) for item in node.items))
    if isinstance(node, ir.Parallel):
        return ir.Parallel(branches=tuple(unrolled(branch) for branch in node.branches), join=node.join)
    if isinstance(node, ir.Residual | ir.Cast | ir.Network):
        return node.model_copy(update={name: unrolled(child) for name, child in inside(node).items()})
    return node


def unstacked(body: ir.Node, state: Any) -> Any:
    """The parameters or the state of a network lowered as it is written, laid out as those of the unrolled one."""
    return layers_of(body, state)


def inside(node: ir.Node) -> dict[str, ir.Node]:
    """The body, and what comes after it, by the names of their fields."""
    fields = {name: getattr(node, name, None) for name in ("body", "post")}
    return {name: child for name, child in fields.items() if child is not None}


def places(node: ir.Node, whole: bool = True) -> Iterator[tuple[Any, ...]]:
    """Where the layers and gates of an unrolled network have their numbers, in the order in which they are applied."""
    items = in_a_row(node)
    for name, item in zip(names(items), items, strict=True):
        path = () if len(items) == 1 and not whole else (name,)
        yield from ((*path, *inner) for inner in places_in(item))


def places_in(item: ir.Node) -> Iterator[tuple[Any, ...]]:
    parts = {("body",): getattr(item, "body", None)} | {("post",): getattr(item, "post", None)}
    if isinstance(item, ir.Parallel):
        parts = {("branches", i): branch for i, branch in enumerate(item.branches)}
    if isinstance(item, ir.Layer):
        yield ()
    if isinstance(item, ir.Residual) and item.gate:
        yield ("gate",)
    for path, part in parts.items():
        if part is not None:
            yield from ((*path, *inner) for inner in places(part, whole=False))
