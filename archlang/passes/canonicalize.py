"""One form for networks that are written differently and compute the same with the same parameters.

- sequences inside sequences are spliced in, `id` among other things goes, and a sequence of nothing is one `id`;
- a stack of one, one copy, a `par` of one branch: what is in it;
- `(x*2)*3` is `x*6` and `2x 3x y` is `6x y`, as long as the count stays below 2⁶³; the two kinds do not mix;
- repeats of `id` are `id`; `scale=1.0` and `post=id` of a residual are nothing; a cast directly inside the same cast is one.

Annotations are promises about one loop. So a stack that has some is kept, even with one copy, and never becomes part of the
stack inside it: `@remat(full) (@remat(full) x*16)*16` keeps 32 inputs for the backward pass where `@remat(full) x*256` would
keep 256. An outer stack without annotations leaves the choice to the plan, and takes over those of the inner one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from archlang import ir
from archlang.limits import MAX_COUNT
from archlang.passes.rewrite import bottom_up

N = TypeVar("N", bound=ir.Node)


def canonicalize(node: N) -> N:
    """The canonical form. Parameters keep their order; types, outputs and gradients are the same. Idempotent.

    >>> from archlang import parse
    >>> from archlang.unparse import unparse
    >>> network = parse("(dense8, id, (ln, swish)), 1x <ln>, (rms*2)*3, par(2x 3x ln)").networks["network"]
    >>> unparse(canonicalize(network.body))
    'dense8, ln, swish, ln, rms*6, 6x ln'
    """
    return bottom_up(node, lambda inner: RULES.get(type(inner), unchanged)(inner))


def canonical_hash(node: ir.Node) -> str:
    """16 hex digits: equal for what computes the same with the same parameters, however it is written and annotated."""
    return ir.content_hash(canonicalize(without_annotations(node)))


def without_annotations(node: N) -> N:
    """The node without `remat` and `unroll`, which do not change what is computed."""
    return bottom_up(node, bare)


def bare(node: ir.Node) -> ir.Node:
    annotated = isinstance(node, ir.Repeat) and node.is_annotated
    return node.model_copy(update={"remat": None, "unroll": None}) if annotated else node


def unchanged(node: ir.Node) -> ir.Node:
    return node


def is_identity(node: ir.Node | None) -> bool:
    return isinstance(node, ir.Layer) and node.name == "id"


def sequence(node: ir.Sequence) -> ir.Node:
    spliced = [inner for item in node.items for inner in (item.items if isinstance(item, ir.Sequence) else (item,))]
    items = tuple(item for item in spliced if not is_identity(item))
    if len(items) < 2:
        return items[0] if items else ir.Layer(name="id", span=node.span)
    return node if items == node.items else node.model_copy(update={"items": items})


def repeat(node: ir.Repeat) -> ir.Node:
    if is_identity(node.body) or (node.count == 1 and not node.is_annotated):
        return node.body
    inner = node.body
    if not isinstance(inner, ir.Repeat) or inner.stacked != node.stacked or node.is_annotated:
        return node
    count = node.count * inner.count
    return node if count > MAX_COUNT else inner.model_copy(update={"count": count, "span": node.span})


def residual(node: ir.Residual) -> ir.Node:
    nothing = {"scale": node.scale == 1.0, "post": is_identity(node.post)}
    changed = {name: None for name, is_nothing in nothing.items() if is_nothing}
    return node.model_copy(update=changed) if changed else node


def parallel(node: ir.Parallel) -> ir.Node:
    return node.branches[0] if len(node.branches) == 1 else node


def cast(node: ir.Cast) -> ir.Node:
    inner = node.body
    if not isinstance(inner, ir.Cast) or inner.dtype != node.dtype:
        return node
    return node.model_copy(update={"body": inner.body})


RULES: dict[type[ir.Node], Callable[[Any], ir.Node]] = {
    ir.Sequence: sequence,
    ir.Repeat: repeat,
    ir.Residual: residual,
    ir.Parallel: parallel,
    ir.Cast: cast,
}
