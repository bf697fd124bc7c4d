"""Annotations: `@remat(none|dots|full)` and `@unroll(n)` for the plan of a stack, `@dtype(bf16)` for what is computed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, get_args

from archlang import ir, pieces, syntax
from archlang.arguments import Given, on_one_line
from archlang.diagnostics import Diagnostic, Replacement, short
from archlang.limits import MAX_NODES
from archlang.names import suggestion
from archlang.pieces import Piece
from archlang.types import DTYPES
from archlang.wrong import Wrong, wrong


def one_of(words: Sequence[str]) -> str:
    """`none, dots or full`."""
    return f"{', '.join(words[:-1])} or {words[-1]}"


REMATS = get_args(ir.Remat)
OPTIONS = {"remat": REMATS, "dtype": DTYPES}
VALUES: dict[str, tuple[str, Callable[[object], bool]]] = {
    "remat": (one_of(REMATS), lambda value: value in REMATS),
    "unroll": (f"a whole number from 1 to {MAX_NODES}", lambda value: type(value) is int and 1 <= value <= MAX_NODES),
    "dtype": (one_of(DTYPES), lambda value: value in DTYPES),
}


def annotate(written: syntax.Annotated, given: Sequence[Given], body: Piece) -> Piece:
    """The body with the annotation put on it. Raises `Wrong` where it does not apply."""
    value = only_value(written, given)
    if written.name == "dtype":
        return pieces.cast(body, value, written.span)
    return planned(written, body, value)


def refuse_unknown(written: syntax.Annotated) -> None:
    if written.name in VALUES:
        return
    similar = suggestion(written.name, VALUES)
    help = f"did you mean `@{similar[0]}(…)`?" if similar else f"there are {', '.join(VALUES)}"
    edit = Replacement(written.name_span, similar[0]) if similar else None
    message = f"unknown annotation `@{short(written.name)}`"
    raise Wrong(Diagnostic("E0201", message, written.name_span, help=help, replacement=edit))


def only_value(written: syntax.Annotated, given: Sequence[Given]) -> Any:
    expected, accepts = VALUES[written.name]
    if len(given) == 1 and given[0].keyword is None and accepts(given[0].value):
        return given[0].value
    first = given[0].keyword_span or given[0].span
    span = first.to(given[-1].span)
    meant = suggestion(span.text, OPTIONS.get(written.name, ()))
    help = f"did you mean `{meant[0]}`?" if meant else None
    edit = Replacement(span, meant[0], safe=meant[1]) if meant else None
    message = f"`@{written.name}` takes {expected}; got {on_one_line(span)}"
    raise Wrong(Diagnostic("E0208", message, span, help=help, replacement=edit))


def planned(written: syntax.Annotated, body: Piece, value: Any) -> Piece:
    """Put `remat` or `unroll` on the stack that it stands before, through a dtype in between."""
    node = body.node
    if isinstance(node, ir.Cast):
        inner = planned(written, Piece(node.body), value)
        return body.at(written.span, body=inner.node)
    if not isinstance(node, ir.Repeat) or not node.stacked:
        raise wrong("E0208", f"`@{written.name}` stands only before a stack, `(…)*n`", written.name_span)
    if written.name == "unroll" and value > node.count:
        raise wrong("E0208", f"`@unroll({value})` is more than the {node.count} copies of the stack", written.name_span)
    if getattr(node, written.name) is not None:
        raise wrong("E0208", f"`@{written.name}` is given twice", written.name_span)
    return body.at(written.span, **{written.name: value})
