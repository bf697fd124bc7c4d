"""Networks as a page: a tree of balanced tags, each stack once, with archlang's own numbers."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import given, settings

import archlang
from archlang import ir
from archlang.analysis.params import num_params
from archlang.html import html
from archlang.infer import output_type
from archlang.passes.rewrite import map_children
from archlang.testing import Sizes, networks
from archlang.types import Type


@dataclass
class Row:
    """A row of the page: label, types, parameters; and the rows below it."""

    cells: list[str] = field(default_factory=list)
    below: list[Row] = field(default_factory=list)

    @property
    def rows(self) -> list[Row]:
        return [self, *(row for below in self.below for row in below.rows)]

    @property
    def params(self) -> int:
        return int(self.cells[2].split()[0].replace(",", ""))

    def counted(self) -> int:
        """The parameters of the rows below, as often as this one says, and of a gate."""
        label, inside = self.cells[0], sum(row.params for row in self.below)
        apart = label.startswith("copies") and self.below[0].cells[0].startswith("×")
        width = int(self.cells[1].split("[")[1].split("]")[0])
        gate = width * (width + 1) if "gate=" in label else 0
        return inside * int(label.split("×")[1].split(",")[0]) if "×" in label and not apart else inside + gate


class Page(HTMLParser):
    """Reads a page; every tag must be closed where it was opened."""

    def __init__(self, text: str):
        super().__init__()
        self.tags: list[str] = []
        self.top = Row(["page"])
        self.rows = [self.top]
        self.feed(text)
        self.close()
        assert self.tags == []

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.tags.append(tag)
        if tag in ("div", "details"):
            self.rows[-1].below.append(Row())
            self.rows.append(self.rows[-1].below[-1])

    def handle_endtag(self, tag: str) -> None:
        assert self.tags.pop() == tag
        if tag in ("div", "details"):
            self.rows.pop()

    def handle_data(self, data: str) -> None:
        if self.tags[-1] in ("code", "span", "b"):
            self.rows[-1].cells.append(data)
        else:
            assert self.tags[-1] == "style" or not data.strip()


def page_of(text: str, width: int | None) -> list[Row]:
    networks = archlang.parse(text).networks
    return Page(html(networks, dict.fromkeys(networks, width))).top.below


def tree_of(text: str, width: int | None) -> Any:
    """Of the only network: each row's cells in one text, with the rows below it."""

    def plain(row: Row) -> Any:
        line = " | ".join(row.cells)
        return (line, [plain(inner) for inner in row.below]) if row.below else line

    (row,) = page_of(text, width)
    return plain(row)


def test_the_paper_s_thousand_layers() -> None:
    unit = ["dense256 | f32[256] | 65,792", "ln | f32[256] | 512", "swish | f32[256] | 0"]
    block = ("res | f32[256] | 265,216", [("copies ×4 | f32[256] | 265,216", unit)])
    stack = ("stack ×250 | f32[256] | 66,304,000", [block])
    head = "network | f32[256] | 66,304,000 parameters, 1,000 dense layers"
    assert tree_of("res(4x<dense256,ln,swish>)*250", 256) == (head, [stack])


def test_everything_that_can_be_inside() -> None:
    text = """
        3x <dense8>, (crelu, id),
        par(dense4; ln, dense(4, bias=false), join=concat),
        @remat(full) @unroll(2) res(@dtype(bf16) ln, scale=0.1, gate=highway, post=<ln, rms>)*2, gaussian2
    """
    assert tree_of(text, 3) == (
        "network | f32[3] → gaussian f32[2] | 600 parameters, 5 dense layers",
        [
            (
                "copies ×3 | f32[3] → f32[8] | 176",
                [
                    ("×1 | f32[3] → f32[8] | 32", ["dense8 | f32[3] → f32[8] | 32"]),
                    ("×2 | f32[8] | 144", ["dense8 | f32[8] | 72"]),
                ],
            ),
            ("sequence | f32[8] → f32[16] | 0", ["crelu | f32[8] → f32[16] | 0", "id | f32[16] | 0"]),
            (
                "par, concat | f32[16] → f32[8] | 164",
                [
                    "dense4 | f32[16] → f32[4] | 68",
                    ("sequence | f32[16] → f32[4] | 96", ["ln | f32[16] | 32", "dense(4, bias=false) | f32[16] → f32[4] | 64"]),
                ],
            ),
            (
                "stack ×2, remat full, unroll 2 | f32[8] | 224",
                [
                    (
                        "res, scale=0.1, gate=highway | f32[8] | 112",
                        [
                            ("in bf16 | f32[8] | 16", ["ln | bf16[8] | 16"]),
                            ("post: sequence | f32[8] | 24", ["ln | f32[8] | 16", "rms | f32[8] | 8"]),
                        ],
                    )
                ],
            ),
            "gaussian2 | f32[8] → gaussian f32[2] | 36",
        ],
    )


def test_what_depends_on_an_unknown_width_is_a_question_mark() -> None:
    assert tree_of("ln, dense8, dense2", None) == (
        "network | f32[?] → f32[2] | ? parameters, 2 dense layers",
        ["ln | f32[?] | ?", "dense8 | f32[?] → f32[8] | ?", "dense2 | f32[8] → f32[2] | 18"],
    )
    assert page_of("2x dense8", None)[0].below[0].below[0].cells == ["×1", "f32[?] → f32[8]", "?"]


def test_what_depends_on_an_unknown_action_is_a_question_mark() -> None:
    assert tree_of("dense8, par(ln; gaussian)", 3) == (
        "network | f32[3] → f32[8] | ? parameters, 1 dense layer",
        [
            "dense8 | f32[3] → f32[8] | 32",
            ("par, sum | f32[8] | ?", ["ln | f32[8] | 16", "gaussian | f32[8] → gaussian f32[?] | ?"]),
        ],
    )
    assert tree_of("gaussian2", 3) == (
        "network | f32[3] → gaussian f32[2] | 16 parameters, 0 dense layers",
        ["gaussian2 | f32[3] → gaussian f32[2] | 16"],
    )


def test_every_network_has_its_input() -> None:
    spec = archlang.parse("one = dense8\nother = ln, one\nlast = rms")
    page = Page(html(spec.networks, {"other": 4}))
    assert [row.cells[:2] for row in page.top.below] == [["other", "f32[4] → f32[8]"], ["last", "f32[?]"]]
    assert Page(html({}, {})).top.below == []


@pytest.mark.parametrize("name", ["<script>alert(1)</script>", "a & b", '"quoted"', "</details>"])
def test_names_are_text(name: str) -> None:
    text = html({name: ir.Network(name=name, body=ir.Layer(name="ln"))}, {})
    assert Page(text).top.below[0].cells[0] == name
    assert "<script" not in text


def test_a_page_is_as_small_as_its_text() -> None:
    networks = archlang.parse("res(4x<dense256,ln,swish>)*9000000").networks
    assert len(html(networks, {"network": 256})) < 2000


@pytest.mark.slow
@settings(max_examples=200)
@given(networks(Sizes(casts=True, heads=True)))
def test_every_row_has_the_numbers_of_its_node(drawn: tuple[ir.Network, int]) -> None:
    network, width = drawn
    x = Type.of_input(width)
    (top,) = Page(html({"net": network}, {"net": width})).top.below
    assert top.cells[1].split(" → ") == list(dict.fromkeys((str(x), str(output_type(network.body, x)))))
    assert top.params == num_params(network.body, x)
    assert all(row.params == row.counted() for row in top.rows if row.below)


@pytest.mark.slow
@settings(max_examples=200)
@given(networks(Sizes(casts=True)))
def test_every_stack_is_drawn_once(drawn: tuple[ir.Network, int]) -> None:
    network = without_copies(drawn[0])  # whose copies may see different types, and are then drawn apart
    (top,) = Page(html({"net": network}, {"net": drawn[1]})).top.below
    counts = [node.count for node in inside(network) if isinstance(node, ir.Repeat)]
    assert [int(row.cells[0].split("×")[1].split(",")[0]) for row in top.rows if "×" in row.cells[0]] == counts


def without_copies(node: ir.Node) -> Any:
    made = map_children(node, without_copies)
    return made.model_copy(update={"stacked": True}) if isinstance(made, ir.Repeat) else made


def inside(node: ir.Node) -> list[ir.Node]:
    return [node, *(found for child in ir.children(node) for found in inside(child))]
