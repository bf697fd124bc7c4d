"""A network with its stacks written out, and the parameters that go with it."""

from __future__ import annotations

from typing import Any

import jax

from archlang import ir


def unrolled(node: ir.Node) -> Any:
    """The same network with every stack written out as independent copies."""
    if isinstance(node, ir.Repeat):
        return ir.Repeat(body=unrolled(node.body), count=node.count, stacked=False)
    if isinstance(node, ir.Sequence):
        return ir.Sequence(items=tuple(unrolled(item) for item in node.items))
    if isinstance(node, ir.Parallel):
        return ir.Parallel(branches=tuple(unrolled(branch) for branch in node.branches), join=node.join)
    if isinstance(node, ir.Residual | ir.Cast | ir.Network):
        return node.model_copy(update={"body": unrolled(node.body)})
    return node


def unstacked(node: ir.Node, state: Any) -> Any:
    """The parameters of a lowered network, laid out as those of the unrolled one."""
    if isinstance(node, ir.Repeat) and node.stacked:
        alone = node.count == 1 and node.remat is None and node.unroll is None
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
        return {"body": unstacked(node.body, state.get("body", {}))}
    return state


def rows(state: Any, index: int) -> Any:
    return jax.tree.map(lambda leaf: leaf[index], state)
