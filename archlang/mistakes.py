"""The table of syntax mistakes: what the parser refused, in the user's words. The same table is the test.

Each row: what the refused token is, what stands before it (regular expressions; None matches anything), the message, the
help, and an example with a `^` under nothing: the tests find the mistake where the row says.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from archlang.diagnostics import Diagnostic, Replacement, SpecError
from archlang.limits import MAX_FILE_BYTES
from archlang.source import Source, Span


@dataclass(frozen=True)
class Mistake:
    """A syntax mistake by example: when `before` ends the text in front of the refused token that matches `token`."""

    before: str
    token: str
    message: str
    help: str | None
    example: str


MISTAKES = (
    Mistake(r",\s*$", r"^[)>;|]?$", "a `,` with nothing behind it", "take the last `,` away", "<dense256, ln,>"),
    Mistake(r",\s*\n\s*\w+\s*$", r"^=$", "the line before ends in a `,`", "take the last `,` away", "a = ln,\nb = ln"),
    Mistake(r"=\s*\n\s*\w+\s*$", r"^=$", "nothing stands behind the `=` above", "`id` does nothing", "a =\nb = ln"),
    Mistake(r"[(;]\s*$", r"^\)", "nothing stands between these brackets", "`id` is the layer that does nothing", "res()"),
    Mistake(r"<\s*$", r"^>", "nothing stands between these brackets", "`id` is the layer that does nothing", "4x<>"),
    Mistake(r"\{\s*$", r"^\}", "`{}` holds no number", "write a number or a name: {width}", "dense{}"),
    Mistake(r"=\s*$", r"^$", "nothing stands behind `=`", "`id` is the network that does nothing", "a ="),
    Mistake(r"\*\s*$", r"", "`*` needs a count: a number or `{…}`", "for instance `*250` or `*{depth/4}`", "(ln)*ln"),
    Mistake(r"[0-9}]x\s*$", r"", "this repeat has nothing to repeat", "for instance `4x<dense256,ln>`", "ln, 4x"),
    Mistake(r"@\s*\w+\([^)]*\)\s*$", r"", "an annotation needs something to stand on", None, "@remat(full)"),
    Mistake(r"\w\s*=\s*$", r"^[,;)]$", "a value is missing behind `=`", None, "dense(bias=)"),
    Mistake(r"", r"^\+$", "a network has no `+`", "`res(body)` adds the input; braces hold arithmetic", "dense4 + ln"),
    Mistake(r"", r"^/$", "a network has no `/`", "arithmetic goes in braces: `{depth/4}`", "(ln)*3/4"),
    Mistake(r"", r"^;$", "`;` does not belong here", "it parts the branches of `par(a; b)`", "<ln; rms>"),
    Mistake(r"", r"\|", "axes (`a | b`) are not part of this version", "write one value; `--set` changes it", "n = ln | id"),
    Mistake(r"", r"^=$", "`=` does not belong here", "a definition begins its line: `name = …`", "dense256, a = ln"),
    Mistake(r"[\w)>}]\s*$", r"^[\w<({]|@", "expected `,` between two layers", "write a `,`", "dense256 ln"),
    Mistake(r"[\w)>}]\s*$", r"^-", "a network has no `-`", "arithmetic goes in braces: `{width - 1}`", "dense -1"),
)

CHARACTERS = {
    "|": ("axes (`a | b`) are not part of this version", "write one value; `--set name=value` changes it"),
    "[": ("lists are not part of this version", "write the layers one by one"),
    '"': ("`use` and strings are not part of this version", "write the definitions in this file"),
    "@": ("an annotation takes arguments", "for instance `@remat(full)` in front of a stack"),
    "×": ("`×` is not used", "write `x`: `4x<…>`"),
}


def unexpected_token(source: Source, kind: str, span: Span) -> Diagnostic:
    """Word a token that the grammar refuses, by the first row of the table that fits."""
    before, text = without_comments(source.text[: span.start]), span.text
    row = next((m for m in MISTAKES if re.search(m.before, before) and re.search(m.token, text)), None)
    if row is None:
        shown = "the text ends" if kind == "END" else f"`{text.strip()}` does not belong here"
        return Diagnostic("E0101", shown, span, help=None)
    edit = Replacement(span.source.span(span.start, span.start), ", ") if "between two" in row.message else None
    return Diagnostic("E0101", row.message, span, help=row.help, replacement=edit)


def without_comments(text: str) -> str:
    return re.sub(r"#[^\n]*", "", text)


def unexpected_character(source: Source, offset: int) -> Diagnostic:
    """Word a character that no word of the language begins with at this place."""
    character = source.text[offset]
    span = source.span(offset, offset + 1)
    if character in CHARACTERS:
        message, help = CHARACTERS[character]
        return Diagnostic("E0101", message, span, help=help)
    name = unicodedata.name(character, f"U+{ord(character):04X}")
    if character.isascii() and character.isprintable():
        return Diagnostic("E0101", f"`{character}` does not belong here", span)
    return Diagnostic("E0102", f"{name} (U+{ord(character):04X}) is not used in the language", span, help=ascii_help(character))


def ascii_help(character: str) -> str | None:
    """The ASCII character that a look-alike stands for, where Unicode knows one."""
    plain = unicodedata.normalize("NFKC", character)
    digit = unicodedata.digit(character, None)
    plain = str(digit) if digit is not None else plain
    return f"write `{plain}`" if plain.isascii() and plain.isprintable() and plain.strip() else "write plain ASCII"


def refuse_unreadable(source: Source) -> None:
    """Refuse texts that are too large, hold characters that cannot be text, or hold nothing."""
    text = source.text
    if len(text) > MAX_FILE_BYTES or len(text.encode("utf-8", "surrogatepass")) > MAX_FILE_BYTES:
        message = f"a specification may have {MAX_FILE_BYTES // 1024} KiB; this one has more"
        raise SpecError([Diagnostic("E0003", message, source.span(0, 0))])
    odd = next((i for i, c in enumerate(text) if (c < " " and c not in "\t\r\n") or "\ud800" <= c <= "\udfff"), None)
    if odd is not None:
        message = f"this is not text: U+{ord(text[odd]):04X} stands in it"
        raise SpecError([Diagnostic("E0002", message, source.span(odd, odd + 1))])
    if not without_comments(text).strip():
        help = "the shortest network is `id`; `res(4x<dense256,ln,swish>)*250` is a long one"
        raise SpecError([Diagnostic("E0004", "the specification is empty", source.span(0, 0), help=help)])
