"""Brackets are matched before the grammar sees the text: the best message names the bracket that was left open."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Sequence

from archlang.characters import HIDDEN
from archlang.diagnostics import Diagnostic, Replacement, SpecError
from archlang.limits import MAX_NESTING
from archlang.source import Source, Span

PARTNERS = {")": "(", ">": "<", "}": "{", "]": "["}
CLOSING = {opening: closing for closing, opening in PARTNERS.items()}
BRACKET = re.compile(rf"{HIDDEN.pattern}|[][(){{}}<>]")
LINE_OR_BRACKET = re.compile(rf"(?m:^)|{BRACKET.pattern}")
ARROW = re.compile(r"\s*(->|=>|\|>)$")
LONGEST_ARROW = 80  # characters, with the blanks before it


def check(source: Source, text: str, found: Sequence[Diagnostic] = ()) -> None:
    """Raise `SpecError` at the first bracket without a partner, and where brackets nest too deeply.

    `text` is the source's in plain letters; `found` are mistakes that were found before.
    """
    mistake = first_mistake(source, text)
    if mistake is not None:
        raise SpecError([*found, mistake])


def first_mistake(source: Source, text: str) -> Diagnostic | None:
    open_at: list[int] = []
    for match in BRACKET.finditer(text):
        bracket, at = match.group(), match.start()
        if bracket in CLOSING:
            open_at.append(at)
            if len(open_at) > MAX_NESTING:
                return too_deep(source, at)
        elif bracket in PARTNERS:
            if mistake := wrong_here(source, text, open_at, at):
                return mistake
            open_at.pop()
    return never_closed(source, text, open_at[-1]) if open_at else None


def wrong_here(source: Source, text: str, open_at: list[int], at: int) -> Diagnostic | None:
    """What is wrong with a closing bracket, if anything is."""
    if text[at] == ">" and (arrow := ARROW.search(text, max(0, at - LONGEST_ARROW), at + 1)):
        return no_arrow(source, arrow[1], source.span(arrow.start(), at + 1))
    if not open_at:
        return closes_nothing(text[at], source.span(at, at + 1))
    return mismatched(source, text, open_at[-1], at) if text[open_at[-1]] != PARTNERS[text[at]] else None


def no_arrow(source: Source, arrow: str, span: Span) -> Diagnostic:
    place = source.span(span.end - len(arrow), span.end)
    help = "layers in sequence are parted by `,`"
    return Diagnostic("E0101", f"`{arrow}` does not belong here", place, help=help, replacement=Replacement(span, ","))


def closes_nothing(bracket: str, span: Span) -> Diagnostic:
    edit = Replacement(span, "")
    return Diagnostic("E0103", f"this `{bracket}` closes nothing", span, help="take it away", replacement=edit)


def mismatched(source: Source, text: str, opened: int, at: int) -> Diagnostic:
    opening, bracket = text[opened], text[at]
    return Diagnostic(
        "E0103",
        f"expected `{CLOSING[opening]}`, got `{bracket}`",
        source.span(at, at + 1),
        secondary=((source.span(opened, opened + 1), "to close this"),),
        help=f"write `{CLOSING[opening]}` before it",
    )


def never_closed(source: Source, text: str, at: int) -> Diagnostic:
    help = f"write the `{CLOSING[text[at]]}` that belongs to it"
    return Diagnostic("E0103", f"this `{text[at]}` is never closed", source.span(at, at + 1), help=help)


def too_deep(source: Source, at: int) -> Diagnostic:
    message = f"brackets nest more than {MAX_NESTING} deep"
    return Diagnostic("E0104", message, source.span(at, at + 1), help="give the inner part a name of its own")


DEFINITION = re.compile(r"[ \t]*[A-Za-z_]\w*[ \t]*(\([^()\n]*\)[ \t]*)?=")


def definition_at(text: str, offset: int) -> slice | None:
    """Where the definition stands that holds the character at `offset`: from its line to that of the next."""
    starts = definition_starts(text)
    index = bisect_right(starts, max(offset, 0)) - 1
    if index < 0:
        return None
    return slice(starts[index], starts[index + 1] if index + 1 < len(starts) else len(text))


def definition_starts(text: str) -> list[int]:
    """The lines outside of all brackets that begin with `name =` or `name(a, b) =`."""
    depth, starts = 0, []
    for match in LINE_OR_BRACKET.finditer(text):
        bracket = match.group()
        if bracket in CLOSING or bracket in PARTNERS:
            depth += 1 if bracket in CLOSING else -1
        elif depth == 0 and not bracket.startswith(("#", '"')) and DEFINITION.match(text, match.end()):
            starts.append(match.end())
    return starts
