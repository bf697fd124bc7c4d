"""Puts the replacements that diagnostics offer into the text, as far as they are safe: where nothing else can be meant."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from archlang.diagnostics import Diagnostic, DiagnosticError, Replacement
from archlang.files import write_text
from archlang.limits import MAX_FIXES
from archlang.source import Source


def safe_replacements(diagnostics: Iterable[Diagnostic], source: Source) -> list[Replacement]:
    """The safe replacements inside a source, in its order; of two that overlap, the first."""
    offered = [d.replacement for d in diagnostics if d.replacement and d.replacement.safe]
    offered = [edit for edit in offered if edit.text != edit.span.text]
    found: list[Replacement] = []
    for edit in sorted((edit for edit in offered if edit.span.source is source), key=lambda edit: edit.span.start):
        if not found or edit.span.start >= found[-1].span.end:
            found.append(edit)
    return found


def fixed(source: Source, edits: Iterable[Replacement]) -> str:
    """The text with the replacements made.

    >>> source = Source("<dense256, silu>")
    >>> fixed(source, [Replacement(source.span(11, 15), "swish", safe=True)])
    '<dense256, swish>'
    """
    text = source.text
    for edit in sorted(edits, key=lambda edit: edit.span.start, reverse=True):
        text = text[: edit.span.start] + edit.text + text[edit.span.end :]
    return text


def fix_file(path: Path, checked: Callable[[], object]) -> list[tuple[Replacement, str]]:
    """Make the safe replacements in a file until `checked` offers none; returns them with what stood there before."""
    done: list[tuple[Replacement, str]] = []
    for _ in range(MAX_FIXES):
        edits = offered(path, checked)
        if not edits:
            break
        source = edits[0].span.source
        write_text(path, fixed(source, edits))
        done += [(edit, edit.span.text) for edit in edits]
    return done


def offered(path: Path, checked: Callable[[], object]) -> list[Replacement]:
    """The safe replacements in a file that `checked` offers now."""
    try:
        checked()
    except DiagnosticError as error:
        sources = {d.replacement.span.source for d in error.diagnostics if d.replacement}
        found = (source for source in sources if source.path is not None and source.path.resolve() == path.resolve())
        return next((safe_replacements(error.diagnostics, source) for source in found), [])
    return []
