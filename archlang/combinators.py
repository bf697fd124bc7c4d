"""`res` and `par` with their keywords."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from archlang import pieces, syntax
from archlang.arguments import comma, each, given_twice, on_one_line, read_choice, unknown_keyword
from archlang.diagnostics import Diagnostic, Replacement
from archlang.pieces import Piece
from archlang.scope import Scope
from archlang.source import Span
from archlang.wrong import Wrong, wrong

Branch = tuple[syntax.Argument, ...]
Reader = Callable[[syntax.Argument, Scope], Any]


def res(call: syntax.Call, scope: Scope) -> Piece:
    """`res(body, scale=0.1, gate=highway, post=ln)`."""
    body, *others = branches = bracketed(call)
    refuse_semicolon(branches)
    if others:
        raise wrong("E0206", "`res` has one body; `;` parts the branches of `par`", others[0][0].span)
    options = options_of("res", body, RES, scope)
    return pieces.residual(sequence(call, body, scope), call.span, **options)


def par(call: syntax.Call, scope: Scope) -> Piece:
    """`par(a; b; c, join=concat)`."""
    *others, last = branches = bracketed(call)
    misplaced = next((item for branch in others for item in branch if item.keyword), None)
    if misplaced:
        raise wrong("E0206", f"`{misplaced.keyword}` stands behind the last branch", misplaced.keyword_span, help=USAGE["par"])
    refuse_semicolon(branches)
    options = options_of("par", last, PAR, scope)
    found = [sequence(call, branch, scope) for branch in branches]
    return pieces.parallel(found, options.get("join") or "sum", call.span)


def bracketed(call: syntax.Call) -> tuple[Branch, ...]:
    if call.glued is not None:
        raise takes_no_number(call.name, call.glued.span)
    if call.branches is None:
        raise wrong("E0206", f"`{call.name}` needs brackets", call.span, help=USAGE[call.name])
    return call.branches


def takes_no_number(name: str, span: Span) -> Wrong:
    return wrong("E0206", f"`{name}` takes no number", span, help=f"copies are `4x {name}(…)`, a stack is `{name}(…)*4`")


def refuse_semicolon(branches: Sequence[Branch]) -> None:
    """A branch that holds keywords alone was meant to belong to the one before."""
    first = branches[-1][0]
    if len(branches) > 1 and all(item.keyword for item in branches[-1]):
        raise comma(branches, f"a `,` stands before `{first.keyword}`, not a `;`", first.keyword_span)


def sequence(call: syntax.Call, branch: Branch, scope: Scope) -> Piece:
    """The things in sequence of a branch, without its keywords."""
    items = [item.value for item in branch if item.keyword is None]
    if not items:
        raise wrong("E0206", f"`{call.name}` has no body", call.span, help=USAGE[call.name])
    return scope.sequence(syntax.Sequence(items[0].span.to(items[-1].span), tuple(items)))


def options_of(name: str, branch: Branch, readers: Mapping[str, Reader], scope: Scope) -> dict[str, Any]:
    """The values of a branch's keywords; None where one is wrong, which is reported."""
    given = keywords(name, branch, readers)
    return {key: scope.attempt(lambda key=key, item=item: readers[key](item, scope)) for key, item in given.items()}


def keywords(name: str, branch: Branch, known: Mapping[str, Any]) -> dict[str, syntax.Argument]:
    """The keywords of a branch, which stand behind its things, each once. Raises `Wrong` with every one that does not fit."""
    found: dict[str, syntax.Argument] = {}

    def look(position: int, item: syntax.Argument) -> None:
        if item.keyword:
            found[keyword_of(name, item, known, branch, found)] = item

    each(branch, look)
    return found


def keyword_of(name: str, item: syntax.Argument, known: Mapping[str, Any], branch: Branch, found: Collection[str]) -> str:
    keyword = item.keyword or ""
    if keyword not in known:
        free = known.keys() - {other.keyword for other in branch}
        raise unknown_keyword(name, keyword, item.keyword_span, sorted(free), USAGE[name])
    if keyword in found:
        raise given_twice(name, keyword, item)
    return keyword


def read_scale(argument: syntax.Argument, scope: Scope) -> float:
    item = argument.value
    if isinstance(item, syntax.Number | syntax.Splice):
        return scope.number(item) + 0.0  # -0.0 is 0.0
    message = f"`scale` of `res` is a number; got {on_one_line(item.span)}"
    if isinstance(item, syntax.Call) and scope.knows(item.name):
        edit = Replacement(item.span, f"{{{item.name}}}")
        raise Wrong(Diagnostic("E0206", message, item.span, help=f"write `{edit.text}`", replacement=edit))
    help = "a learned scale is a layer at the end of the body: `res(body, scale0.1)`"
    raise wrong("E0206", message, item.span, help=help)


def read_post(argument: syntax.Argument, scope: Scope) -> Piece:
    return scope.piece(argument.value)


RES: Mapping[str, Reader] = {
    "scale": read_scale,
    "gate": lambda argument, scope: read_choice("gate", argument, ("sigmoid", "highway")),
    "post": read_post,
}
PAR: Mapping[str, Reader] = {"join": lambda argument, scope: read_choice("join", argument, ("sum", "concat"))}
BUILDERS: Mapping[str, Callable[[syntax.Call, Scope], Piece]] = {"res": res, "par": par}
USAGE = {
    "res": "`res(body)`, `res(body, scale=0.1)`, `res(body, gate=highway)`, `res(body, post=ln)`",
    "par": "`par(a; b)` sums, `par(a; b, join=concat)` concatenates",
}
