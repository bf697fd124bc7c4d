"""How many bytes of one input row jax keeps between the forward and the backward pass.

It is what `jax.vjp` with respect to parameters and input keeps, under the `remat` of each stack. Not counted is what is there
anyway or once for all rows: the parameters, the input row itself, and values that depend on no row. XLA may keep less, where it
computes a value again, and needs more for a moment. A network that is not learned, but used as it is, keeps what the
derivative with respect to its input needs.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from typing import Any

from archlang import ir
from archlang.analysis.fused import Fused
from archlang.analysis.parts import parts, width_of
from archlang.analysis.residuals import Everything, Products, Residuals
from archlang.infer import copies, output_type
from archlang.once import once
from archlang.types import Type

READ = Residuals(Everything(needs_input=True), Products(needs_input=True), Fused(needs_input=True))  # computed from the value
AFFINE = {"bn", "rsnorm", "dropout", "scale", "rezero"}  # in use, with their parameters and statistics as they are
TANH = {"tanh", "gelu", "mish"}  # XLA does not compute this function twice: what they have of it stays in memory
# Bytes of a row that jax keeps though the same numbers are kept already: comparisons with zero, and values of softplus.
TWICE: dict[str, Callable[[Type], int]] = {"mish": lambda x: x.row_bytes, "elu": lambda x: x.width or 0}


def saved_bytes(node: ir.Node, x: Type) -> int:
    """How many bytes are kept of a row of type `x`, whose width must be known."""
    width_of(x)
    return residuals(node, x).everything.beside_input


def kept_bytes(stack: ir.Repeat, x: Type) -> int:
    """How many bytes the loop of a stack keeps of a row of type `x`, all copies together."""
    return kept(stack, residuals(stack.body, x), x)


def again_bytes(stack: ir.Repeat, x: Type, learned: bool = True) -> int:
    """How many bytes of a row a stack that is computed again holds for a moment: under `nested`, what a segment keeps; under
    `full`, what the loops inside one copy keep. What lies between two operations is not counted: XLA makes one of them."""
    if stack.remat == "nested":
        return products_kept(residuals(stack.body, x, learned), x.row_bytes, stack.count // ir.segments_of(stack.count))
    return loops_kept(stack.body, x, learned) if stack.remat == "full" else 0


def behind_bytes(stack: ir.Repeat, x: Type, learned: bool = True) -> int:
    """How many bytes of a row are kept of the copies behind the segments of a `nested` stack."""
    if stack.remat != "nested":
        return 0
    return products_kept(residuals(stack.body, x, learned), x.row_bytes, stack.count % ir.segments_of(stack.count))


def loops_kept(node: ir.Node, x: Type, learned: bool) -> int:
    """What the outermost loops in a node keep."""
    if isinstance(node, ir.Repeat) and node.is_loop:
        return kept(node, residuals(node.body, x, learned), x)
    return sum(count * loops_kept(part, seen, learned) for part, seen, count in parts(node, x))


@once
def residuals(node: ir.Node, x: Type, learned: bool = True, /) -> Residuals:
    return RESIDUALS[type(node)](node, x, learned)


def layer(node: ir.Layer, x: Type, learned: bool) -> Residuals:
    made, y = node.layer.saved(x), node.layer.output(x).row_bytes
    if made.untouched:
        return Residuals()
    if not learned and node.name in AFFINE:
        return linear(node.layer.output(x))
    if node.layer.flops(x.width or 0):
        everything = Everything(made.computed, y, made.input and learned, made.output)
        return Residuals(everything, *product(y, learned))
    needed = bool(made.computed or made.input or made.output)
    twice = TWICE[node.name](x) if node.name in TWICE else 0
    everything = Everything(made.computed + made.drawn, y, made.input, made.output, twice=twice)
    stays = made.drawn + y * (node.name in TANH)
    return Residuals(everything, Products(needs_input=needed), Fused(stays, 0, y * (node.name != "tanh"), needed))


def product(y: int, learned: bool) -> tuple[Products, Fused]:
    """The gradient of a matrix needs what the matrix was multiplied by."""
    return Products(0, y, learned, through=False), Fused(0, y, takes_input=learned, through=False)


def residual(node: ir.Residual, x: Type, learned: bool) -> Residuals:
    body = residuals(node.body, x, learned)
    body = body if node.scale is None else body.then(linear(x))
    branches = [body] if node.gate is None else [body.then(READ), gate(node.gate, x, learned)]
    summed = Residuals.joined([Residuals(), *branches], x.row_bytes)
    return summed if node.post is None else summed.then(residuals(node.post, x, learned))


def gate(kind: str, x: Type, learned: bool) -> Residuals:
    """t = σ(W x + b) of the input, with its derivative; 1 - t too, where it multiplies."""
    values = {"sigmoid": 2, "highway": 3}[kind]
    products, fused = product(x.row_bytes, learned)
    everything = Everything(values * x.row_bytes, needs_input=learned)
    return Residuals(everything, products.then(READ.products), fused.then(READ.fused))


def repeat(node: ir.Repeat, x: Type, learned: bool) -> Residuals:
    if node.is_loop:
        return stack(node, x, learned)
    runs = (residuals(node.body, seen, learned).times(count) for seen, count in copies(node, x)[0])
    return reduce(Residuals.then, runs, Residuals())


def stack(node: ir.Repeat, x: Type, learned: bool) -> Residuals:
    """Copies in one loop, which keeps of each what the policy says; what comes out is a new value."""
    body, y = residuals(node.body, x, learned), output_type(node, x).row_bytes
    return Residuals(
        Everything(kept(node, body, x), y), body.products.looped(node.count), Fused(planned(node, body, x), y, through=False)
    )


def planned(node: ir.Repeat, body: Residuals, x: Type) -> int:
    """What XLA keeps for a loop: the same numbers once."""
    return kept(node, body, x) - node.count * body.everything.twice * (node.remat == "none")


def kept(node: ir.Repeat, body: Residuals, x: Type) -> int:
    return KEPT[node.remat or ir.DEFAULT_REMAT](body, x.row_bytes, node.count)


def all_kept(body: Residuals, carry: int, count: int) -> int:
    return count * (body.everything.beside_input + carry * body.everything.needs_input)


def inputs_kept(body: Residuals, carry: int, count: int) -> int:
    return count * carry * (body.products.needs_input or body.products.kept > 0)


def products_kept(body: Residuals, carry: int, count: int) -> int:
    return count * (body.products.kept + carry * body.products.needs_input)


def starts_kept(body: Residuals, carry: int, count: int) -> int:
    """The first values of √count segments; the copies behind them, where the count is no square, as under `dots`."""
    segments = ir.segments_of(count)
    return segments * carry + products_kept(body, carry, count % segments)


def parallel(node: ir.Parallel, x: Type, learned: bool) -> Residuals:
    branches = [residuals(branch, x, learned) for branch in node.branches]
    return Residuals.joined(branches, output_type(node, x).row_bytes) if len(branches) > 1 else branches[0]


def cast(node: ir.Cast, x: Type, learned: bool) -> Residuals:
    inside = x.with_dtype(node.dtype)
    body, y = residuals(node.body, inside, learned), output_type(node, x)
    return body if inside == x else linear(inside).then(body).then(linear(y))


def linear(y: Type) -> Residuals:
    """A conversion, or a constant factor: a new value, whose derivative needs nothing."""
    return Residuals(Everything(output_bytes=y.row_bytes), fused=Fused(fresh=y.row_bytes))


def in_a_row(node: ir.Node, x: Type, learned: bool) -> Residuals:
    found = (residuals(part, seen, learned) for part, seen, _ in parts(node, x))
    return reduce(Residuals.then, found, Residuals())


KEPT: dict[str, Callable[[Residuals, int, int], int]] = {
    "none": all_kept,
    "dots": products_kept,
    "full": inputs_kept,
    "nested": starts_kept,
}
RESIDUALS: dict[type[ir.Node], Callable[[Any, Type, bool], Residuals]] = {
    ir.Layer: layer,
    ir.Sequence: in_a_row,
    ir.Residual: residual,
    ir.Repeat: repeat,
    ir.Parallel: parallel,
    ir.Cast: cast,
    ir.Network: in_a_row,
}
