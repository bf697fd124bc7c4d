"""Where text comes from: a source, and a span inside it. Lines and columns count from 1, columns in characters."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path


@dataclass(frozen=True, eq=False)
class Source:
    """A text and the name under which people know it: a path, or `<inline>`; and the file that it came from, if any."""

    text: str
    name: str = "<inline>"
    path: Path | None = None

    @cached_property
    def line_starts(self) -> list[int]:
        return [0] + [index + 1 for index, character in enumerate(self.text) if character == "\n"]

    def place(self, offset: int) -> tuple[int, int]:
        """Offset → (line, column), both from 1."""
        line = bisect_right(self.line_starts, offset)
        return line, offset - self.line_starts[line - 1] + 1

    def line(self, number: int) -> str:
        start = self.line_starts[number - 1]
        end = self.line_starts[number] if number < len(self.line_starts) else len(self.text)
        return self.text[start:end].rstrip("\r\n")

    def span(self, start: int = 0, end: int | None = None) -> Span:
        return Span(self, start, len(self.text) if end is None else end)


@dataclass(frozen=True)
class Span:
    """The characters `start` (included) to `end` (not included) of a source."""

    source: Source
    start: int
    end: int

    @property
    def text(self) -> str:
        return self.source.text[self.start : self.end]

    @property
    def first_line(self) -> str:
        """The text as far as one line shows it."""
        first, *more = self.text.splitlines() or [""]
        return f"{first} …" if more else first

    @property
    def line(self) -> int:
        return self.source.place(self.start)[0]

    @property
    def column(self) -> int:
        return self.source.place(self.start)[1]

    def holds(self, other: Span) -> bool:
        """Whether `other` lies inside this one."""
        return self.source is other.source and self.start <= other.start and other.end <= self.end

    def to(self, other: Span) -> Span:
        """The span from the start of this one to the end of `other`."""
        return Span(self.source, self.start, other.end)
