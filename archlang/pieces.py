"""Pieces of network while a specification is elaborated: IR with its size, kept within the limits.

Nodes are made without validation: what stands in them was looked at where it was written, and to build pydantic's schema alone
would cost every command a tenth of its time.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from archlang import ir
from archlang.limits import MAX_COUNT, MAX_NESTING, MAX_NODES
from archlang.source import Span
from archlang.wrong import Wrong, wrong


@dataclass(frozen=True)
class Piece:
    """A piece of network, with how many nodes it writes out (a stack counts its body once), how deeply they nest, and how
    many copies it makes of the layer that it repeats most. `wrong`: there is a hole in it."""

    node: ir.Expression
    size: int = 1
    height: int = 0
    copies: int = 1
    wrong: bool = False

    def at(self, span: Span, **changes: object) -> Piece:
        """The same piece seen at another place, or with other annotations."""
        return replace(self, node=self.node.model_copy(update={"span": span, **changes}))


def hole(span: Span) -> Piece:
    """The place of something that was reported as wrong."""
    return Piece(ir.Hole.model_construct(span=span), wrong=True)


def inside(body: Piece, span: Span) -> Piece:
    """The body in brackets, or where its name is used: the same node, one level deeper."""
    node = body.node.model_copy(update={"span": span})
    return within_limits(Piece(node, body.size, body.height + 1, body.copies, body.wrong))


def sequence(pieces: Sequence[Piece], span: Span) -> Piece:
    if len(pieces) == 1:
        return pieces[0]
    node = ir.Sequence.model_construct(items=tuple(piece.node for piece in pieces), span=span)
    return within_limits(together(node, pieces))


def residual(
    body: Piece, span: Span, *, scale: float | None = None, gate: ir.Gate | None = None, post: Piece | None = None
) -> Piece:
    node = ir.Residual.model_construct(body=body.node, scale=scale, gate=gate, post=post.node if post else None, span=span)
    return around(together(node, [body, post] if post else [body]), node)


def times(body: Piece, count: int, span: Span) -> Piece:
    node = ir.Repeat.model_construct(body=body.node, count=count, stacked=False, span=span)
    return within_limits(replace(around(body, node), size=1 + count * body.size, copies=count * body.copies))


def stack(body: Piece, count: int, span: Span) -> Piece:
    node = ir.Repeat.model_construct(body=body.node, count=count, stacked=True, span=span)
    return within_limits(replace(around(body, node), copies=count * body.copies))


def parallel(branches: Sequence[Piece], join: Literal["sum", "concat"], span: Span) -> Piece:
    node = ir.Parallel.model_construct(branches=tuple(branch.node for branch in branches), join=join, span=span)
    return around(together(node, branches), node)


def cast(body: Piece, dtype: ir.Dtype, span: Span) -> Piece:
    return around(body, ir.Cast.model_construct(dtype=dtype, body=body.node, span=span))


def around(body: Piece, node: ir.Expression) -> Piece:
    return within_limits(replace(body, node=node, size=1 + body.size, height=1 + body.height))


def together(node: ir.Expression, pieces: Sequence[Piece]) -> Piece:
    size, height, copies = sum(p.size for p in pieces), max(p.height for p in pieces), max(p.copies for p in pieces)
    return Piece(node, size, height, copies, any(p.wrong for p in pieces))


def within_limits(piece: Piece) -> Piece:
    """The piece; raises `Wrong` where it breaks a limit, without a word if something in it was wrong before."""
    mistake = next((mistake for broken, mistake in LIMITS if broken(piece)), None)
    if mistake is None:
        return piece
    raise Wrong if piece.wrong else mistake(piece)


def too_many(piece: Piece) -> Wrong:
    message = f"this network writes out {piece.size:,} nodes; at most {MAX_NODES:,} are possible"
    return wrong("E0209", message, piece.node.span, help="a stack, `(…)*n`, counts its body once")


def too_often(piece: Piece) -> Wrong:
    return wrong("E0204", "these counts together are 2**63 or more", piece.node.span)


LIMITS: tuple[tuple[Callable[[Piece], bool], Callable[[Piece], Wrong]], ...] = (
    (lambda piece: piece.size > MAX_NODES, too_many),
    (lambda piece: piece.copies > MAX_COUNT, too_often),
    (lambda piece: piece.height > MAX_NESTING, lambda piece: too_deep(piece.node.span)),
)


def too_deep(span: Span | None) -> Wrong:
    message = f"networks nest more than {MAX_NESTING} deep: brackets, repeats and definitions together"
    return wrong("E0104", message, span)
