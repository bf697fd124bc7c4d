"""The table of syntax mistakes: what the parser refused, in the user's words. The same table is the test.

A row fits where `before` ends the text in front of the refused token, `token` matches the token, `after` what follows it on
its line, and `line` its line (comments left out); the first that fits speaks. Each row has an example, which the tests parse.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from archlang import characters
from archlang.brackets import DEFINITION
from archlang.characters import without_comments
from archlang.diagnostics import Diagnostic, Replacement
from archlang.layers import ALIASES, LAYERS
from archlang.source import Source, Span

# --- edits: a source and the refused token → what mends it -------------------------------------------------------------

Edit = Callable[[Source, Span], Replacement]


def code_end(source: Source, span: Span) -> int:
    """Where the code in front of a token ends."""
    return len(without_comments(source.text[: span.start]).rstrip())


def put(text: str, safe: bool = False) -> Edit:
    """Put a text behind the code in front of the token."""

    def edit(source: Source, span: Span) -> Replacement:
        end = code_end(source, span)
        return Replacement(source.span(end, end), text if end < span.start else f"{text} ", safe)

    return edit


def become(text: str, safe: bool = False) -> Edit:
    """Put a text in the place of the token."""
    return lambda source, span: Replacement(span, text, safe)


def drop(source: Source, span: Span) -> Replacement:
    """Take away the character in front of the token."""
    end = code_end(source, span)
    return Replacement(source.span(end - 1, end), "", safe=True)


def glue(source: Source, span: Span) -> Replacement:
    """Take away what stands between the token and the word in front of it."""
    return Replacement(source.span(code_end(source, span), span.start), "")


def unsigned(source: Source, span: Span) -> Replacement:
    return Replacement(span, span.text.removeprefix("-"))


def swap(source: Source, span: Span) -> Replacement:
    """`256dense` → `dense256`."""
    number = re.search(r"[\d.]*$", source.text[max(0, span.start - MAX_LOOK) : span.start])
    digits = number[0] if number else ""
    return Replacement(source.span(span.start - len(digits), span.end), span.text + digits)


def emptied(source: Source, span: Span) -> Replacement:
    """`ln()` → `ln`."""
    return Replacement(source.span(source.text.rindex("(", 0, span.start), span.end), "")


def copies(source: Source, span: Span) -> Replacement:
    """`4*ln` → `4x ln`."""
    end = code_end(source, span) - 1
    return Replacement(source.span(len(source.text[:end].rstrip()), span.start), "x ")


def comment(source: Source, span: Span) -> Replacement:
    """`// why` → `# why`."""
    return Replacement(source.span(span.start, span.start + 2), "#")


# --- the table --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Mistake:
    """A syntax mistake: regular expressions for its surroundings, what to say, an example, and what mends it."""

    before: str
    token: str
    message: str
    help: str | None
    example: str
    edit: Edit | None = None
    line: str = ""
    after: str = ""


MAX_LOOK = 1000  # characters before a token that the expressions look at; on many more they would take long
NOTHING = "`id` is the layer that does nothing"
NAMED_CHOICE = ("a choice of numbers needs a name", "for instance `width = 256 | 512`, then `dense{width}`")
LAYER = "|".join([*LAYERS, *ALIASES])
NAMES = r"[ \t]*[A-Za-z_]\w*[ \t]*(,[ \t]*[A-Za-z_]\w*[ \t]*)*"
HEAD = Mistake(
    r"",
    r"[^=]$|^=$",
    "a definition begins with one name and `=`",
    "`name = …` or `name(a, b) = …`; a name is letters, digits and `_`, no digit first",
    "my-unit = ln",
    line=rf"^(?!{DEFINITION.pattern})" r"[^\n=(<{\[,|*@]*(\([^()\n]*\))?[ \t]*=",
)
BRINGS_IN = ("another file is brought in by `use`", 'for instance `use "wang2025/base.arch"`')
PARAMETERS = rf"^[ \t]*\w+[ \t]*\((?!{NAMES}\))"  # not all of which are names
MISTAKES = (
    Mistake(
        r"",
        r"",
        "a parameter has no default",
        "each use gives its value: `unit(w) = …`",
        "u(w=4) = ln",
        line=rf"{PARAMETERS}[^()\n]*=[^()\n]*\)[ \t]*=",
    ),
    Mistake(
        r"",
        r"",
        "the parameters of a definition are names",
        "`unit(w) = …`; without parameters `unit = …`",
        "u(4) = ln",
        line=rf"{PARAMETERS}[^()\n]*\)[ \t]*=",
    ),
    HEAD,
    Mistake(
        r"",
        r"",
        "nothing stands behind the path of a `use`",
        "each `use` has a line of its own",
        'use "b.arch" as b\na = ln',
        line=r'^[ \t]*use[ \t]*"[^"]*"[ \t]*\S',
    ),
    Mistake(r"(^|\n)[ \t]*(import|include|from|using|require|load)[ \t]+$", r"^\w", *BRINGS_IN, "import base"),
    Mistake(r"\{[^{}]*$", r"^\|", *NAMED_CHOICE, "dense{4 | 8}"),
    Mistake(r"\{[^{}]*$", r"^\{", "one pair of braces is enough", "for instance `{width}`", "dense{{8}}"),
    Mistake(r"\{[^{}]*$", r"^,", "braces hold one number", "a list is `[512, 256]`, a choice `a | b`", "dense{512, 256}"),
    Mistake(r"\{[^{}]*\w\s*$", r"^\(", "braces hold names and `+ - * /`, no calls", None, "dense{max(8, 4)}"),
    Mistake(r"\{[^{}]*\*\s*$", r"^\*", "a power is written out", "for instance `{8*8}`", "dense{8**2}"),
    Mistake(r"\{[^{}]*/\s*$", r"^/", "one `/` is enough", "a division must come out even", "dense{8//2}", become("")),
    Mistake(r"\{[^{}]*[-+*/]\s*$", r"", "a number or a name is missing in these braces", None, "dense{2*/3}"),
    Mistake(r"\{\s*$", r"", "these braces hold no number", "write a number or a name: `{width}`", "dense{}"),
    Mistake(r"\{[^{}]*$", r"", "braces hold one number", "for instance `{width}` or `{depth/4}`", "dense{8 9}"),
    Mistake(r"@\s*\w+\s*\($", r"^\)", "an annotation takes an argument", "for instance `@remat(full)`", "@remat() ln*3"),
    Mistake(r"\b(res|par)\s*\($", r"^\)", "nothing stands between these brackets", NOTHING, "res()"),
    Mistake(
        r"\w\s*\($", r"^\)", "nothing stands between these brackets", "write arguments, or the name alone", "ln()", emptied
    ),
    Mistake(r"[<(]\s*$", r"^[)>]", "nothing stands between these brackets", NOTHING, "4x<>"),
    Mistake(r"\w\s*=\s*$", r"^[,;)]$", "a value is missing behind `=`", None, "dense(bias=)"),
    Mistake(r"\|\s*$", r"^\|", "one `|` is enough", "for instance `ln | rms`", "a = ln || rms", become("", safe=True)),
    Mistake(r"[,(<;=|[]\s*$", r"^[,;|]$", "something is missing before this", NOTHING, "ln,,rms"),
    Mistake(r",\s*$", r"^[])>|]?$", "a `,` with nothing behind it", "take the last `,` away", "<dense256, ln,>", drop),
    Mistake(r";\s*$", r"^\)$", "a `;` with nothing behind it", "take the last `;` away", "par(ln; rms;)", drop),
    Mistake(r"\|\s*$", r"^\)?$", "a `|` with nothing behind it", NOTHING, "norm = ln |"),
    Mistake(r"\[\s*$", r"^\]", "a list holds at least one number", "for instance `[512, 256]`", "widths = []"),
    Mistake(
        r"\[[^]]*\d\s+$", r"^\d", "expected `,` between two numbers", "write a `,`", "widths = [512 256]", put(",", safe=True)
    ),
    Mistake(
        r"\[[^]]*$",
        r"^[A-Za-z_<(]",
        "a list holds numbers",
        "a named number goes in braces: `[{width}, 256]`; layers in sequence stand in `<…>`",
        "widths = [ln, rms]",
    ),
    Mistake(r"\[[^]]*$", r"", "a list holds numbers, parted by `,`", "for instance `[512, 256]`", "widths = [512, [256]]"),
    Mistake(r"=\s*$", r"^$", "nothing stands behind `=`", "`id` is the network that does nothing", "a =\nb = ln"),
    Mistake(r"=\s*$", r"^-", "a negative number goes in braces", "for instance `{-3}`", "a = -3"),
    Mistake(r"(^|[\s,<(=])\d+\s*\*\s*$", r"^[A-Za-z(<]", "a count stands behind", "`ln*250`, or `250x ln`", "250*ln", copies),
    Mistake(r"(^|[\s,(=])\d+\*\s*$", r"^\*", "a power is written out", "for instance `{8*8}`", "dense(2**8)"),
    Mistake(r"\*\s*$", r"^\*", "one `*` is enough", "for instance `*250`", "(ln)**4", become("", safe=True)),
    Mistake(r"\*\s*$", r"", "`*` needs a count: a number or `{…}`", "for instance `*250` or `*{depth/4}`", "(ln)*ln"),
    Mistake(r"[0-9}]x\s*$", r"^@", "annotations stand before the repeat", "`@remat(full)`, then `4x`", "4x @remat(full) ln"),
    Mistake(r"[0-9}]x\s*$", r"", "this repeat has nothing to repeat", "for instance `4x<dense256,ln>`", "ln, 4x"),
    Mistake(r"@\s*\w+\([^)]*\)\s*$", r"", "an annotation stands before a network", None, "a = @remat(full)\nb = ln"),
    Mistake(
        r"@\s*\w+\s*\([^()]*$",
        r"^\|",
        "annotations are chosen with what they stand before",
        "for instance `(@remat(full) a*3 | @remat(dots) a*3)`",
        "@remat(full | dots) ln*3",
    ),
    Mistake(r"(^|[\s,(=])[\d.]+\s*$", r"^\|", *NAMED_CHOICE, "dense(4 | 8)"),
    Mistake(
        r"\b(?!res\b|par\b)\w+\s*\([^()<>]*=\s*\w+\s*$",
        r"^\|",
        "a choice needs parentheses of its own",
        "around what is chosen: `(dense(8, init=he) | dense(8, init=zeros))`",
        "dense(8, init=he | zeros)",
    ),
    Mistake(r"", r"^\|", "a choice needs parentheses of its own", "write `(a | b)`", "res(ln | rms)"),
    Mistake(r"[\w)>}\]]\s*$", r"^or$", "alternatives are parted by `|`", "write `|`", "a = ln or rms", become("|")),
    Mistake(
        r"(^|\n)\s*use\s*$", r"", "`use` needs a path in quotes", 'for instance `use "wang2025/base.arch"`', "use base.arch"
    ),
    Mistake(r"", r'^use([ \t]*"|$)', "`use` stands on a line of its own, before the definitions", None, 'a = ln\nuse "b.arch"'),
    Mistake(r"", r"^=$", "`=` does not belong here", "a definition begins its line: `name = …`", "dense256, a = ln"),
    Mistake(
        r"=[^(<]*$",
        r"^;$",
        "one definition stands on a line",
        "begin a new line in the place of `;`",
        "w = 2; d = 3",
        become("\n", safe=True),
        after=rf"^{DEFINITION.pattern}",
    ),
    Mistake(r"", r"^;$", "`;` does not belong here", "it parts the branches of `par(a; b)`", "<ln; rms>"),
    Mistake(r"", r"^\+$", "a network has no `+`", "`res(body)` adds the input; braces hold arithmetic", "dense4 + ln"),
    Mistake(r"", r"^/$", "a comment begins with `#`", "write `#`", "ln // and then", comment, after=r"^/(?!\s*[\d{(])"),
    Mistake(r"", r"^/$", "a network has no `/`", "arithmetic goes in braces: `{depth/4}`", "(ln)*3/4"),
    Mistake(r"[A-Za-z_]$", r"^-\d", "a network has no `-`", "a number is glued to its layer: `dense256`", "dense-1", unsigned),
    Mistake(r"", r"^-", "a network has no `-`", "arithmetic goes in braces: `{width - 1}`", "dense -1"),
    Mistake(r"[)>\w]$", r"^x\d+$", "a repeat stands before its body", "`4x body`, or `body*4` for a stack", "res(ln)x4"),
    Mistake(
        r"((^|[\s,<(=])\d[\w.]*|\})\s*$",
        r"^x$",
        "a repeat is written as one word with its count",
        "for instance `4x<dense256,ln>`",
        "2 x ln",
    ),
    Mistake(
        r"\([^()]*[\w)>}\]]\s*$",
        r"^[A-Za-z_]",
        "expected `,` between two arguments",
        "write a `,`",
        "dense(256 bias=false)",
        put(",", safe=True),
        line=r"[\w)>}\]][ \t]+[A-Za-z_]\w*[ \t]*=",
    ),
    Mistake(
        r"[\w)>}\]][ \t]+$",
        r"^[A-Za-z_]",
        "a definition begins a line of its own",
        "begin a new line before it",
        "w = 4 d = 8",
        line=r"[\w)>}\]][ \t]+[A-Za-z_]\w*[ \t]*=",
    ),
    Mistake(r"(^|[\s,<(=])\d+$", r"^[A-Za-z_]", "a number stands behind its layer", "`dense256`", "256dense", swap),
    Mistake(r"(^|[\s,<(=])[\d.]+\s*$", r"^[A-Za-z<(]", "a number stands alone", "a repeat is `4x`, with an x", "3 ln"),
    Mistake(r"\b(res|par)\s*$", r"^[<[\w]", "`res` and `par` need `( )`", "for instance `res(4x<dense256,ln>)`", "res ln"),
    Mistake(
        r"\w$",
        r"^\[",
        "a list stands in `( )` or in braces",
        "`dense([512, 256])`, or `widths = [512, 256]` and `dense{widths}`",
        "dense[512, 256]",
    ),
    Mistake(
        r"[A-Za-z_][ \t]+$",
        r"^\d",
        "expected `,`, got a number",
        "a number is glued to its layer: `dense256`",
        "dense 256",
        glue,
    ),
    Mistake(r"\w\s*\n\s*$", r"^\(", "expected `,`", "the bracket of a call stands on its name's line", "dense4\n(ln)"),
    Mistake(r"", r"=$", "definitions, or one network alone", "give it a name: `net = …`", "ln\na = ln*3"),
    Mistake(
        r"[\w)>}\]]\n$",
        r"^[\w<({@]",
        "expected `,` or a definition",
        "a definition begins its line with `name = …`",
        "a = ln\nrms",
    ),
    Mistake(
        rf"^(?![\s\S]*\bpar\b)[\s\S]*(\b({LAYER})[\d.]*|[)>}}])\s*$",
        rf"^(({LAYER})[\d.]*|({LAYER}|res)[ \t]*\()$",
        "expected `,` between two layers",
        "write a `,`",
        "dense256 ln",
        put(",", safe=True),
    ),
    Mistake(r"[\w)>}\]]\s*$", r"^[\w<({@]", "expected `,` between two layers", "write a `,`", "unit unit", put(",")),
)


def unexpected_token(source: Source, span: Span) -> Diagnostic:
    """Word a token that the grammar refuses, by the first row of the table that fits."""
    before, span = surroundings(source, span)
    token, line = span.text.strip(), line_of(source, span.start)
    after = source.line(span.line)[span.column - 1 + len(span.text) :]
    row = next((row for row in MISTAKES if fits(row, before, token, line, after)), None)
    if row is None:
        return Diagnostic("E0101", f"`{token}` does not belong here" if token else "the text ends too early", span)
    edit = row.edit(source, span) if row.edit else None
    return Diagnostic("E0101", row.message, span, help=row.help, replacement=edit)


def line_of(source: Source, offset: int) -> str:
    """The code of a line; nothing where the place is so far inside that no one could have meant a definition to begin there."""
    number, column = source.place(offset)
    return without_comments(source.line(number)[: column + MAX_LOOK]) if column <= MAX_LOOK else ""


def fits(row: Mistake, before: str, token: str, line: str, after: str) -> bool:
    looks = ((row.token, token), (row.before, before), (row.line, line), (row.after, after))
    return all(re.search(*look) for look in looks)


NEXT = re.compile(rf"(?m:^){DEFINITION.pattern}")
DEFINED = re.compile(rf"\n{DEFINITION.pattern.removesuffix('=')}$")


def surroundings(source: Source, span: Span) -> tuple[str, Span]:
    """The end of the text before a token, and the token. The name of a definition means that the line before is not whole."""
    code = without_comments(source.text[: span.start])
    name = DEFINED.search(code[-MAX_LOOK:]) if span.text == "=" else None
    if name or not span.text or begins_definition(source, code, span):
        code = code[: len(code) - len(name.group())] if name else code
        end = len(code.rstrip())
        span = source.span(end, end)
    return on_few_lines(code), span


def on_few_lines(code: str) -> str:
    """The end of the code, each line break and the blanks around it as one."""
    end = code.rstrip()
    blanks = code[len(end) :]
    between = "\n" if "\n" in blanks else blanks[:1]
    return re.sub(r"[ \t\r]*\n\s*", "\n", end[-2 * MAX_LOOK :])[-MAX_LOOK:] + between


def begins_definition(source: Source, code: str, span: Span) -> bool:
    """Whether a word that the grammar refuses is the name of the next definition."""
    start = span.start - span.column + 1
    inside = sum(map(code.count, "([{<")) != sum(map(code.count, ")]}>"))
    first = not code[start:].strip() and NEXT.match(source.text, start) is not None
    return first and not inside and NEXT.search(code) is not None


def unexpected_character(source: Source, offset: int) -> Diagnostic:
    """Word a character that no word of the language begins with at this place."""
    character = source.text[offset]
    if character.isascii() and character != ":" and re.search(HEAD.line, line_of(source, offset)):
        return Diagnostic("E0101", HEAD.message, source.span(offset, offset + 1), help=HEAD.help)
    return characters.unexpected(source, offset)
