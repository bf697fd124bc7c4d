"""Text → surface tree, by Lark (LALR). The only module that knows Lark.

The tree is built while parsing (Lark's `transformer=`), so deep texts cost no recursion. What is wrong with the text as a whole
(size, characters, brackets) is found before the grammar sees it; `mistakes.py` words what the grammar refuses.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextvars import ContextVar
from dataclasses import replace
from functools import cache
from typing import Any

from lark import Lark, Token, Transformer
from lark.exceptions import UnexpectedCharacters, UnexpectedToken

from archlang import brackets, characters, mistakes, resources, syntax
from archlang.diagnostics import MAX_SHOWN, Diagnostic, SpecError
from archlang.source import Source, Span

Child = Any  # a Token or something that the builder returned
PARSING: ContextVar[Source] = ContextVar("the source that is being parsed")


def parse(source: Source) -> syntax.File:
    """The surface tree of a text. A definition with a syntax mistake is left out and the rest is read on.

    Raises `SpecError` with located diagnostics where nothing is left, or where the text as a whole is not one.
    """
    characters.refuse_unreadable(source)
    text, found = characters.in_plain_letters(source)
    plain = replace(source, text=text)
    brackets.check(source, text, found)
    broken: set[str] = set()
    while isinstance(outcome := attempt(source, text, plain), Diagnostic):
        found.append(outcome)
        place = brackets.definition_at(text, outcome.span.start if outcome.span else 0)
        if place is None or len(found) >= MAX_SHOWN:
            raise SpecError(found)
        broken.add(re.findall(r"\w+", text[place])[0])
        text = blanked(text, place)
        if not characters.without_comments(text).strip():
            raise SpecError(found)
    return replace(outcome, mistakes=tuple(found), broken=frozenset(broken))


def attempt(source: Source, text: str, plain: Source) -> syntax.File | Diagnostic:
    """The tree of what is left of a source's text, or the first mistake in it. `plain` is the source in plain letters."""
    restore = PARSING.set(source)
    try:
        return parser().parse(text)  # type: ignore[return-value]  # the transformer returns a File, not a Tree
    except UnexpectedCharacters as error:
        return moved(mistakes.unexpected_character(plain, error.pos_in_stream), source)
    except UnexpectedToken as error:
        return moved(mistakes.unexpected_token(plain, refused(plain, error.token)), source)
    finally:
        PARSING.reset(restore)


def blanked(text: str, place: slice) -> str:
    """The text with blanks in a place; lines stay lines."""
    return text[: place.start] + re.sub(r"[^\n]", " ", text[place]) + text[place.stop :]


@cache
def parser() -> Lark:
    return Lark(resources.grammar(), parser="lalr", keep_all_tokens=True, transformer=TreeBuilder())


def refused(source: Source, token: Token) -> Span:
    """Where a refused token stands, without the bracket of a call; at the end of the text it is empty."""
    if token.type == "$END":
        return source.span(len(source.text), len(source.text))
    start = token.start_pos or 0
    return source.span(start, start + len(token.rstrip(" \t(") or token))


def moved(found: Diagnostic, source: Source) -> Diagnostic:
    """A diagnostic of a text with the same offsets, seen in the source."""
    edit = found.replacement and replace(found.replacement, span=replace(found.replacement.span, source=source))
    return replace(found, span=found.span and replace(found.span, source=source), replacement=edit)


def span_of(children: Sequence[Child]) -> Span:
    return edge(children[0]).to(edge(children[-1]))


def edge(child: Child) -> Span:
    if isinstance(child, Token):
        return PARSING.get().span(child.start_pos or 0, child.end_pos)
    return child.span


def word(token: Token) -> tuple[str, Span]:
    """The name inside a token such as `  name =`, `name(` or `@name(`, and where it stands."""
    name = token.strip(" \t=(@")
    start = (token.start_pos or 0) + token.index(name)
    return name, PARSING.get().span(start, start + len(name))


def words(token: Token) -> list[syntax.Name]:
    """The names inside a token such as `unit(w, n) =`."""
    start, source = token.start_pos or 0, PARSING.get()
    found = re.finditer(r"\w+", token)
    return [syntax.Name(source.span(start + match.start(), start + match.end()), match.group()) for match in found]


class TreeBuilder(Transformer[Token, syntax.File]):
    """One method per rule or alias of the grammar, each a constructor of a syntax node. Children include punctuation."""

    def start(self, children: list[Child]) -> syntax.File:
        source = PARSING.get()
        uses = tuple(child for child in children if isinstance(child, syntax.Use))
        definitions = tuple(child for child in children if isinstance(child, syntax.Definition))
        expression = children[-1] if isinstance(children[-1], syntax.Axis) else None
        return syntax.File(source.span(), source, uses, definitions, expression)

    def use(self, children: list[Child]) -> syntax.Use:
        token: Token = children[0]
        start = (token.start_pos or 0) + token.index('"')
        return syntax.Use(PARSING.get().span(start, token.end_pos), token.split('"')[1])

    def definition(self, children: list[Child]) -> syntax.Definition:
        first, *parameters = words(children[0])
        span = first.span.to(edge(children[-1]))
        return syntax.Definition(span, first.text, first.span, children[1], tuple(parameters))

    def axis(self, children: list[Child]) -> syntax.Axis:
        return syntax.Axis(span_of(children), tuple(children[::2]))

    def sequence(self, children: list[Child]) -> syntax.Sequence:
        return syntax.Sequence(span_of(children), tuple(children[::2]))

    def annotated(self, children: list[Child]) -> syntax.Annotated:
        name, name_span = word(children[0])
        return syntax.Annotated(span_of(children), name, name_span, children[1], children[3])

    def times(self, children: list[Child]) -> syntax.Times:
        written = edge(children[0])
        count = syntax.Number(written.source.span(written.start, written.end - 1), children[0][:-1])
        return syntax.Times(span_of(children), count, children[1])

    def times_splice(self, children: list[Child]) -> syntax.Times:
        return syntax.Times(span_of(children), syntax.Splice(span_of(children[:3]), children[1]), children[3])

    def stack(self, children: list[Child]) -> syntax.Stack:
        return syntax.Stack(span_of(children), children[0], children[2])

    def group(self, children: list[Child]) -> syntax.Group:
        unit = children[0] == "<"
        body = syntax.Axis(children[1].span, (children[1],)) if unit else children[1]
        return syntax.Group(span_of(children), body, unit)

    def list(self, children: list[Child]) -> syntax.List:
        return syntax.List(span_of(children), tuple(children[1::2]))

    def name(self, children: list[Child]) -> syntax.Call:
        return syntax.Call(span_of(children), str(children[0]), edge(children[0]))

    def call(self, children: list[Child]) -> syntax.Call:
        name, name_span = word(children[0])
        return syntax.Call(span_of(children), name, name_span, branches=children[1])

    def glued(self, children: list[Child]) -> syntax.Call:
        splice = syntax.Splice(span_of(children[1:4]), children[2])
        return syntax.Call(span_of(children), str(children[0]), edge(children[0]), splice)

    def glued_call(self, children: list[Child]) -> syntax.Call:
        splice = syntax.Splice(span_of(children[1:3]), children[2])
        return syntax.Call(span_of(children), str(children[0]), edge(children[0]), splice, children[4])

    def branches(self, children: list[Child]) -> tuple[tuple[syntax.Argument, ...], ...]:
        return tuple(children[::2])

    def branch(self, children: list[Child]) -> tuple[syntax.Argument, ...]:
        return tuple(children[::2])

    def argument(self, children: list[Child]) -> syntax.Argument:
        return syntax.Argument(span_of(children), children[0])

    def keyword(self, children: list[Child]) -> syntax.Argument:
        return syntax.Argument(span_of(children), children[2], str(children[0]), edge(children[0]))

    def number(self, children: list[Child]) -> syntax.Number:
        return syntax.Number(span_of(children), str(children[0]))

    negative_number = number

    def splice(self, children: list[Child]) -> syntax.Splice:
        return syntax.Splice(span_of(children), children[1])

    def variable(self, children: list[Child]) -> syntax.Variable:
        return syntax.Variable(span_of(children), str(children[0]))

    def negative(self, children: list[Child]) -> syntax.Negative:
        return syntax.Negative(span_of(children), children[1])

    def binary(self, children: list[Child]) -> syntax.Binary:
        return syntax.Binary(span_of(children), str(children[1]), children[0], children[2])

    def parenthesized(self, children: list[Child]) -> syntax.Arithmetic:
        return children[1]
