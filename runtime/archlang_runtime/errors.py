"""What the runtime says when something is wrong: archlang's diagnostics, with codes E06xx and E07xx."""

from __future__ import annotations

from pathlib import Path

from archlang import Diagnostic, DiagnosticError, Source


class RunError(DiagnosticError):
    """A run cannot start, go on or be read. Holds the diagnostics."""


def error(code: str, message: str, at: str | Path, help: str | None = None, notes: tuple[str, ...] = ()) -> RunError:
    """One diagnostic, ready to raise. `at` is where the mistake is: an option such as `--env`, or a file or folder."""
    return RunError([diagnostic(code, message, at, help, notes)])


def diagnostic(code: str, message: str, at: str | Path, help: str | None = None, notes: tuple[str, ...] = ()) -> Diagnostic:
    """A mistake that stands in no text: its place is the name of what holds it."""
    return Diagnostic(code, message, Source("", str(at)).span(), help=help, notes=notes)
