"""Layout: programs with their canonical layout stand in tests/cases/format; the laws hold for every text that can be read."""

from __future__ import annotations

import doctest
import re
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from random import Random
from typing import Any

import cases
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import archlang
from archlang import resources, syntax
from archlang.format import format
from archlang.limits import MAX_FILE_BYTES, MAX_NESTING
from archlang.parse import parse
from archlang.source import Source, Span
from archlang.testing import networks
from archlang.unparse import unparse

CASES = cases.read("format")
SHIPPED = [Path(str(resources.spec_path(name))) for name in resources.spec_names()]
COLUMNS = 100


# --- programs ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_a_program_has_its_canonical_layout(case: cases.Case) -> None:
    assert format(case.program) == f"{case.expected}\n"


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_the_laws_hold_for_the_programs(case: cases.Case) -> None:
    assert_laws(case.program)


@pytest.mark.parametrize("path", SHIPPED, ids=resources.spec_names())
def test_shipped_specs_are_in_canonical_layout(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert format(text) == text


@pytest.mark.parametrize("path", SHIPPED, ids=resources.spec_names())
def test_a_spec_that_was_squeezed_is_laid_out_again(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    code = re.sub(r"#.*", "", text)
    squeezed = re.sub(r"[ \t]*([=,|+*/-])[ \t]*", r"\1", code)
    assert squeezed != code
    assert format(squeezed) == format(code)


def test_the_example_in_the_docstring() -> None:
    assert doctest.testmod(import_module("archlang.format")) == (0, 1)


# --- what is refused --------------------------------------------------------------------------------------------------


def refused(text: str) -> list[str]:
    with pytest.raises(archlang.SpecError) as caught:
        format(text, "mine.arch")
    assert all(found.span and found.span.source.name == "mine.arch" for found in caught.value.diagnostics)
    return [f"{found.code} {found.span.line}" for found in caught.value.diagnostics if found.span]


def test_a_text_that_cannot_be_read_is_refused_with_all_its_mistakes() -> None:
    assert refused("a = ln,\nb = rms\nc = dense 4\n") == ["E0101 1", "E0101 3"]
    assert refused("(ln") == ["E0103 1"]
    assert refused("# nothing") == ["E0004 1"]


def test_a_layout_that_would_be_too_large_is_refused() -> None:
    text = "a = " + "ln," * 20_000 + "ln"
    assert len(text) < MAX_FILE_BYTES
    assert refused(text) == ["E0003 1"]


# --- long and deep ----------------------------------------------------------------------------------------------------

LARGE = {
    "groups": "(" * MAX_NESTING + "ln" + ")" * MAX_NESTING,
    "calls": "res(" * MAX_NESTING + "ln" + ")" * MAX_NESTING,
    "branches": "par(ln;dense4,ln;" * MAX_NESTING + "ln" + ",join=sum)" * MAX_NESTING,
    "commented groups": "(ln,#c\n" * MAX_NESTING + "ln" + ")#d\n*3" * MAX_NESTING,
    "annotations": "@a(" * MAX_NESTING + "ln" + ")ln" * MAX_NESTING,
    "keywords": "f(post=" * MAX_NESTING + "ln" + ")" * MAX_NESTING,
    "repeats": "1x" * 20_000 + "ln",
    "many annotations": "@dtype(bf16)" * 4000 + "ln",
    "stacks": "ln" + "*1" * 30_000,
    "sums": "dense{" + "1+" * 15_000 + "1}",
    "products": "dense{" + "1*" * 30_000 + "1}",
    "signs": "dense{" + "-" * 60_000 + "1}",
    "sums on the right": "dense{" + "1-(" * 46 + "a+1" + ")" * 46 + "}",
    "sums on the left": "dense{" + "(" * 46 + "1" + "+1)*2" * 46 + "}",
    "items": "net=" + "dense256," * 4000 + "ln",
    "definitions": "\n".join(f"a{i}=ln,rms#c" for i in range(2500)),
    "comments": "net=" + "ln,#c\n" * 4000 + "ln",
    "comments in one place": "net=4x" + "#!c\n" * 7_000 + "ln",
    "blank lines": "a=ln" + "\n" * 60_000 + "b=ln",
}


def test_arithmetic_may_be_as_long_as_a_layout() -> None:
    assert format("dense{" + "1+" * 16_000 + "1}") == "dense{" + "1 + " * 16_000 + "1}\n"


@pytest.mark.timeout(60)
@pytest.mark.parametrize("text", LARGE.values(), ids=LARGE)
def test_no_text_is_too_long_or_too_deep(text: str) -> None:
    after = format(text)
    assert sorted(re.sub(r"\s", "", after)) == sorted(re.sub(r"\s", "", text))
    assert format(after) == after


# --- the laws ---------------------------------------------------------------------------------------------------------


def assert_laws(text: str) -> None:
    """The same tree and comments; lines that fit; the layout of a layout is the layout."""
    after = format(text)
    assert tree_of(after) == tree_of(text), after
    assert comments_of(after) == comments_of(text), after
    assert untidy(after) == [], after
    assert format(after) == after


def tree_of(text: str) -> Any:
    file = parse(Source(text))
    return shape((file.uses, file.definitions, file.expression))


def shape(value: Any) -> Any:
    """A surface tree without its spans."""
    if isinstance(value, syntax.Node):
        return type(value).__name__, *(shape(field) for field in vars(value).values() if not isinstance(field, Span))
    return tuple(map(shape, value)) if isinstance(value, tuple) else value


def comments_of(text: str) -> list[str]:
    found = re.findall(r'"[^"\n]*"|#[^\n]*', text)
    return [re.sub(r"^# (?=\w)", "#", comment.expandtabs(1).strip()) for comment in found if comment[0] == "#"]


def untidy(after: str) -> list[str]:
    """What no layout has: blanks at the end of a line, long lines that can be broken, blank lines where none belong."""
    codes = [re.sub(r"\s*#.*", "", line) for line in after.split("\n") if '"' not in line]
    odd = [line for line in after.split("\n") if line != line.rstrip() or "\t" in line]
    long = [code for code in codes if len(code) > COLUMNS and may_be_broken(code)]
    return odd + long + re.findall(r"\A\n|\n\n\n|\n\n\Z|[^\n]\Z", after)


def may_be_broken(code: str) -> bool:
    """Whether separators or both of two brackets stand on a line; those of arithmetic and annotations do not count."""
    rest = re.sub(r"\{[^{}]*\}|@\w+\([^()]*\)", "", code).lstrip(" |")
    return re.search(r"[,;|] |[(<\[].*[)>\]]| = ", rest) is not None


def test_the_laws_can_be_broken() -> None:
    assert tree_of("(a), b") != tree_of("a, b")
    assert tree_of("dense{a - (b - c)}") != tree_of("dense{a - b - c}")
    assert tree_of("f(k=3; b)") != tree_of("f(3; b)")
    assert tree_of("a = 3") == tree_of("\n a\t= # c\n 3")
    assert comments_of('use "a#b"#c\n# d') == ["#c", "#d"]
    assert len(untidy("\na \n\n\n\tb\n" + "c" * 98 + "(a)")) == 6


# --- texts ------------------------------------------------------------------------------------------------------------

Tokens = list[str]
WORDS = ("ln", "dense256", "x4", "dropout0.10", "e", "unit_with_a_name", "a_unit_with_a_name_that_is_rather_long")
NUMBERS = ("4", "0256", "0.10", "1e-3", "12345678")
HEADS = ("a =", "depth\t=", "  e=", "unit( w,n ) =", "trunk(w)=")
USES = ('use "a.arch"', 'use"b/c.arch"', ' use\t"d.arch" ')
GAPS = ("", "", " ", " ", "  ", "\t", "\n", "\r\n", "\n\n \n", " # c\n", "#!c\r\n", "\n# c d\n", "\n  #c\n\n#d\n")
ENDS = ("\n", "\n", "\r\n", "\n\n", " \n\n\n", "# c\n", "   #c  \n", "\n\n# c\n", "\n#c\n\n", "#c\n#d\n\n#--- e\n")


@dataclass(frozen=True)
class Writer:
    """Writes anything that the grammar allows, as tokens between which blanks, line breaks and comments may stand."""

    random: Random

    def parted(self, part: Callable[[int], Tokens], depth: int, separator: str, most: int) -> Tokens:
        """`a, b, c`: more of them where they nest less deeply."""
        parts = [part(depth) for _ in range(self.random.randint(1, max(1, min(most, depth + 2))))]
        return parts[0] + [token for other in parts[1:] for token in (separator, *other)]

    def axis(self, depth: int) -> Tokens:
        return self.parted(self.sequence, depth, "|", self.random.choice((1, 1, 3)))

    def sequence(self, depth: int) -> Tokens:
        return self.parted(self.item, depth, ",", 9)

    def item(self, depth: int) -> Tokens:
        annotated = self.random.random() < 0.1
        return (self.annotation() if annotated else []) + self.repeated(depth)

    def annotation(self) -> Tokens:
        return [self.random.choice(("@remat(", "@ unroll (")), self.random.choice(WORDS + NUMBERS), ")"]

    def repeated(self, depth: int) -> Tokens:
        times = [["4x"], ["12x"], ["{", *self.sum(2), "}x"], [], [], [], [], [], []]
        return self.random.choice(times) + self.stack(depth)

    def stack(self, depth: int) -> Tokens:
        counts = [["*", *self.count()], ["*", "2", "*", "-3"], [], [], [], [], []]
        return self.atom(depth) + self.random.choice(counts)

    def atom(self, depth: int) -> Tokens:
        shapes = (self.group, self.unit, self.call, self.glued_call) if depth and self.random.random() < 0.5 else (self.leaf,)
        return self.random.choice(shapes)(depth - 1)

    def leaf(self, depth: int) -> Tokens:
        word = [self.random.choice(WORDS)]
        return self.random.choice((word, word, word, self.count(), ["dense", *self.splice()], self.list(depth)))

    def group(self, depth: int) -> Tokens:
        return ["(", *self.axis(depth), ")"]

    def unit(self, depth: int) -> Tokens:
        return ["<", *self.sequence(depth), ">"]

    def call(self, depth: int) -> Tokens:
        return [self.random.choice(("res(", "par \t(")), *self.branches(depth), ")"]

    def glued_call(self, depth: int) -> Tokens:
        return ["dense", "{", *self.sum(2), "}(", *self.branches(depth), ")"]

    def branches(self, depth: int) -> Tokens:
        return self.parted(self.branch, depth, ";", self.random.choice((1, 1, 3)))

    def branch(self, depth: int) -> Tokens:
        return self.parted(self.argument, depth, ",", 6)

    def argument(self, depth: int) -> Tokens:
        keyword = self.random.choice(([], [], [], ["join", "="], ["e", "="]))
        return keyword + (["-3"] if self.random.random() < 0.1 else self.item(depth))

    def list(self, depth: int) -> Tokens:
        return ["[", *self.parted(lambda _: self.random.choice((self.count(), ["-3"])), 9, ",", 12), "]"]

    def count(self) -> Tokens:
        return self.splice() if self.random.random() < 0.3 else [self.random.choice(NUMBERS)]

    def splice(self) -> Tokens:
        return ["{", *self.sum(3), "}"]

    def sum(self, depth: int) -> Tokens:
        """Arithmetic: with `depth` 0 a number or a name."""
        if not depth or self.random.random() < 0.3:
            return [self.random.choice(("4", "depth", "e", "x"))]
        one, other = self.sum(depth - 1), self.sum(depth - 1)
        return self.random.choice(([*one, self.random.choice("+-*/"), *other], ["(", *one, ")"], ["-", *one]))

    def file(self) -> str:
        """Lines that bring files in, definitions or one network, with anything before and after each."""
        uses = [[self.random.choice(USES)] for _ in range(self.random.choice((0, 0, 1, 2)))]
        heads = [self.random.choice(HEADS) for _ in range(self.random.choice((0, 1, 2, 4)))]
        networks = [[head, *self.axis(self.random.randint(0, 3))] for head in heads] or [self.axis(3)]
        return self.random.choice(("", "\n", "# head\n\n", "\n\n#head\n")) + "".join(map(self.spread, uses + networks))

    def spread(self, tokens: Tokens) -> str:
        gaps = self.random.choice((GAPS, GAPS, (" ",), ("", " ", "\n"), (*(" ",) * 30, " # c\n", "\n#c\n")))
        return "".join(token + self.random.choice(gaps) for token in tokens[:-1]) + tokens[-1] + self.random.choice(ENDS)


def any_text(seed: int) -> str:
    return Writer(Random(seed)).file()


@pytest.mark.slow
@settings(max_examples=500)
@given(st.integers(0, 2**32).map(any_text))
def test_the_laws_hold_for_every_text(text: str) -> None:
    assert_laws(text)


@pytest.mark.parametrize("written", ["#c\n", "\n#c\n", " # c\n#d\n\n"])
@pytest.mark.parametrize("name", ["net =", ""])
def test_a_comment_may_stand_between_any_two_tokens(name: str, written: str) -> None:
    network = "@remat( full ) 4x par( dense { n + 1 }( 8 , bias = f ) ; ( a | b , c ) * 3 , join = s ) * { n }"
    tokens = f"{network} , < ln > , [ 2 , 3 ] | {{ n }}x ln".split(" ")
    for place in range(len(tokens) + 1):
        before, after = (" ".join(part) for part in (tokens[:place], tokens[place:]))
        assert_laws(f"{name} {before}{written}{after}")


@pytest.mark.slow
@settings(max_examples=200)
@given(networks())
def test_what_the_printer_prints_is_canonical(drawn: Any) -> None:
    text = unparse(drawn[0])
    (network,) = archlang.parse(format(text)).networks.values()
    assert network.body == archlang.parse(text).networks["network"].body
    assert len(text) > COLUMNS or format(text) == f"{text}\n"


# --- writing ----------------------------------------------------------------------------------------------------------


def update() -> None:
    """Write the layouts that the programs have now; read the difference before you commit it."""
    cases.write("format", [(case, case.header, format(case.program).strip("\n")) for case in CASES])


if __name__ == "__main__":
    update()
