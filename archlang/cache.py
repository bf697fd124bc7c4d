"""Results that took long, kept on disk: one JSON file each, under a key that holds all that it depends on.

The cache never stands in the way of a command: an entry that cannot be read is as good as none, and one that cannot be written
is lost. Both are told in a sentence, which a command shows as a note.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, TypeVar

Numbers = Mapping[str, Any]
Result = TypeVar("Result")


@dataclass(frozen=True)
class Entry:
    """A place in the cache, for the result of one question."""

    place: Path
    key: str

    def read(self, parse: Callable[[Numbers], Result]) -> tuple[Result | None, tuple[str, ...]]:
        """The result, if there is one that can be used, and `parse` raises no `ValueError`; else what is wrong with it."""
        try:
            if self.place.exists() and not self.place.is_file():  # a pipe would be waited for
                raise ValueError("it is not a file")
            return parse(self.checked(json.loads(self.place.read_text(encoding="utf-8")))), ()
        except FileNotFoundError:
            return None, ()
        except (OSError, ValueError, RecursionError) as problem:
            return None, (f"the cached plan {self.place} cannot be used, and is made again: {problem}",)

    def checked(self, found: Any) -> Numbers:
        """What a file holds, if it is the entry of this key. Raises `ValueError`."""
        if not isinstance(found, dict) or found.get("key") != self.key or not isinstance(found.get("result"), dict):
            raise ValueError("it is not an entry for this program")
        return found["result"]

    def write(self, result: Numbers) -> tuple[str, ...]:
        """Keep a result, whole or not at all; what is wrong if that cannot be."""
        try:
            self.place.parent.mkdir(parents=True, exist_ok=True)
            replace_file(self.place, json.dumps({"key": self.key, "result": result}))
        except OSError as problem:
            return (f"the plan cannot be cached in {self.place.parent}: {problem.strerror or problem}",)
        return ()


def entry(kind: str, question: Any) -> Entry:
    """The place for the answer to a question, which is data for JSON."""
    key = sha256(json.dumps(question, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
    return Entry(folder() / kind / f"{key}.json", key)


def folder() -> Path:
    """`$XDG_CACHE_HOME/archlang`; `~/.cache/archlang` where that is not set, or not absolute, as its specification asks."""
    chosen = Path(os.environ.get("XDG_CACHE_HOME", ""))
    return (chosen if chosen.is_absolute() else Path(os.path.expanduser("~")) / ".cache") / "archlang"


def replace_file(place: Path, text: str) -> None:
    """Write a file beside it, then rename that: nobody ever reads half of one."""
    handle, written = tempfile.mkstemp(dir=place.parent, prefix=".", suffix=".part")
    try:
        with open(handle, "w", encoding="utf-8") as file:
            file.write(text)
        os.replace(written, place)
    except BaseException:
        os.unlink(written)
        raise
