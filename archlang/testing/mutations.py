"""A strategy for texts that are nearly specifications: a few small changes to whole ones."""

from __future__ import annotations

import re
from collections.abc import Callable

from hypothesis import strategies as st

from archlang.testing.networks import Draw

Change = Callable[[str, int, int], str]  # text, where, and what or where else

TOKEN = re.compile(r"[A-Za-z_]\w*|\d+(?:\.\d+)?|#[^\n]*|\s+|[^\w\s]")
PART = re.compile(r"[A-Za-z_]+|\d+(?:\.\d+)?|[-+*/,;=|@]")  # without brackets, whose mistakes hide all others
LINE = re.compile(r"[^\n]*\n|[^\n]+")
NAME = re.compile(r"[A-Za-z_]\w*")
NUMBER = re.compile(r"\d+(?:\.\d+)?(?:e-?\d+)?")
PIECES = (
    *"()<>{}[],;=*@#|-+/.:x0\n\t ",
    *("\r\n", "4x", "}x", "res(", "par(", "dense", "ln", "gaussian3", "{a}", "[4, 8]", "a = ", "a(b) = ", "@remat(full) "),
    *("@unroll(2) ", "@dtype(bf16) ", "join=concat", "scale=0.5", "post=ln", "actor = ", 'use "reacher.arch"\n', 'use "'),
    *("\x00", "\x07", "\x1b[31m", "\x85", "\u2028", "\u202e", "\ufeff", "\ud800", "\U0010ffff"),  # no text, or hardly
    *("é", "中", "e\u0301", "\U0001f600", "٣", "２", "²", "×", "а", "‘", "“", "−", "＊", "ⅷ", "𝟚"),  # digits and look-alikes
)
NUMBERS = (
    *("0", "1", "2", "7", "1.5", "1e9", "1e-9", "1e39", "1e999", "1e-999", "007"),
    *("99999", "2147483648", "9223372036854775808", "9" * 5000),
)


def put(text: str, span: tuple[int, int], new: str) -> str:
    return text[: span[0]] + new + text[span[1] :]


def cut(text: str, span: tuple[int, int]) -> str:
    return text[span[0] : span[1]]


# --- characters -------------------------------------------------------------------------------------------------------


def characters(text: str, where: int, length: int) -> tuple[int, int]:
    start = where % (len(text) + 1)
    return start, start + length % 9


def insert(text: str, where: int, what: int) -> str:
    return put(text, characters(text, where, 0), PIECES[what % len(PIECES)])


def replace_character(text: str, where: int, what: int) -> str:
    return put(text, characters(text, where, 1), PIECES[what % len(PIECES)])


def delete_characters(text: str, where: int, length: int) -> str:
    return put(text, characters(text, where, length), "")


def double_characters(text: str, where: int, length: int) -> str:
    span = characters(text, where, length)
    return put(text, span, cut(text, span) * 2)


def cut_end(text: str, where: int, _: int) -> str:
    return text[: where % (len(text) + 1)]


def surround(text: str, where: int, what: int) -> str:
    """Brackets around some characters, once or far too often."""
    start, end = characters(text, where, what)
    opening, closing = (("(", ")"), ("<", ">"), ("{", "}"), ("[", "]"), ("res(", ")"), ("1x <", ">"))[what % 6]
    times = (1, 1, 2, 60)[what % 4]
    return put(text, (start, end), opening * times + text[start:end] + closing * times)


# --- tokens -----------------------------------------------------------------------------------------------------------


def found(pattern: re.Pattern[str], text: str, where: int) -> tuple[int, int]:
    """A place where a pattern matches; the end of the text where it does nowhere."""
    places = [match.span() for match in pattern.finditer(text)] or [(len(text), len(text))]
    return places[where % len(places)]


def delete_token(text: str, where: int, _: int) -> str:
    return put(text, found(TOKEN, text, where), "")


def double_token(text: str, where: int, _: int) -> str:
    place = found(TOKEN, text, where)
    return put(text, place, cut(text, place) * 2)


def replace_token(text: str, where: int, what: int) -> str:
    return put(text, found(PART, text, where), PIECES[what % len(PIECES)])


def copy_token(text: str, where: int, other: int) -> str:
    """One token in the place of another."""
    return put(text, found(PART, text, where), cut(text, found(PART, text, other)))


def swap_tokens(text: str, where: int, other: int) -> str:
    first, second = sorted((found(PART, text, where), found(PART, text, other)))
    return put(put(text, second, cut(text, first)), first, cut(text, second))


def rename(text: str, where: int, other: int) -> str:
    """One name everywhere in the place of another."""
    old, new = (cut(text, found(NAME, text, pick)) for pick in (where, other))
    return re.sub(rf"\b{old}\b", new, text) if old else text


def break_number(text: str, where: int, what: int) -> str:
    return put(text, found(NUMBER, text, where), NUMBERS[what % len(NUMBERS)])


# --- lines ------------------------------------------------------------------------------------------------------------


def delete_line(text: str, where: int, _: int) -> str:
    return put(text, found(LINE, text, where), "")


def copy_line(text: str, where: int, other: int) -> str:
    """One line once more, before another."""
    place = found(LINE, text, other)[0]
    return put(text, (place, place), cut(text, found(LINE, text, where)))


CHANGES: tuple[Change, ...] = (
    *(insert, replace_character, delete_characters, double_characters, cut_end, surround),
    *(delete_token, double_token, replace_token, copy_token, swap_tokens, rename, break_number),
    *(delete_line, copy_line, copy_token, swap_tokens, rename, break_number, copy_token, rename, break_number),
)
PICK = st.integers(0, 2**16)
STEPS = st.lists(st.tuples(st.sampled_from(CHANGES), PICK, PICK), min_size=1, max_size=3)


@st.composite
def mutations(draw: Draw, texts: st.SearchStrategy[str]) -> str:
    """One of the texts with one to three changes: tokens, characters, numbers or lines deleted, doubled, swapped or replaced,
    brackets, characters that are no text. Some are right all the same."""
    text = draw(texts)
    for change, where, what in draw(STEPS):
        text = change(text, where, what)
    return text
