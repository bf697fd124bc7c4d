"""Writes files as a whole or not at all."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from archlang.diagnostics import Diagnostic, SpecError
from archlang.source import Source


def write_text(path: Path, text: str) -> None:
    """Put a text in the place of a file, with the file's permissions. Raises `SpecError` (E0001) where that cannot be done."""
    try:
        place = path.resolve()
        handle, draft = tempfile.mkstemp(dir=place.parent, prefix=f".{place.name}.")
        try:
            with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
                file.write(text)
            Path(draft).chmod(place.stat().st_mode & 0o7777)
            Path(draft).replace(place)
        finally:
            Path(draft).unlink(missing_ok=True)
    except OSError as error:
        message = f"cannot write {path}: {error.strerror or error}; it is as it was"
        raise SpecError([Diagnostic("E0001", message, Source("", str(path)).span())]) from None
