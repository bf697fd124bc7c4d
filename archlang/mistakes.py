"""The table of syntax mistakes: what the parser refused, in the user's words. The same table is the test.

A row fits where `before` ends the text in front of the refused token (comments left out) and `token` matches the token; the
first that fits speaks. Each row has an example, which the tests parse.
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
    """A syntax mistake: regular expressions for its surroundings, what to say, an example, and a text that mends it."""

    before: str
    token: str
    message: str
    help: str | None
    example: str
    insert: str = ""


NOTHING = "`id` is the layer that does nothing"
MISTAKES = (
    Mistake(r"\{[^{}]*[-+*/]\s*$", r"", "a number or a name is missing in these braces", None, "dense{2**3}"),
    Mistake(r"\{\s*$", r"", "these braces hold no number", "write a number or a name: `{width}`", "dense{}"),
    Mistake(r"\{[^{}]*$", r"", "braces hold one number", "for instance `{width}` or `{depth/4}`", "dense{8 9}"),
    Mistake(r"@\s*\w+\s*\($", r"^\)", "an annotation takes an argument", "for instance `@remat(full)`", "@remat() ln*3"),
    Mistake(r"\b(res|par)\s*\($", r"^\)", "nothing stands between these brackets", NOTHING, "res()"),
    Mistake(r"\w\s*\($", r"^\)", "nothing stands between these brackets", "write the name alone", "ln()"),
    Mistake(r"[<(]\s*$", r"^[)>]", "nothing stands between these brackets", NOTHING, "4x<>"),
    Mistake(r"\w\s*=\s*$", r"^[,;)]$", "a value is missing behind `=`", None, "dense(bias=)"),
    Mistake(r"[,(<;=]\s*$", r"^[,;]$", "something is missing before this", NOTHING, "ln,,rms"),
    Mistake(r",\s*$", r"^[)>|]?$", "a `,` with nothing behind it", "take the last `,` away", "<dense256, ln,>"),
    Mistake(r"=\s*$", r"^$", "nothing stands behind `=`", "`id` is the network that does nothing", "a =\nb = ln"),
    Mistake(r"=\s*$", r"^-", "a negative number goes in braces", "for instance `{-3}`", "a = -3"),
    Mistake(r"(^|[\s,<(=])\d+\s*\*\s*$", r"^[A-Za-z(<]", "a count stands behind", "for instance `ln*250`", "250*ln"),
    Mistake(r"\*\s*$", r"^\*", "one `*` is enough", "for instance `*250`", "(ln)**4"),
    Mistake(r"\*\s*$", r"", "`*` needs a count: a number or `{…}`", "for instance `*250` or `*{depth/4}`", "(ln)*ln"),
    Mistake(r"[0-9}]x\s*$", r"^@", "annotations stand before the repeat", "`@remat(full)`, then `4x`", "4x @remat(full) ln"),
    Mistake(r"[0-9}]x\s*$", r"", "this repeat has nothing to repeat", "for instance `4x<dense256,ln>`", "ln, 4x"),
    Mistake(r"@\s*\w+\([^)]*\)\s*$", r"", "an annotation stands before a network", None, "a = @remat(full)\nb = ln"),
    Mistake(r"^\s*\w+\([^()]*\)\s*$", r"^=$", "definitions cannot have parameters in this version", None, "u(w) = ln"),
    Mistake(r"", r"\|", "axes (`a | b`) are not part of this version", "write one value; `--set` changes it", "n = ln | id"),
    Mistake(r"", r"^=$", "`=` does not belong here", "a definition begins its line: `name = …`", "dense256, a = ln"),
    Mistake(r"=[^(<]*$", r"^;$", "one definition stands on a line", "begin a new line in the place of `;`", "w = 2; d = 3"),
    Mistake(r"", r"^;$", "`;` does not belong here", "it parts the branches of `par(a; b)`", "<ln; rms>"),
    Mistake(r"", r"^\+$", "a network has no `+`", "`res(body)` adds the input; braces hold arithmetic", "dense4 + ln"),
    Mistake(r"/\s*$|^\s*$", r"^/$", "a comment begins with `#`", None, "// ln"),
    Mistake(r"", r"^/$", "a network has no `/`", "arithmetic goes in braces: `{depth/4}`", "(ln)*3/4"),
    Mistake(r"", r"^-", "a network has no `-`", "arithmetic goes in braces: `{width - 1}`", "dense -1"),
    Mistake(r"[)>\w]$", r"^x\d+$", "a repeat stands before its body", "`4x body`, or `body*4` for a stack", "res(ln)x4"),
    Mistake(r"", r"^x$", "a repeat is written as one word with its count", "for instance `4x<dense256,ln>`", "2 x ln"),
    Mistake(r"(^|[\s,<(=])[\d.]+\s*$", r"^[A-Za-z<(]", "a number stands alone", "a repeat is `4x`, with an x", "3 ln"),
    Mistake(r"\b(res|par)\s+$", r"", "`res` and `par` need brackets", "for instance `res(4x<dense256,ln>)`", "res ln"),
    Mistake(r"[A-Za-z_]\s+$", r"^\d", "expected `,`, got a number", "a number is glued to its layer: `dense256`", "dense 256"),
    Mistake(r"\w\s*\n\s*$", r"^\(", "expected `,`", "the bracket of a call stands on its name's line", "dense4\n(ln)"),
    Mistake(r"", r"=$", "definitions, or one network alone", "give it a name: `net = …`", "ln\na = ln*3"),
    Mistake(r"[\w)>}]\s*$", r"^[\w<({]|@", "expected `,` between two layers", "write a `,`", "dense256 ln", insert=", "),
)

MAX_LOOK = 1000  # characters before a token that the expressions look at; on many more they would take long

CHARACTERS = {
    "|": ("axes (`a | b`) are not part of this version", "write one value; `--set name=value` changes it"),
    "[": ("lists are not part of this version", "brackets for networks are `( )` and `< >`"),
    ":": ("`:` does not belong here", "a definition is written `name = …`"),
    '"': ("`use` and strings are not part of this version", "write the definitions in this file"),
    "@": ("an annotation takes arguments", "for instance `@remat(full)` in front of a stack"),
    "×": ("`×` is not used", "write `x`: `4x<…>`"),
}


def unexpected_token(source: Source, span: Span) -> Diagnostic:
    """Word a token that the grammar refuses, by the first row of the table that fits."""
    before, span = surroundings(source, span)
    token = span.text.strip()
    row = next((m for m in MISTAKES if re.search(m.token, token) and re.search(m.before, before)), None)
    if row is None:
        return Diagnostic("E0101", f"`{token}` does not belong here" if token else "the text ends too early", span)
    edit = Replacement(source.span(span.start, span.start), row.insert) if row.insert else None
    return Diagnostic("E0101", row.message, span, help=row.help, replacement=edit)


def surroundings(source: Source, span: Span) -> tuple[str, Span]:
    """The end of the text before a token, and the token. A definition's own `=` means that the line before is not whole."""
    code = without_comments(source.text[: span.start])
    name = re.search(r"\n[ \t]*\w+[ \t]*$", code[-MAX_LOOK:]) if span.text == "=" else None
    if name or not span.text:
        code = code[: len(code) - len(name.group())] if name else code
        end = len(code.rstrip())
        span = source.span(end, end)
    return re.sub(r"[ \t\r]*\n\s*", "\n", code)[-MAX_LOOK:], span


def without_comments(text: str) -> str:
    """The text with blanks in the place of its comments."""
    return re.sub(r"#[^\n]*", lambda comment: " " * len(comment.group()), text)


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
