"""Passes change how a network is written, never what it computes: before and after, in cases and as laws."""

from __future__ import annotations

import doctest
from collections.abc import Callable
from types import ModuleType
from typing import Any

import cases
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from written_out import written_out

import archlang
from archlang import ir
from archlang.analysis.params import dense_layers, num_params
from archlang.infer import output_type
from archlang.passes import canonicalize as canonicalize_module
from archlang.passes import roll as roll_module
from archlang.passes import runs as runs_module
from archlang.passes.canonicalize import canonicalize
from archlang.passes.roll import roll
from archlang.passes.runs import MAX_PERIOD
from archlang.spec import check_network
from archlang.testing import Sizes, networks
from archlang.types import Type
from archlang.unparse import unparse

CASES = cases.read("passes")
PASSES: dict[str, Callable[[ir.Expression, Type], ir.Expression]] = {
    "canonicalize": lambda body, x: canonicalize(body),
    "roll": lambda body, x: roll(canonicalize(body), x),
}
Drawn = tuple[ir.Network, int]


def body_of(text: str) -> Any:
    return archlang.parse(text).networks["network"].body


# --- before and after -------------------------------------------------------------------------------------------------


def after(case: cases.Case) -> str:
    name, width = case.header.split()[0], case.options.get("in")
    return unparse(PASSES[name](body_of(case.program), Type.of_input(int(width) if width else None)))


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_what_a_pass_makes_of_a_network(case: cases.Case) -> None:
    assert after(case) == case.expected


@pytest.mark.parametrize("module", [canonicalize_module, roll_module, runs_module], ids=lambda module: module.__name__)
def test_the_examples_of_the_passes(module: ModuleType) -> None:
    failed, attempted = doctest.testmod(module)
    assert attempted
    assert not failed


def test_spans_are_those_of_what_stays() -> None:
    text = "dense8, 1x (ln), (id, rms), dense8*2*3, swish, rms"
    items = canonicalize(body_of(text)).items
    assert [item.span.text for item in items] == ["dense8", "(ln)", "rms", "dense8*2*3", "swish", "rms"]
    run = roll(body_of("relu, dense8, ln, dense8, ln, dense8, ln"), Type(8)).items[1]
    assert run.span.text == "dense8, ln, dense8, ln, dense8, ln"
    assert run.body.span.text == "dense8, ln"


def test_a_network_keeps_its_name_and_its_class() -> None:
    network = archlang.parse("net = 1x ln, id").networks["net"]
    assert canonicalize(network) == archlang.Network(name="net", body=body_of("ln"))
    assert type(canonicalize(network)) is type(roll(network, Type(8))) is archlang.Network


# --- what a network is, whatever its form -----------------------------------------------------------------------------


def applied(node: ir.Node) -> tuple[Any, ...]:
    """Everything that a network applies, in order, each copy for itself: equal for networks that compute the same."""
    if isinstance(node, ir.Layer):
        return () if node.name == "id" else ((node.name, node.arguments),)
    if isinstance(node, ir.Repeat):
        return applied(node.body) * node.count
    if isinstance(node, ir.Residual):
        post = () if node.post is None else applied(node.post)
        return (("residual", applied(node.body), 1.0 if node.scale is None else node.scale, node.gate, post),)
    if isinstance(node, ir.Cast):
        body = applied(node.body)
        within = len(body) == 1 and body[0][:2] == ("cast", node.dtype)
        return body if within else (("cast", node.dtype, body),)
    branches = tuple(map(applied, ir.children(node)))
    if isinstance(node, ir.Parallel) and len(branches) > 1:
        return (("parallel", node.join, branches),)
    return tuple(part for branch in branches for part in branch)


def facts(node: ir.Node, x: Type) -> tuple[Any, ...]:
    return applied(node), num_params(node, x), output_type(node, x), dense_layers(node)


def inside(node: ir.Node) -> list[ir.Node]:
    return [node, *(found for child in ir.children(node) for found in inside(child))]


def is_written_twice(node: ir.Node) -> bool:
    """Whether a node has a shorter form."""
    bodies = ir.children(node)
    if isinstance(node, ir.Sequence):
        return len(bodies) < 2 or any(isinstance(item, ir.Sequence) or item == ir.Layer(name="id") for item in bodies)
    if isinstance(node, ir.Repeat):
        inner, plain = node.body, node.remat is None and node.unroll is None
        again = isinstance(inner, ir.Repeat) and inner.stacked == node.stacked
        return inner == ir.Layer(name="id") or (plain and (node.count == 1 or again))
    if isinstance(node, ir.Residual):
        return node.scale == 1.0 or node.post == ir.Layer(name="id")
    return isinstance(node, ir.Parallel) and len(bodies) == 1


def annotated(node: ir.Node) -> list[tuple[Any, Any]]:
    """Of the stacks that do something, in order."""
    stacks = [found for found in inside(node) if isinstance(found, ir.Repeat) and found.stacked and applied(found)]
    return [(stack.remat, stack.unroll) for stack in stacks if stack.remat is not None or stack.unroll is not None]


@settings(max_examples=300)
@given(networks(Sizes(max_width=16, casts=True, heads=True)))
def test_the_canonical_form_is_the_same_network(drawn: Drawn) -> None:
    network, width = drawn
    canonical = canonicalize(network)
    assert facts(canonical, Type.of_input(width)) == facts(network, Type.of_input(width))
    assert annotated(canonical) == annotated(network)


@pytest.mark.slow
@settings(max_examples=300)
@given(networks(Sizes(max_width=16, casts=True, heads=True)))
def test_there_is_one_canonical_form(drawn: Drawn) -> None:
    canonical = canonicalize(drawn[0])
    assert not [unparse(node) for node in inside(canonical) if is_written_twice(node)]
    again = canonicalize(canonical)
    assert again is canonical
    assert canonicalize(in_brackets(drawn[0])) == canonical


def in_brackets(node: Any) -> Any:
    """The same network with everything in it written longer."""
    if isinstance(node, ir.Sequence):
        return ir.Sequence(items=tuple(ir.Sequence(items=(in_brackets(item),)) for item in node.items))
    names = {name: in_brackets(value) for name, value in vars(node).items() if isinstance(value, ir.Node)}
    longer = node.model_copy(update=names)
    if isinstance(node, ir.Network):
        return longer
    return ir.Sequence(items=(ir.Layer(name="id"), ir.Repeat(body=longer, count=1, stacked=True)))


# --- rolling ----------------------------------------------------------------------------------------------------------


@pytest.mark.slow
@settings(max_examples=300)
@given(written_out(Sizes(max_width=16, casts=True)), st.booleans())
def test_a_rolled_network_is_the_same_network(drawn: Drawn, known: bool) -> None:
    network, width = drawn
    x = Type.of_input(width)
    given = x if known else Type()
    rolled = roll(network, given)
    assert facts(rolled, x) == facts(network, x)
    check_network(rolled, width)
    assert set(annotated(rolled)) == set(annotated(network))
    assert canonicalize(rolled) == rolled
    assert roll(rolled, given) == rolled


@pytest.mark.parametrize("width", [256, None])
def test_written_out_blocks_are_one_stack(width: int | None) -> None:
    block = "res(4x<dense256, ln, swish>)"
    rolled = roll(body_of(", ".join(["dense256", *[block] * 250])), Type.of_input(width))
    assert unparse(rolled) == f"dense256, {block}*250"


def test_the_longest_pattern_that_is_found() -> None:
    for length, count in ((MAX_PERIOD, 1), (MAX_PERIOD + 1, 35)):
        widths = [*range(1, length), 8] * 2
        rolled = roll(body_of(", ".join(f"dense{width}" for width in widths)), Type(8))
        assert len(inside(rolled)) == (length + 2 if count == 1 else count)


def test_counts_stay_below_their_limit() -> None:
    half = 2**62
    assert unparse(roll(body_of(f"dense8*{half}, dense8*{half - 2}, dense8"), Type(8))) == f"dense8*{2 * half - 1}"
    for text in (
        f"dense8*{half}, dense8*{half}",
        f"dense8*{half}, dense8*{half - 1}, dense8",
        f"(ln*{half // 4}, ln*{half // 4})*5",
    ):
        assert unparse(roll(body_of(text), Type(8))) == text
    most = ir.Repeat(body=body_of("ln"), count=2 * half - 1, stacked=True)
    assert canonicalize(ir.Repeat(body=most, count=2, stacked=True)) == ir.Repeat(body=most, count=2, stacked=True)


ROWS = {
    "one layer": ["dense8"] * 10_000,
    "a unit": ["dense8", "ln", "swish"] * 3333,
    "patterns that are too long": [f"dense{i % 17 + 1}" for i in range(9000)],
    "patterns in patterns": ["dense8", "dense8", "ln"] * 3000,
    "hardly any": [f"dense{i * i % 8 + 1}" for i in range(9000)],
}


@pytest.mark.slow
@pytest.mark.timeout(60)  # anything quadratic takes minutes
@pytest.mark.parametrize("row", ROWS.values(), ids=ROWS)
def test_long_rows(row: list[str]) -> None:
    layers = {text: body_of(text) for text in row}
    network = ir.Sequence(items=tuple(layers[text] for text in row))
    assert applied(roll(network, Type(8))) == applied(network)


def update() -> None:
    """Write what the passes give now."""
    cases.write("passes", [(case, case.header, after(case)) for case in CASES])


if __name__ == "__main__":
    update()
