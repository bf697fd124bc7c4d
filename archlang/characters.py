"""Characters that the language does not use: their names, and what was meant where it can be told."""

from __future__ import annotations

import re
import unicodedata

from archlang.diagnostics import Diagnostic, Replacement, SpecError
from archlang.limits import MAX_FILE_BYTES
from archlang.source import Source, Span

HIDDEN = re.compile(r'"[^"\n]*"|#[^\n]*')  # a path or a comment: anything may stand there, and each hides the other's sign


def without_comments(text: str) -> str:
    """The text with blanks in the place of its comments."""
    return HIDDEN.sub(lambda found: found[0] if found[0].startswith('"') else " " * len(found[0]), text)


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


# --- characters that look like others ---------------------------------------------------------------------------------

LOOK_ALIKES = {
    **dict(zip("аеорсхуіјѕһԁνοαρАВЕКМНОРСТХІ", "aeopcxyijshdvoapABEKMHOPCTXI", strict=True)),
    **dict(zip("×✕−–—＊∗⋅·→⇒‘’“”⟨⟩‹›〈〉｜∣❘¦", "xx---****,,''\"\"<><><>||||", strict=True)),
}
USED = re.compile(r"[][A-Za-z0-9_ ,;|*=+/@(){}<>]")  # what may be read on as if it had been written; a dash may not
WORD = re.compile(r"[^\W\s]+|[^\x00-\x7f]")  # of any alphabet, or one other character


def look_alike(character: str) -> str | None:
    """The ASCII character that another looks like, where there is one."""
    if character.isascii():
        return character
    if unicodedata.category(character) == "Zs":
        return " "
    if unicodedata.category(character) == "No":  # ² is a power, and ② nothing that anyone could mean
        return None
    digit = unicodedata.decimal(character, None)
    plain = LOOK_ALIKES.get(character, unicodedata.normalize("NFKC", character)) if digit is None else str(digit)
    return plain if plain.isascii() and plain.isprintable() and len(plain) == 1 else None


def in_plain_letters(source: Source) -> tuple[str, list[Diagnostic]]:
    """The text with ASCII in the place of characters that only look like it, each word of them a mistake."""
    if source.text.isascii():
        return source.text, []
    hidden = {at for match in HIDDEN.finditer(source.text) for at in range(*match.span())}
    letters, found = list(source.text), []
    for match in WORD.finditer(source.text):
        plain = [look_alike(character) or "" for character in match.group()]
        if match.group().isascii() or match.start() in hidden or not all(map(USED.fullmatch, plain)):
            continue
        letters[match.start() : match.end()] = plain
        found.append(looks_like(source.span(*match.span()), "".join(plain)))
    return "".join(letters), found


def looks_like(word: Span, plain: str) -> Diagnostic:
    """A word with characters that only look like ASCII."""
    odd = [at for at, character in enumerate(word.text, word.start) if not character.isascii()]
    edit = Replacement(word, plain, safe=True)
    return not_used(word.source.span(odd[0], odd[-1] + 1), f"write `{plain}`" if plain.strip() else "write a blank", edit)


def not_used(span: Span, help: str, edit: Replacement | None = None) -> Diagnostic:
    """A character outside of ASCII, by its name."""
    character = span.text[0]
    name = unicodedata.name(character, "this character")
    message = f"{name} (U+{ord(character):04X}) is not used in the language"
    return Diagnostic("E0102", message, span, help=help, replacement=edit)


# --- characters that no word begins with ------------------------------------------------------------------------------

CHARACTERS = {
    ":": ("`:` does not belong here", "`name = …` begins a definition; a keyword is written `bias=false`"),
    "@": ("an annotation takes arguments", "for instance `@remat(full)` in front of a stack"),
    "%": ("`%` does not belong here", "a share is written `0.1`; braces know `+`, `-`, `*` and `/`"),
    "^": ("`^` does not belong here", "a power is written out: `{8*8}`"),
    "$": ("`$` does not belong here", "a number is named in braces: `dense{width}`"),
    "\\": ("`\\` does not belong here", "a network may go on in the next line as it is"),
    "&": ("`&` does not belong here", "things in sequence are parted by `,`"),
}
POWER = "write plain digits; a power is written out: `{8*8}`"
QUOTED = re.compile(r"""(["'])([^"'\n]*)(\1)?""")
PREFIX = re.compile(r"(?:[A-Za-z_]\w*\.)+(?=[A-Za-z_])")
PATH = re.compile(r"(?m:^)[ \t]*((?i:use|import|include|from|using|require|load))[ \t]*$")
LONGEST = 200  # characters that are looked at before a `.`


def unexpected(source: Source, offset: int) -> Diagnostic:
    """Word a character that no word of the language begins with at this place."""
    character, span = source.text[offset], source.span(offset, offset + 1)
    if character in SPECIAL:
        return SPECIAL[character](source, offset)
    if character.isascii():
        message, help = CHARACTERS.get(character, (f"`{character}` does not belong here", None))
        return Diagnostic("E0101", message, span, help=help)
    if unicodedata.category(character) == "Cf":
        return not_used(span, "take it away; it cannot be seen", Replacement(span, "", safe=True))
    plain = look_alike(character)
    if plain is None:
        return not_used(span, POWER if unicodedata.category(character) == "No" else "write plain ASCII")
    return not_used(span, f"write `{plain}`", Replacement(span, plain))


def quoted(source: Source, offset: int) -> Diagnostic:
    """Words and numbers in quotes, as other languages want them; a path without its `use`."""
    match = QUOTED.match(source.text, offset)
    assert match is not None
    span, inside = source.span(*match.span()), match[2].strip()
    path = PATH.search(source.text, max(0, offset - LONGEST), offset)
    if match[3] is None:
        return Diagnostic("E0101", f"this `{match[1]}` is never closed", span, help=f"write a `{match[1]}` at its end")
    if path:
        use = f'use "{inside}"'
        edit = Replacement(source.span(path.start(1), span.end), use)
        message = "another file is brought in by `use` and its path in double quotes"
        return Diagnostic("E0101", message, span, help=f"write `{use}`", replacement=edit)
    edit = Replacement(span, inside) if re.fullmatch(r"[\w.]+", inside) else None
    help = f"write `{inside}`" if edit else "take the quotes away"
    if inside.endswith(".arch"):
        help, edit = f'a line of its own, before the definitions: `use "{inside}"`', None
    return Diagnostic("E0101", "quotes stand around the path of a `use` alone", span, help=help, replacement=edit)


def dotted(source: Source, offset: int) -> Diagnostic:
    """`.5`, `nn.Linear(256)`, `1..4`."""
    span, before = source.span(offset, offset + 1), source.text[max(0, offset - LONGEST) : offset]
    word = re.search(r"[\w.]*$", before)
    start = offset - len(word[0] if word else "")
    if start == offset and source.text[offset + 1 : offset + 2].isdigit():
        edit = Replacement(source.span(offset, offset), "0", safe=True)
        return Diagnostic("E0101", "a number begins with a digit", span, help="write a `0` before the `.`", replacement=edit)
    prefix = PREFIX.match(source.text, start)
    if prefix is None:
        return Diagnostic("E0101", "`.` does not belong here", span, help="it stands inside of a number alone: `0.5`")
    if prefix[0][-2].isdigit():  # `dense256.ln`
        edit = Replacement(span, ", ")
        return Diagnostic("E0101", "`.` does not belong here", span, help=CHARACTERS["&"][1], replacement=edit)
    edit = Replacement(source.span(*prefix.span()), "")
    return Diagnostic("E0101", "a name has no `.`", span, help=f"leave `{prefix[0]}` away", replacement=edit)


SPECIAL = {'"': quoted, "'": quoted, ".": dotted}
