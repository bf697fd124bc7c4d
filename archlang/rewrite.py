"""`archlang fmt` for one file: what it would become, how that differs, and putting it there."""

from __future__ import annotations

import difflib
from dataclasses import dataclass

from archlang.files import write_text
from archlang.format import format
from archlang.source import Source


@dataclass(frozen=True)
class Formatted:
    """A text and its canonical layout."""

    source: Source
    text: str

    @staticmethod
    def of(source: Source) -> Formatted:
        return Formatted(source, format(source.text, source.name))

    @property
    def changed(self) -> bool:
        return self.text != self.source.text

    def difference(self) -> str:
        """A unified diff, empty where nothing changes."""
        before, after = self.source.text.splitlines(keepends=True), self.text.splitlines(keepends=True)
        name = self.source.name
        return "".join(line if line.endswith("\n") else f"{line}\n" for line in difflib.unified_diff(before, after, name, name))

    def write(self) -> None:
        """Put the text in the place of the file."""
        if self.source.path is not None:
            write_text(self.source.path, self.text)
