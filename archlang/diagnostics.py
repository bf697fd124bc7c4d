"""What archlang says when something is wrong: where, what, and how to mend it.

A `Diagnostic` is data. `render` turns it into the text that people read, `as_json` into what programs read. Checks add
diagnostics to a `Collector` and go on, so that independent mistakes are reported together.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any

from archlang.codes import CODES
from archlang.source import Span

SHOWN_COLUMNS = 110  # of a source line; longer lines are shown around the mistake
Segment = tuple[str, str]  # text, rich style
Place = tuple[str, int]  # source, line
Key = tuple[str, object]  # code and span
MAX_SHOWN = 20
MAX_CANDIDATES, MAX_COMPARED = 300, 40  # names, and letters of a name, that `did you mean` looks at: it is for people
MAX_CLOSE = 8  # of them that are compared letter by letter
LONGEST_SHOWN = 40  # characters of what was written, in a message
MAX_SLIPS = 3  # letters in which a name may differ


@dataclass(frozen=True)
class Replacement:
    """An edit that mends the mistake: put `text` in place of `span`. It is safe if nothing else can have been meant."""

    span: Span
    text: str
    safe: bool = False


@dataclass(frozen=True)
class Diagnostic:
    """One mistake: a stable code, the smallest guilty span, a message in the user's words, and help where there is some."""

    code: str
    message: str
    span: Span | None = None
    label: str = ""
    secondary: tuple[tuple[Span, str], ...] = ()
    notes: tuple[str, ...] = ()
    help: str | None = None
    replacement: Replacement | None = None
    severity: str = "error"

    def __post_init__(self) -> None:
        if self.code not in CODES:
            raise KeyError(f"{self.code} is not in archlang/codes.py")


class DiagnosticError(Exception):
    """Something the user gave is wrong. Holds the diagnostics; its text is their rendering."""

    def __init__(self, diagnostics: Iterable[Diagnostic]):
        self.diagnostics = tuple(diagnostics)
        super().__init__(self.diagnostics)

    def __str__(self) -> str:
        return "\n" + render(self.diagnostics)


class SpecError(DiagnosticError):
    """A specification is wrong."""


@dataclass
class Collector:
    """Gathers diagnostics; the same mistake at the same place is kept once, with the networks that it affects."""

    diagnostics: dict[Key, Diagnostic] = field(default_factory=dict)
    affected: dict[Key, list[str]] = field(default_factory=dict)

    def add(self, diagnostic: Diagnostic, network: str | None = None) -> None:
        mistake = (diagnostic.code, diagnostic.span or id(diagnostic))
        self.diagnostics.setdefault(mistake, diagnostic)
        names = self.affected.setdefault(mistake, [])
        if network is not None and network not in names:
            names.append(network)

    def has(self, code: str, span: Span) -> bool:
        """Whether this mistake was found before: in a definition that is written out each time it is used."""
        return (code, span) in self.diagnostics

    def results(self) -> tuple[Diagnostic, ...]:
        return tuple(with_networks(d, self.affected[mistake]) for mistake, d in self.diagnostics.items())

    @property
    def networks(self) -> set[str]:
        """The networks in which something is wrong."""
        return {name for names in self.affected.values() for name in names}

    def raise_if_any(self) -> None:
        if self.diagnostics:
            raise SpecError(self.results())


def with_networks(diagnostic: Diagnostic, networks: Sequence[str]) -> Diagnostic:
    if len(networks) < 2:
        return diagnostic
    note = f"in the networks {', '.join(networks)}"
    return replace(diagnostic, notes=(*diagnostic.notes, note))


def short(text: str) -> str:
    """What was written, as a message shows it."""
    return text if len(text) <= LONGEST_SHOWN else f"{text[: LONGEST_SHOWN - 1]}…"


def did_you_mean(word: str, candidates: Iterable[str], cutoff: float | None = None) -> str | None:
    """The candidate most like `word`, if one is like it. In a short word one letter is much."""
    from difflib import get_close_matches  # needed only where something is wrong

    word = word.lower()
    cutoff = cutoff or (0.5 if 2 <= len(word) <= 3 else 0.6)
    similar = (c for c in candidates if abs(len(c) - len(word)) <= 4 and len(c) <= MAX_COMPARED)
    lowered = {candidate.lower(): candidate for candidate in islice(similar, MAX_CANDIDATES)}
    close = {match: edits(word, match) for match in get_close_matches(word, lowered, n=MAX_CLOSE, cutoff=cutoff)}
    best = min(close, key=lambda match: close[match], default=None)
    if best is None or (close[best] > max(1, min(len(word) // 2, MAX_SLIPS)) and not best.startswith(word)):
        return None
    return lowered[best]


def edits(word: str, other: str) -> int:
    """How many slips of a finger make one word the other: a letter more, less, wrong (a digit in its place counts twice), or
    two letters that changed places."""
    rows = [list(range(len(other) + 1))]
    for i, a in enumerate(word, 1):
        rows.append([i])
        for j, b in enumerate(other, 1):
            wrong = 0 if a == b else 1 + (a.isdigit() != b.isdigit())
            steps = [rows[i - 1][j] + 1, rows[i][j - 1] + 1, rows[i - 1][j - 1] + wrong]
            swapped = i > 1 and j > 1 and a == other[j - 2] and b == word[i - 2]
            rows[i].append(min([*steps, rows[i - 2][j - 2] + 1] if swapped else steps))
    return rows[-1][-1]


# --- for programs -----------------------------------------------------------------------------------------------------


def as_json(diagnostic: Diagnostic) -> dict[str, Any]:
    """Code, severity, file, line, column, end, message, help, replacement: DESIGN's `--json` form."""
    words = {"code": diagnostic.code, "severity": diagnostic.severity}
    said = {"message": diagnostic.message, "notes": list(diagnostic.notes), "help": diagnostic.help}
    return words | place_json(diagnostic.span) | said | {"replacement": replacement_json(diagnostic.replacement)}


def place_json(span: Span | None) -> dict[str, Any]:
    if span is None:
        return {"file": None, "line": None, "column": None, "end": None}
    end_line, end_column = span.source.place(span.end)
    end = {"line": end_line, "column": end_column}
    return {"file": span.source.name, "line": span.line, "column": span.column, "end": end}


def replacement_json(replacement: Replacement | None) -> dict[str, Any] | None:
    if replacement is None:
        return None
    return place_json(replacement.span) | {"text": replacement.text, "safe": replacement.safe}


# --- for people -------------------------------------------------------------------------------------------------------


def render(diagnostics: Sequence[Diagnostic]) -> str:
    """The diagnostics as plain text."""
    return "\n".join("".join(text for text, _ in parts) for parts in listing(diagnostics))


def listing(diagnostics: Sequence[Diagnostic]) -> list[list[Segment]]:
    """The first diagnostics, each as (text, style) pairs, and how many more there are."""
    shown = [segments(diagnostic) for diagnostic in diagnostics[:MAX_SHOWN]]
    more = len(diagnostics) - MAX_SHOWN
    return [*shown, [(f"and {more} more\n", "bold")]] if more > 0 else shown


def segments(diagnostic: Diagnostic) -> list[Segment]:
    """One diagnostic as (text, style) pairs: headline, place, source line with carets, notes, help."""
    spans = [(diagnostic.span, diagnostic.label, "^")] if diagnostic.span else []
    spans += [(span, label, "-") for span, label in diagnostic.secondary]
    margin = max((len(str(span.line)) for span, _, _ in spans), default=1)
    parts: list[Segment] = [
        (f"{diagnostic.severity}[{diagnostic.code}]", "bold red" if diagnostic.severity == "error" else "bold yellow"),
        (f": {printable(diagnostic.message)}\n", "bold"),
    ]
    shown: Place | None = None
    for span, label, mark in spans:
        parts += excerpt(span, label, mark, margin, shown)
        shown = (span.source.name, span.line)
    parts += [(f"note: {printable(note)}\n", "cyan") for note in diagnostic.notes]
    if diagnostic.help:
        parts += [("help", "bold green"), (f": {printable(diagnostic.help)}\n", "")]
    return parts


def excerpt(span: Span, label: str, mark: str, margin: int, above: Place | None) -> list[Segment]:
    """Place, source line and marks; the marks alone where the line stands above already and is short."""
    line, column = span.source.place(span.start)
    gutter, corner = " " * margin, "├─" if above else "┌─"
    name = printable(span.source.name)
    if not span.source.text:  # a file that cannot be read, an option
        return [(f"{gutter} {corner} {name}\n", "blue")]
    head = [(f"{gutter} {corner} {name}:{line}:{column}\n", "blue")]
    code = span.source.line(line)
    shown, indent, length = window(code, column - 1, max(1, span.end - span.start))
    marks = mark * length + (f" {printable(label)}" if label else "")
    below = [(f"{gutter} │ ", "blue"), (f"{' ' * indent}{marks}\n", "red" if mark == "^" else "blue")]
    if above == (span.source.name, line) and len(code) <= SHOWN_COLUMNS:
        return below
    return [*head, (f"{line:>{margin}} │ ", "blue"), (f"{shown}\n", ""), *below]


def window(line: str, start: int, length: int) -> tuple[str, int, int]:
    """The part of a line to show, and where and how long its carets are, in terminal cells."""
    first = max(0, start - SHOWN_COLUMNS // 2) if len(line) > SHOWN_COLUMNS else 0
    last = first + SHOWN_COLUMNS
    prefix, suffix = "…" if first else "", "…" if last < len(line) else ""
    before, guilty = printable(line[first:start]), printable(line[start : min(start + length, last)])
    shown = prefix + before + guilty + printable(line[min(start + length, last) : last]) + suffix
    return shown, len(prefix) + cells(before), max(1, cells(guilty))


def printable(text: str) -> str:
    """No control character reaches a terminal: tabs become spaces, others a replacement mark."""
    return "".join(c if c.isprintable() else " " if c in "\t\n" else "�" for c in text)


def cells(text: str) -> int:
    wide = sum(unicodedata.east_asian_width(c) in "WF" for c in text)
    return len(text) + wide - sum(bool(unicodedata.combining(c)) for c in text)
