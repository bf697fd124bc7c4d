"""How many bytes of one input row jax keeps between the forward and the backward pass.

It is what `jax.vjp` with respect to parameters and input keeps, under the `remat` of each stack. Not counted is what is there
anyway or once for all rows: the parameters, the input row itself, and values that depend on no row. XLA may keep less, where it
computes a value again, and needs more for a moment.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from math import isqrt
from typing import Any

from archlang import ir
from archlang.analysis.parts import parts, width_of
from archlang.analysis.residuals import Everything, Products, Residuals
from archlang.infer import copies, output_type
from archlang.types import Type

READ = Residuals(Everything(needs_input=True), Products(needs_input=True))  # something else is computed from the value


def saved_bytes(node: ir.Node, x: Type) -> int:
    """How many bytes are kept of a row of type `x`, whose width must be known."""
    width_of(x)
    return residuals(node, x).everything.beside_input


def kept_bytes(stack: ir.Repeat, x: Type) -> int:
    """How many bytes the loop of a stack keeps of a row of type `x`, all copies together."""
    return kept(stack, residuals(stack.body, x), x)


def again_bytes(stack: ir.Repeat, x: Type) -> int:
    """How many bytes of a row a stack that is computed again holds for a moment: under `nested`, what a segment keeps; under
    `full`, what the loops inside one copy keep. What lies between two operations is not counted: XLA makes one of them."""
    if stack.remat == "nested":
        return products_kept(residuals(stack.body, x), x.row_bytes, stack.count // isqrt(stack.count))
    return loops_kept(stack.body, x) if stack.remat == "full" else 0


def loops_kept(node: ir.Node, x: Type) -> int:
    """What the outermost loops in a node keep."""
    if isinstance(node, ir.Repeat) and node.is_loop:
        return kept_bytes(node, x)
    return sum(count * loops_kept(part, seen) for part, seen, count in parts(node, x))


def residuals(node: ir.Node, x: Type) -> Residuals:
    return RESIDUALS[type(node)](node, x)


def layer(node: ir.Layer, x: Type) -> Residuals:
    made, y = node.layer.saved(x), node.layer.output(x).row_bytes
    if made.untouched:
        return Residuals()
    everything = Everything(made.computed + made.drawn, y, made.input, made.output)
    if node.layer.flops(x.width or 0):
        return Residuals(everything, product(y))
    return Residuals(everything, Products(needs_input=bool(made.computed or made.input or made.output)))


def product(y: int) -> Products:
    return Products(pending=y, needs_input=True, through=False)


def residual(node: ir.Residual, x: Type) -> Residuals:
    body = residuals(node.body, x)
    body = body if node.scale is None else body.then(linear(x))
    branches = [body] if node.gate is None else [body.then(READ), gate(node.gate, x)]
    summed = Residuals.joined([Residuals(), *branches], x.row_bytes)
    return summed if node.post is None else summed.then(residuals(node.post, x))


def gate(kind: str, x: Type) -> Residuals:
    """t = σ(W x + b) of the input, with its derivative; 1 - t too, where it multiplies."""
    values = {"sigmoid": 2, "highway": 3}[kind]
    return Residuals(Everything(values * x.row_bytes, needs_input=True), product(x.row_bytes).then(READ.products))


def repeat(node: ir.Repeat, x: Type) -> Residuals:
    if node.is_loop:
        return stack(node, x)
    runs = (residuals(node.body, seen).times(count) for seen, count in copies(node, x)[0])
    return reduce(Residuals.then, runs, Residuals())


def stack(node: ir.Repeat, x: Type) -> Residuals:
    """Copies in one loop, which keeps of each what the policy says; what comes out is a new value."""
    body = residuals(node.body, x)
    return Residuals(Everything(kept(node, body, x), output_type(node, x).row_bytes), body.products.looped(node.count))


def kept(node: ir.Repeat, body: Residuals, x: Type) -> int:
    return KEPT[node.remat or ir.DEFAULT_REMAT](body, x.row_bytes, node.count)


def all_kept(body: Residuals, carry: int, count: int) -> int:
    return count * (body.everything.beside_input + carry * body.everything.needs_input)


def inputs_kept(body: Residuals, carry: int, count: int) -> int:
    return count * carry * body.products.needs_input


def products_kept(body: Residuals, carry: int, count: int) -> int:
    return count * (body.products.kept + carry * body.products.needs_input)


def starts_kept(body: Residuals, carry: int, count: int) -> int:
    """The first values of √count segments; the copies behind them, where the count is no square, as under `dots`."""
    segments = isqrt(count)
    return segments * carry + products_kept(body, carry, count % segments)


def parallel(node: ir.Parallel, x: Type) -> Residuals:
    branches = [residuals(branch, x) for branch in node.branches]
    return Residuals.joined(branches, output_type(node, x).row_bytes) if len(branches) > 1 else branches[0]


def cast(node: ir.Cast, x: Type) -> Residuals:
    inside = x.with_dtype(node.dtype)
    body, y = residuals(node.body, inside), output_type(node, x)
    return body if inside == x else linear(inside).then(body).then(linear(y))


def linear(y: Type) -> Residuals:
    """A conversion, or a constant factor: a new value, whose derivative needs nothing."""
    return Residuals(Everything(output_bytes=y.row_bytes))


def in_a_row(node: ir.Node, x: Type) -> Residuals:
    return reduce(Residuals.then, (residuals(part, seen) for part, seen, _ in parts(node, x)), Residuals())


KEPT: dict[str, Callable[[Residuals, int, int], int]] = {
    "none": all_kept,
    "dots": products_kept,
    "full": inputs_kept,
    "nested": starts_kept,
}
RESIDUALS: dict[type[ir.Node], Callable[[Any, Type], Residuals]] = {
    ir.Layer: layer,
    ir.Sequence: in_a_row,
    ir.Residual: residual,
    ir.Repeat: repeat,
    ir.Parallel: parallel,
    ir.Cast: cast,
    ir.Network: in_a_row,
}
