"""Names for classes, and texts for docstrings, that are safe whatever they are made from."""

from __future__ import annotations

import builtins
import keyword
import re
from collections.abc import Iterable

SHOWN = 120  # columns of a line with a docstring


class Names:
    """The names of a file, each given once."""

    def __init__(self, taken: Iterable[str]):
        self.taken = {*taken, *keyword.kwlist, *keyword.softkwlist, *dir(builtins)}

    def take(self, wanted: str) -> str:
        """The name, or `Block2` where `Block` is taken."""
        numbers = iter(range(2, len(self.taken) + 3))
        name = wanted
        while name in self.taken:
            name = f"{wanted}{next(numbers)}"
        self.taken.add(name)
        return name


def class_name(written: str) -> str:
    """`sa_encoder` → `SaEncoder`; letters and digits of ASCII alone, and a letter first.

    >>> [class_name(name) for name in ("actor", "sa_encoder", "_2nd", "x'; import os", "ключ")]
    ['Actor', 'SaEncoder', 'Network2nd', 'XImportOs', 'Network']
    """
    words = re.findall(r"[0-9A-Za-z]+", written)
    name = "".join(word[0].upper() + word[1:] for word in words)
    return name if name[:1].isalpha() else f"Network{name}"


def literal(written: str) -> str:
    """A text as a literal of Python."""
    return f'"{written}"' if re.fullmatch(r"\w+", written) else repr(written)


def harmless(written: str) -> str:
    """What may stand in a docstring: nothing that ends it, escapes, or breaks the line. The language has no such signs."""
    return re.sub(r'[\\"]', "'", "".join(sign if sign.isprintable() else " " for sign in written))


def docstring(written: str, indent: int = 4) -> str:
    """A docstring of one line, cut off where it would be too long."""
    room = SHOWN - indent - 6
    text = harmless(written)
    short = text if len(text) <= room else f"{text[: room - 1]}…"
    return f'{" " * indent}"""{short}"""'
