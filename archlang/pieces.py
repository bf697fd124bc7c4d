"""Pieces of network while a specification is elaborated: IR with its size, kept within the limits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from archlang import ir
from archlang.limits import MAX_COUNT, MAX_NESTING, MAX_NODES
from archlang.source import Span
from archlang.wrong import Wrong, wrong


@dataclass(frozen=True)
class Piece:
    """A piece of network, with how many nodes it writes out (a stack counts its body once), how deeply they nest, and how
    many copies it makes of the layer that it repeats most."""

    node: ir.Expression
    size: int = 1
    height: int = 0
    copies: int = 1

    def at(self, span: Span, **changes: object) -> Piece:
        """The same piece seen at another place, or with other annotations."""
        return replace(self, node=self.node.model_copy(update={"span": span, **changes}))


def inside(body: Piece, span: Span) -> Piece:
    """The body in brackets, or where its name is used: the same node, one level deeper."""
    return within_limits(replace(body.at(span), height=body.height + 1))


def sequence(pieces: Sequence[Piece], span: Span) -> Piece:
    if len(pieces) == 1:
        return pieces[0]
    node = ir.Sequence(items=tuple(piece.node for piece in pieces), span=span)
    return within_limits(together(node, pieces))


def residual(body: Piece, span: Span) -> Piece:
    return around(body, ir.Residual(body=body.node, span=span))


def times(body: Piece, count: int, span: Span) -> Piece:
    node = ir.Repeat(body=body.node, count=count, stacked=False, span=span)
    return within_limits(Piece(node, 1 + count * body.size, 1 + body.height, count * body.copies))


def stack(body: Piece, count: int, span: Span) -> Piece:
    node = ir.Repeat(body=body.node, count=count, stacked=True, span=span)
    return within_limits(replace(around(body, node), copies=count * body.copies))


def parallel(branches: Sequence[Piece], join: Literal["sum", "concat"], span: Span) -> Piece:
    node = ir.Parallel(branches=tuple(branch.node for branch in branches), join=join, span=span)
    return around(together(node, branches), node)


def cast(body: Piece, dtype: ir.Dtype, span: Span) -> Piece:
    return around(body, ir.Cast(dtype=dtype, body=body.node, span=span))


def around(body: Piece, node: ir.Expression) -> Piece:
    return within_limits(Piece(node, 1 + body.size, 1 + body.height, body.copies))


def together(node: ir.Expression, pieces: Sequence[Piece]) -> Piece:
    return Piece(node, sum(p.size for p in pieces), max(p.height for p in pieces), max(p.copies for p in pieces))


def within_limits(piece: Piece) -> Piece:
    """The piece; raises `Wrong` where it breaks a limit."""
    if piece.size > MAX_NODES:
        message = f"this network writes out {piece.size:,} nodes; at most {MAX_NODES:,} are possible"
        raise wrong("E0209", message, piece.node.span, help="a stack, `(…)*n`, counts its body once")
    if piece.copies > MAX_COUNT:
        raise wrong("E0204", "these counts together are 2**63 or more", piece.node.span)
    if piece.height > MAX_NESTING:
        raise too_deep(piece.node.span)
    return piece


def too_deep(span: Span | None) -> Wrong:
    message = f"networks nest more than {MAX_NESTING} deep: brackets, repeats and definitions together"
    return wrong("E0104", message, span)
