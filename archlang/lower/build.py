"""Network → one `nnx.Module`; a stack becomes one scan over stacked parameters."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

from flax import nnx

from archlang import ir
from archlang.diagnostics import Diagnostic, SpecError
from archlang.infer import output_type, summed
from archlang.lower.combinators import Cast, Network, Parallel, Residual, Sequence
from archlang.lower.gate import Gate
from archlang.lower.stack import Stack
from archlang.naming import in_a_row, names
from archlang.report import ready_to_lower
from archlang.types import Type

MAX_COPIES = 2**31 - 1  # jax counts the turns of a loop in int32


def build(network: ir.Network, in_features: int, *, rngs: nnx.Rngs) -> Network:
    """Lower a network for inputs `[batch, in_features]`, with parameters drawn from `rngs`.

    The module maps `[batch, in_features]` to `[batch, out_features]`; one that ends in a gaussian gives `(mean, log_std)`.
    As every new module of nnx it is in training mode: `bn` and `rsnorm` count batches in, `dropout` drops; see `eval()`.
    What is lowered is the canonical form. Raises `SpecError` where the network does not take that width.
    Nothing is allocated under `nnx.eval_shape`.
    """
    return whole(network.name, ready_to_lower(network, in_features), in_features, rngs)


def whole(name: str, body: ir.Node, in_features: int, rngs: nnx.Rngs) -> Network:
    """A network with this body, as it is."""
    return Network(row(body, Type.of_input(in_features), rngs), name, in_features)


def lower(node: ir.Node, x: Type, rngs: nnx.Rngs) -> nnx.Module:
    """The module of a node for inputs of type `x`."""
    return BUILDERS[type(node)](node, x, rngs)


def layer(node: ir.Layer, x: Type, rngs: nnx.Rngs) -> nnx.Module:
    module, name = node.layer.lowering.split(":")
    return getattr(import_module(module), name)(node.layer, x, rngs)


def row(node: ir.Node, x: Type, rngs: nnx.Rngs) -> dict[str, nnx.Module]:
    """The modules of things in sequence, by their names."""
    items, modules = in_a_row(node), []
    for item in items:
        modules.append(lower(item, x, rngs))
        x = output_type(item, x)
    return dict(zip(names(items), modules, strict=True))


def chain(node: ir.Node, x: Type, rngs: nnx.Rngs) -> nnx.Module:
    """Things in sequence as one module; one thing as its own."""
    modules = row(node, x, rngs)
    return next(iter(modules.values())) if len(modules) == 1 else Sequence(modules)


def residual(node: ir.Residual, x: Type, rngs: nnx.Rngs) -> Residual:
    body = lower(node.body, x, rngs)
    gate = None if node.gate is None else Gate(node.gate, x, rngs)
    post = None if node.post is None else lower(node.post, summed(node, x), rngs)
    return Residual(body, node.scale, gate, post)


def repeat(node: ir.Repeat, x: Type, rngs: nnx.Rngs) -> nnx.Module:
    if not node.is_loop:  # independent copies, or a stack of one: a scan of length 1 would still be a loop
        return chain(node, x, rngs)
    refuse_uncountable(node)
    remat, unroll = node.remat or ir.DEFAULT_REMAT, node.unroll or 1
    return Stack(lambda rngs: lower(node.body, x, rngs), node.count, remat=remat, unroll=unroll, rngs=rngs)


def refuse_uncountable(stack: ir.Repeat) -> None:
    """Raise E0204 where there are more copies than a loop of jax counts."""
    if stack.count > MAX_COPIES:
        message = f"a loop has at most {MAX_COPIES:,} copies; got {stack.count:,}"
        raise SpecError([Diagnostic("E0204", message, stack.span, help="stacks may stand in stacks: `((…)*1000)*1000`")])


BUILDERS: dict[type[ir.Node], Callable[[Any, Type, nnx.Rngs], nnx.Module]] = {
    ir.Layer: layer,
    ir.Sequence: chain,
    ir.Residual: residual,
    ir.Repeat: repeat,
    ir.Parallel: lambda node, x, rngs: Parallel([lower(branch, x, rngs) for branch in node.branches], node.join),
    ir.Cast: lambda node, x, rngs: Cast(lower(node.body, x.with_dtype(node.dtype), rngs), node.dtype),
}
