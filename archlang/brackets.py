"""Brackets are matched before the grammar sees the text: the best message names the bracket that was left open."""

from __future__ import annotations

import re

from archlang.diagnostics import Diagnostic, Replacement, SpecError
from archlang.limits import MAX_NESTING
from archlang.source import Source

PARTNERS = {")": "(", ">": "<", "}": "{"}
CLOSING = {opening: closing for closing, opening in PARTNERS.items()}
BRACKET = re.compile(r"#[^\n]*|[(){}<>]")  # a comment hides its brackets


def check(source: Source) -> None:
    """Raise `SpecError` at the first bracket without a partner, and where brackets nest too deeply."""
    open_at: list[int] = []
    for match in BRACKET.finditer(source.text):
        bracket, at = match.group(), match.start()
        if bracket in CLOSING:
            open_at.append(at)
            refuse_depth(source, open_at)
        elif bracket in PARTNERS:
            close(source, open_at, bracket, at)
    if open_at:
        raise SpecError([never_closed(source, open_at[-1])])


def close(source: Source, open_at: list[int], bracket: str, at: int) -> None:
    if not open_at:
        message = f"this `{bracket}` closes nothing"
        edit = Replacement(source.span(at, at + 1), "")
        raise SpecError([Diagnostic("E0103", message, source.span(at, at + 1), help="take it away", replacement=edit)])
    opening = source.text[open_at[-1]]
    if opening != PARTNERS[bracket]:
        raise SpecError([mismatched(source, open_at[-1], at)])
    open_at.pop()


def mismatched(source: Source, opened: int, at: int) -> Diagnostic:
    opening, bracket = source.text[opened], source.text[at]
    return Diagnostic(
        "E0103",
        f"expected `{CLOSING[opening]}`, got `{bracket}`",
        source.span(at, at + 1),
        secondary=((source.span(opened, opened + 1), "to close this"),),
        help=f"write `{CLOSING[opening]}` before it",
    )


def never_closed(source: Source, at: int) -> Diagnostic:
    opening = source.text[at]
    return Diagnostic(
        "E0103",
        f"this `{opening}` is never closed",
        source.span(at, at + 1),
        help=f"write the `{CLOSING[opening]}` that belongs to it",
    )


def refuse_depth(source: Source, open_at: list[int]) -> None:
    if len(open_at) <= MAX_NESTING:
        return
    message = f"brackets nest more than {MAX_NESTING} deep"
    span = source.span(open_at[-1], open_at[-1] + 1)
    raise SpecError([Diagnostic("E0104", message, span, help="give the inner part a name of its own")])
