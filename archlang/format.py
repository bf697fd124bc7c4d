"""Text → the same text in its canonical layout. Nothing but white space changes, and needless brackets in arithmetic."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import takewhile
from typing import Any

from archlang import syntax
from archlang.diagnostics import Diagnostic, SpecError
from archlang.layout import INDENT, Comment, Line, Piece, attach, blank_above, comments_of, fits, joined, lines, text_of
from archlang.limits import MAX_FILE_BYTES
from archlang.parse import parse
from archlang.source import Source, Span


def format(text: str, name: str = "<inline>") -> str:
    """The canonical layout of a text; its comments and its networks stay as they are. `name` is for the diagnostics.

    Raises `SpecError` where the text cannot be read, or where its canonical layout would be too large for a specification.

    >>> print(format("width=256 #neurons\\nnet=4x< dense{width},ln >,gaussian"), end="")
    width = 256  # neurons
    net   = 4x<dense{width}, ln>, gaussian
    """
    file = parse(Source(text, name))
    if file.mistakes:
        raise SpecError(file.mistakes)
    root = whole(file)
    attach(root, comments_of(text))
    return small_enough(text_of(file_lines(root)), file.source)


def small_enough(text: str, source: Source) -> str:
    if len(text.encode()) <= MAX_FILE_BYTES:
        return text
    message = f"a specification may have {MAX_FILE_BYTES // 1024} KiB; in its canonical layout this one has more"
    raise SpecError([Diagnostic("E0003", message, source.span(0, 0), help="part it into files, which a `use` brings together")])


# --- files ------------------------------------------------------------------------------------------------------------


def whole(file: syntax.File) -> Piece:
    """A file: its lines are its parts."""
    parts = [*map(use, file.uses), *map(definition, file.definitions), *map(expression, filter(None, [file.expression]))]
    for part in parts:
        part.spaced = blank_above(file.source.text, part.start)
    end = len(file.source.text) + 1
    return Piece(0, 0, end, "", parts=parts, close=end)


def use(node: syntax.Use) -> Piece:
    return leaf(node, f'use "{node.path}"')


def definition(node: syntax.Definition) -> Piece:
    parameters = f"({', '.join(parameter.text for parameter in node.parameters)})" if node.parameters else ""
    head, parts = f"{node.name}{parameters} =", alternatives(node.value)
    return Piece(node.span.start, node.name_span.end, node.span.end, f"{head} {joined(parts)}", head, parts)


def expression(node: syntax.Axis) -> Piece:
    return run(alternatives(node), 0)


def file_lines(root: Piece) -> Iterator[Line]:
    """The lines of a file, with the blank lines that it had."""
    for block in blocks(root.parts):
        width = max(len(part.head) for part in block)
        for part in block:
            yield from comment_lines(part.above)
            yield from [Line("")] * part.spaced
            yield from lines(widened(part, width), behind=part.behind)
    yield from comment_lines(root.below)


def comment_lines(comments: Iterable[Comment]) -> Iterator[Line]:
    for comment in comments:
        yield from [Line("")] * comment.spaced
        yield Line(comment.text)


def blocks(parts: Sequence[Piece]) -> Iterator[list[Piece]]:
    """Definitions of one line that directly follow each other; everything else is a block of its own."""
    block: list[Piece] = []
    for part in parts:
        follows = bool(block) and one_line(block[-1]) and one_line(part) and not (part.spaced or part.above)
        if block and not follows:
            yield block
            block = []
        block.append(part)
    if block:
        yield block


def one_line(part: Piece) -> bool:
    return part.head.endswith("=") and fits(part)


def widened(part: Piece, width: int) -> Piece:
    """A definition with its `=` moved to that column, where there is room."""
    if not one_line(part):
        return part
    wide = replace(part, flat=part.head[:-1].ljust(width - 1) + part.flat[len(part.head) - 1 :])
    return wide if fits(wide) else part


# --- things in sequence, alternatives, branches -----------------------------------------------------------------------


def alternatives(node: syntax.Axis) -> Sequence[Piece]:
    """The parts of an axis: its options, or the items of its only one."""
    options = [separated(map(item, option.items)) for option in node.options]
    if len(options) == 1:
        return options[0]
    first, *others = (run(option, 0) for option in options)
    for other in others:
        other.lead = "| "
    return first, *others


def separated(pieces: Iterable[Piece], separator: str = ",") -> list[Piece]:
    parted = list(pieces)
    for piece in parted[:-1]:
        piece.after = separator
    return parted


def run(parts: Sequence[Piece], hang: int) -> Piece:
    """Several parts as one, without brackets."""
    first, last = parts[0], parts[-1]
    return first if len(parts) == 1 else Piece(first.start, first.inside, last.end, joined(parts), parts=parts, hang=hang)


def branches(written: Sequence[Sequence[syntax.Argument]]) -> list[Piece]:
    """The parts of a call: its arguments; or its branches, and the keywords behind the last of them."""
    *others, last = written
    if not others:
        return separated(map(argument, last))
    keywords = list(takewhile(lambda given: given.keyword is not None, reversed(last)))[::-1]
    own = [last[: len(last) - len(keywords)]] if len(keywords) < len(last) else []
    parts = separated((run(separated(map(argument, branch)), INDENT) for branch in [*others, *own]), ";")
    if keywords:
        parts[-1].after = "," if own else ";"
    return parts + separated(map(argument, keywords))


def argument(node: syntax.Argument) -> Piece:
    return item(node.value, node, f"{node.keyword}=" if node.keyword else "")


# --- items ------------------------------------------------------------------------------------------------------------


def item(node: syntax.Item, written: syntax.Node | None = None, before: str = "") -> Piece:
    """One thing: what stands before its brackets belongs to their line, and what stands behind them too."""
    head, core, tail = unwrapped(node)
    piece = CORES[type(core)](core)
    if head.endswith("x ") and piece.flat.startswith("<"):
        head = head[:-1]
    return around(piece, (written or node).span, before + head, tail)


def unwrapped(node: syntax.Item) -> tuple[str, syntax.Item, str]:
    """`@remat(full) 4x `, the thing itself, and `*250`. Without a recursion for each: they are as many as one likes."""
    heads, tails = [], []
    while isinstance(node, syntax.Annotated | syntax.Times):
        heads.append(PREFIXES[type(node)](node))
        node = node.body
    while isinstance(node, syntax.Stack):
        tails.append(f"*{number(node.count)}")
        node = node.body
    return "".join(heads), node, "".join(reversed(tails))


def around(piece: Piece, span: Span, head: str, tail: str) -> Piece:
    flat = head + piece.flat + tail
    return replace(piece, start=span.start, end=span.end, flat=flat, head=head + piece.head, tail=piece.tail + tail)


def annotation(node: syntax.Annotated) -> str:
    return f"@{node.name}({joined(branches(node.arguments))}) "


def times(node: syntax.Times) -> str:
    return f"{number(node.count)}x "


def leaf(node: syntax.Node, text: str) -> Piece:
    return Piece(node.span.start, node.span.end, node.span.end, text)


def bracketed(node: syntax.Node, inside: int, head: str, parts: Sequence[Piece], tail: str) -> Piece:
    flat = head + joined(parts) + tail
    return Piece(node.span.start, inside, node.span.end, flat, head, parts, tail, close=node.span.end)


def group(node: syntax.Group) -> Piece:
    opening, closing = "<>" if node.unit else "()"
    return bracketed(node, node.span.start, opening, alternatives(node.body), closing)


def numbers(node: syntax.List) -> Piece:
    return bracketed(node, node.span.start, "[", separated(leaf(each, number(each)) for each in node.items), "]")


def call(node: syntax.Call) -> Piece:
    name = node.name + (number(node.glued) if node.glued else "")
    if node.branches is None:
        return leaf(node, name)
    inside = (node.glued.span if node.glued else node.name_span).end
    return bracketed(node, inside, f"{name}(", branches(node.branches), ")")


def alone(node: syntax.Number | syntax.Splice) -> Piece:
    return leaf(node, number(node))


PREFIXES: dict[type[syntax.Node], Callable[[Any], str]] = {syntax.Annotated: annotation, syntax.Times: times}
CORES: dict[type[syntax.Node], Callable[[Any], Piece]] = {
    syntax.Call: call,
    syntax.Group: group,
    syntax.List: numbers,
    syntax.Number: alone,
    syntax.Splice: alone,
}


# --- numbers ----------------------------------------------------------------------------------------------------------


def number(node: syntax.Number | syntax.Splice) -> str:
    return node.text if isinstance(node, syntax.Number) else f"{{{arithmetic(node.value)}}}"


BINDS = {"+": 0, "-": 0, "*": 1, "/": 1}
SPACED = {"+": " + ", "-": " - ", "*": "*", "/": "/"}


def arithmetic(node: syntax.Arithmetic) -> str:
    """Arithmetic with the brackets that its tree needs. Those on the left all open in front: no recursion for each term."""
    terms: list[syntax.Binary] = []
    while isinstance(node, syntax.Binary):
        terms.append(node)
        node = node.left
    words, opened, bound = [operand(node)], 0, 1
    for term in reversed(terms):
        if BINDS[term.operator] > bound:
            words.append(")")
            opened += 1
        bound = BINDS[term.operator]
        words += (SPACED[term.operator], operand(term.right, bound))
    return "(" * opened + "".join(words)


def operand(node: syntax.Arithmetic, bound: int = 1) -> str:
    """What stands behind an operator or a sign, in brackets where it does not bind more tightly."""
    signs = 0
    while isinstance(node, syntax.Negative):
        node, signs, bound = node.operand, signs + 1, 1
    return "-" * signs + PRIMARIES[type(node)](node, bound)


def binary(node: syntax.Binary, bound: int) -> str:
    return arithmetic(node) if BINDS[node.operator] > bound else f"({arithmetic(node)})"


PRIMARIES: dict[type[syntax.Node], Callable[[Any, int], str]] = {
    syntax.Number: lambda node, bound: node.text,
    syntax.Variable: lambda node, bound: node.name,
    syntax.Binary: binary,
}
