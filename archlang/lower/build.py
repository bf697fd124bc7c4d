"""Network → one `nnx.Module`; a stack becomes one scan over stacked parameters."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

from flax import nnx

from archlang import ir
from archlang.infer import output_type, summed
from archlang.lower.combinators import Cast, Parallel, Residual, Sequence
from archlang.lower.gate import Gate
from archlang.lower.stack import Stack
from archlang.report import ready_to_lower
from archlang.types import Type


def build(network: ir.Network, in_features: int, *, rngs: nnx.Rngs) -> nnx.Module:
    """Lower a network for inputs `[batch, in_features]`, with parameters drawn from `rngs`.

    The module maps `[batch, in_features]` to `[batch, out_features]`; one that ends in a gaussian gives `(mean, log_std)`.
    As every new module of nnx it is in training mode: `bn` and `rsnorm` count batches in, `dropout` drops; see `eval()`.
    What is lowered is the canonical form. Raises `SpecError` where the network does not take that width.
    Nothing is allocated under `nnx.eval_shape`.
    """
    return lower(ready_to_lower(network, in_features), Type.of_input(in_features), rngs)


def lower(node: ir.Node, x: Type, rngs: nnx.Rngs) -> nnx.Module:
    """The module of a node for inputs of type `x`."""
    return BUILDERS[type(node)](node, x, rngs)


def layer(node: ir.Layer, x: Type, rngs: nnx.Rngs) -> nnx.Module:
    module, name = node.layer.lowering.split(":")
    return getattr(import_module(module), name)(node.layer, x, rngs)


def chain(items: tuple[ir.Node, ...], x: Type, rngs: nnx.Rngs) -> Sequence:
    modules = []
    for item in items:
        modules.append(lower(item, x, rngs))
        x = output_type(item, x)
    return Sequence(modules)


def residual(node: ir.Residual, x: Type, rngs: nnx.Rngs) -> Residual:
    body = lower(node.body, x, rngs)
    gate = None if node.gate is None else Gate(node.gate, x, rngs)
    post = None if node.post is None else lower(node.post, summed(node, x), rngs)
    return Residual(body, node.scale, gate, post)


def repeat(node: ir.Repeat, x: Type, rngs: nnx.Rngs) -> nnx.Module:
    if not node.stacked:
        return chain((node.body,) * node.count, x, rngs)
    if not node.is_loop:  # a scan of length 1 would still be a loop
        return lower(node.body, x, rngs)
    remat, unroll = node.remat or ir.DEFAULT_REMAT, node.unroll or 1
    return Stack(lambda rngs: lower(node.body, x, rngs), node.count, remat=remat, unroll=unroll, rngs=rngs)


BUILDERS: dict[type[ir.Node], Callable[[Any, Type, nnx.Rngs], nnx.Module]] = {
    ir.Layer: layer,
    ir.Sequence: lambda node, x, rngs: chain(node.items, x, rngs),
    ir.Residual: residual,
    ir.Repeat: repeat,
    ir.Parallel: lambda node, x, rngs: Parallel([lower(branch, x, rngs) for branch in node.branches], node.join),
    ir.Cast: lambda node, x, rngs: Cast(lower(node.body, x.with_dtype(node.dtype), rngs), node.dtype),
}
