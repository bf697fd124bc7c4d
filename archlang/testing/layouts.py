"""Odd layouts: blanks, line breaks and comments wherever the grammar lets them stand."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

Part = tuple[str, tuple[str, ...]]  # text, and what may stand in its place
Edit = tuple[int, int]  # which part, and which of those

HEAD = re.compile(r"\w+(?:\([\w, ]*\))? =")  # of a definition
TOKEN = re.compile(r"(@|)([A-Za-z_]\w*(?:\.\d+)?|\})(\()|[A-Za-z_]\w*(?:\.\d+)?|\d+x|-?\d+(?:\.\d+)?(?:e-?\d+)?|\}x|[^ ]| +")

COMMENTS = ("#", "# why", "# é × 中 \U0001f600", "#)]}>", "# a = b | c", '#"', '# use "x"', "##\t#", "#\u2028x\r")
BLANKS = ("", " ", "\t", " \t ")
STARTS = ("", " ", "\n", "\t\r\n ", *(f"{comment}\n" for comment in COMMENTS))
BREAKS = ("\n", "\r\n", "\n\n", "\n  ", " \t\n\n\t", *(f"{lead}{comment}\n" for comment in COMMENTS for lead in (" ", "\n\t")))
ENDS = ("", "\n", "\r\n", "\n\n \n", "\t", *(f"{lead}{comment}" for comment in COMMENTS for lead in (" ", "\n", "\n\n")))
GAPS = (*BLANKS, "\r", "\n\t", *BREAKS)


def laid_out(lines: Iterable[str], edits: Iterable[Edit]) -> str:
    """Definitions or one expression, each on one line, as one text whose layout is odd in some places."""
    parts = list(parts_of(lines))
    places = [index for index, (_, others) in enumerate(parts) if others]
    texts = [text for text, _ in parts]
    for pick, which in edits:
        index = places[pick % len(places)]
        texts[index] = parts[index][1][which % len(parts[index][1])]
    return "".join(texts)


def parts_of(lines: Iterable[str]) -> Iterator[Part]:
    before: Part = ("", STARTS)
    for line in lines:
        yield before
        head = HEAD.match(line)
        yield from head_parts(head[0]) if head else ()
        yield from body_parts(line[head.end() :] if head else line)
        before = ("\n", BREAKS)
    yield ("\n", ENDS)


def head_parts(head: str) -> Iterator[Part]:
    """`unit(w, n) =` stands on one line."""
    for word in re.findall(r"\w+|[(),=]", head):
        if word == "=":
            yield (" ", BLANKS)
        yield (word, ())
        yield (" " if word == "," else "", BLANKS if word != "=" else ())


def body_parts(text: str) -> Iterator[Part]:
    """Any gap may stand between two tokens; the bracket of a call stands on its name's line."""
    gap = ""
    for match in TOKEN.finditer(text):
        if match[0].isspace():
            gap = " "
            continue
        yield (gap, GAPS)
        gap = ""
        for word in [part for part in match.groups() if part] or [match[0]]:
            yield (word, ())
            yield ("", BLANKS if match[3] and word != "(" else ())
