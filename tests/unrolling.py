"""A network with its stacks written out, and the parameters and state that go with it."""

from __future__ import annotations

from typing import Any

import jax
from flax import nnx

from archlang import ir
from archlang.lower.build import lower
from archlang.types import Type


def as_written(network: ir.Network, in_features: int, seed: int = 0) -> nnx.Module:
    """The module of a network that is not brought into canonical form, so that its parts are those of the IR."""
    return lower(network.body, Type.of_input(in_features), nnx.Rngs(seed))


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


def unstacked(node: ir.Node, state: Any) -> Any:
    """The parameters or the state of a lowered network, laid out as those of the unrolled one."""
    if isinstance(node, ir.Repeat) and node.stacked:
        alone = not node.is_loop
        copies = [state] if alone else [rows(state.get("body", {}), i) for i in range(node.count)]
        return {"items": {i: unstacked(node.body, copy) for i, copy in enumerate(copies)}}
    if isinstance(node, ir.Repeat | ir.Sequence):
        bodies = node.items if isinstance(node, ir.Sequence) else (node.body,) * node.count
        items = state.get("items", {})
        return {"items": {i: unstacked(body, items.get(i, {})) for i, body in enumerate(bodies)}}
    if isinstance(node, ir.Parallel):
        found = state.get("branches", {})
        return {"branches": {i: unstacked(branch, found.get(i, {})) for i, branch in enumerate(node.branches)}}
    if isinstance(node, ir.Residual | ir.Cast):
        return {**state, **{name: unstacked(child, state.get(name, {})) for name, child in inside(node).items()}}
    return state


def inside(node: ir.Node) -> dict[str, ir.Node]:
    """The body, and what comes after it, by the names of their fields."""
    fields = {name: getattr(node, name, None) for name in ("body", "post")}
    return {name: child for name, child in fields.items() if child is not None}


def rows(state: Any, index: int) -> Any:
    return jax.tree.map(lambda leaf: leaf[index], state)
