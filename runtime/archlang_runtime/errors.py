"""What the runtime says when something is wrong: archlang's diagnostics, with codes E06xx and E07xx."""

from __future__ import annotations

from archlang import Diagnostic, DiagnosticError


class RunError(DiagnosticError):
    """A run cannot start, go on or be read. Holds the diagnostics."""


def error(code: str, message: str, help: str | None = None, notes: tuple[str, ...] = ()) -> RunError:
    """One diagnostic, ready to raise."""
    return RunError([Diagnostic(code=code, message=message, help=help, notes=notes)])
