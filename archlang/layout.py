"""Pieces of a text that stand on one line where they fit and are broken into their parts where they do not.

Comments keep their place: above a piece on lines of their own, or behind the line that ends it. A piece with a comment inside
is broken, so that there is a line for the comment.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import NamedTuple

from archlang.characters import HIDDEN

COLUMNS = 100  # of a line without its comment
INDENT = 4


class Line(NamedTuple):
    """A line with its indentation, and the comment behind it."""

    code: str
    comment: str = ""


@dataclass(frozen=True)
class Comment:
    """A comment as it is written out, where it stood, and whether a blank line and nothing else stood before it."""

    text: str
    start: int
    own_line: bool
    spaced: bool


@dataclass(eq=False)
class Piece:
    """`res(4x unit, ln)*250`: the head `res(`, two parts, the first with a `,` after it, and the tail `)*250`.

    Offsets are those of the source. A piece without a head is broken at its separators alone.
    """

    start: int
    inside: int  # it cannot be broken before; comments in between stand above it
    end: int
    flat: str  # all of it on one line
    head: str = ""
    parts: Sequence[Piece] = ()
    tail: str = ""
    close: int = 0  # comments up to here that no part takes stand above the tail
    hang: int = INDENT  # how far the parts stand to the right of the piece
    lead: str = ""  # `| `
    after: str = ""  # `,` or `;`
    spaced: bool = False  # a blank line stood before it
    above: list[Comment] = field(default_factory=list)
    opened: str = ""  # the comment behind the head
    behind: str = ""
    below: list[Comment] = field(default_factory=list)
    commented: bool = False  # a comment stands inside


def joined(parts: Iterable[Piece]) -> str:
    """Parts on one line."""
    return " ".join(part.lead + part.flat + part.after for part in parts)


# --- comments → pieces ------------------------------------------------------------------------------------------------


def comments_of(text: str) -> deque[Comment]:
    """The comments of a text, in order."""
    found = (match for match in HIDDEN.finditer(text) if match.group()[0] == "#")
    return deque(comment(text, match.start(), match.group()) for match in found)


def comment(text: str, start: int, written: str) -> Comment:
    before = text[text.rfind("\n", 0, start) + 1 : start]
    return Comment(tidy(written), start, not before.strip(), blank_above(text, start))


def tidy(written: str) -> str:
    """`#text` → `# text`; what begins otherwise, such as `#!` or `#---`, is meant."""
    said = re.sub(r"[\t\r]", " ", written[1:]).rstrip()
    return f"# {said}" if said[:1].isalnum() else f"#{said}"


def blank_above(text: str, offset: int) -> bool:
    """Whether the line before that of an offset is blank."""
    end = text.rfind("\n", 0, offset)
    return end >= 0 and not text[text.rfind("\n", 0, end) + 1 : end].strip()


def attach(piece: Piece, comments: deque[Comment]) -> None:
    """Give the comments inside a piece to the parts that they stand above or behind. Takes them off `comments`."""
    last = None
    for part in piece.parts:
        part.above = left_over(piece, last, until(comments, part.start)) + until(comments, part.inside)
        attach(part, comments)
        last = part
    piece.below = left_over(piece, last, until(comments, piece.close))
    within = any(part.above or part.behind or part.commented for part in piece.parts)
    piece.commented = within or bool(piece.opened or piece.below)


def until(comments: deque[Comment], offset: int) -> list[Comment]:
    taken: list[Comment] = []
    while comments and comments[0].start < offset:
        taken.append(comments.popleft())
    return taken


def left_over(piece: Piece, last: Piece | None, found: list[Comment]) -> list[Comment]:
    """The comments between two parts without the one that stands behind the first of them, or behind the head of the piece."""
    if not found or (found[0].own_line and (last is None or found[0].start > last.end)):
        return found
    if last is None:
        piece.opened = found[0].text
    else:
        last.behind = found[0].text
    return found[1:]


# --- pieces → lines ---------------------------------------------------------------------------------------------------


def fits(piece: Piece, start: str = "", after: str = "") -> bool:
    """Whether a piece may stand on one line, behind `start` and with `after` behind it."""
    return not piece.commented and len(start) + len(piece.flat) + len(after) <= COLUMNS


def lines(piece: Piece, indent: int = 0, start: str = "", after: str = "", behind: str = "") -> Iterator[Line]:
    """The lines of a piece: `start` begins the first, `after` and the comment `behind` end the last."""
    if not piece.parts or fits(piece, start, after):
        return iter((Line(start + piece.flat + after, behind),))
    if hugs(piece):
        return lines(piece.parts[0], indent, f"{start}{piece.head} ", after, behind)
    return broken(piece, indent, start, after, behind)


def hugs(piece: Piece) -> bool:
    """`name = res(`: the only item of a definition may open its bracket on the definition's line."""
    only = piece.parts[0]
    alone = len(piece.parts) == 1 and not (piece.tail or piece.opened or only.above)
    return alone and bool(only.parts) and len(piece.head) + 1 + len(only.head) <= COLUMNS


def broken(piece: Piece, indent: int, start: str, after: str, behind: str) -> Iterator[Line]:
    inner = indent + piece.hang + len(piece.parts[-1].lead)
    first = (indent, start) if start and not piece.head else (inner, " " * inner)
    if piece.head:
        yield Line(start + piece.head, piece.opened)
    for part in piece.parts:
        yield from (Line(" " * inner + comment.text) for comment in part.above)
        begin = first if part is piece.parts[0] else (inner, part.lead.rjust(inner))
        end = (after, behind) if part is piece.parts[-1] and not piece.tail else (part.after, part.behind)
        yield from lines(part, *begin, *end)
    yield from (Line(" " * inner + comment.text) for comment in piece.below)
    if piece.tail:
        yield Line(" " * indent + piece.tail + after, behind)


# --- lines → text -----------------------------------------------------------------------------------------------------


def text_of(written: Iterable[Line]) -> str:
    """The text of lines; the comments behind lines that follow each other, equally far in, are aligned where there is room."""
    texts = [text for _, run in groupby(written, alignment) for text in aligned(list(run))]
    return "\n".join(texts).strip("\n") + "\n"


def alignment(line: Line) -> int | None:
    """Which neighbours the comment of a line is aligned with."""
    return len(line.code) - len(line.code.lstrip(" |")) if line.comment else None


def aligned(run: Sequence[Line]) -> list[str]:
    width = max(len(line.code) for line in run)
    room = all(width + 2 + len(line.comment) <= COLUMNS for line in run)
    return [f"{line.code.ljust(width * room)}  {line.comment}" if line.comment else line.code for line in run]
