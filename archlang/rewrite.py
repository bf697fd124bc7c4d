"""`archlang fmt` for one file: what it would become, how that differs, and putting it there."""

from __future__ import annotations

import difflib
import sys
from dataclasses import dataclass

from archlang import pipeline
from archlang.console import print_diagnostics
from archlang.diagnostics import DiagnosticError
from archlang.files import write_text
from archlang.format import format
from archlang.read import is_file_name
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


def laid_out(spec: str, check: bool, diff: bool) -> bool:
    """Whether there is nothing to complain of. What is wrong is told and left as it is, so that the other files go on."""
    try:
        done = Formatted.of(pipeline.text(spec))
        return told(spec, done, diff) if check or diff else rewritten(spec, done)
    except DiagnosticError as error:
        print_diagnostics(error.diagnostics)
        return False


def told(spec: str, done: Formatted, diff: bool) -> bool:
    """Say what would change, and whether nothing would."""
    if diff:
        sys.stdout.write(done.difference())
    elif done.changed:
        print(f"{spec} would change")
    return not done.changed


def rewritten(spec: str, done: Formatted) -> bool:
    """Put the new layout into a file; print it of any other text."""
    if not is_file_name(spec):
        sys.stdout.write(done.text)
    elif done.changed:
        done.write()
        print(f"{spec} changed")
    return True
