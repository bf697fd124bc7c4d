"""How a mistake travels inside a stage: `Wrong` carries its diagnostic up to where the stage can go on."""

from __future__ import annotations

from archlang.diagnostics import Diagnostic
from archlang.source import Span


class Wrong(Exception):
    """Mistakes in what the user wrote; none: they were reported already."""

    def __init__(self, *diagnostics: Diagnostic):
        self.diagnostics = diagnostics
        super().__init__(diagnostics)


def wrong(code: str, message: str, span: Span | None, help: str | None = None) -> Wrong:
    """A mistake, ready to be raised."""
    return Wrong(Diagnostic(code, message, span, help=help))
