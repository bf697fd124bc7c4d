"""Laws over drawn networks, texts and mutations. Each holds for thousands of examples; the quick ones draw a few hundred.

`benchmarks/soak.py` draws others, at random.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from random import Random
from typing import Any

import cases
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import archlang
from archlang import Diagnostic, ir, resources, syntax
from archlang.analysis.params import num_params
from archlang.diagnostics import as_json, render
from archlang.format import format
from archlang.infer import output_type
from archlang.passes.canonicalize import canonicalize
from archlang.pipeline import tree, whole
from archlang.source import Source, Span
from archlang.testing import Sizes, Text, mutations, networks, texts
from archlang.testing.texts import with_copies
from archlang.types import Type
from archlang.unparse import unparse

# --- networks ---------------------------------------------------------------------------------------------------------


def is_its_text(network: ir.Network) -> None:
    text = unparse(network)
    ((_, read),) = meanings(text)[0].items()
    assert read == network.body
    assert read.model_dump_json() == network.body.model_dump_json()  # with the annotations, which equality leaves out
    assert unparse(read) == text


def is_its_json(network: ir.Network) -> None:
    again = ir.Network.model_validate_json(network.model_dump_json())
    assert again == network == archlang.Network(name=network.name, body=network.body)
    assert ir.content_hash(again) == ir.content_hash(network)
    assert again.model_dump_json() == network.model_dump_json()


def has_a_canonical_form(network: ir.Network, x: Type) -> None:
    canonical = canonicalize(network)
    assert canonicalize(canonical) == canonical
    assert output_type(canonical, x) == output_type(network, x)
    assert num_params(canonical, x) == num_params(network, x)


def a_network_of_any_size_is_its_json(drawn: tuple[ir.Network, int]) -> None:
    is_its_json(drawn[0])


def the_closed_form_counts_what_the_module_has(drawn: tuple[ir.Network, int]) -> None:
    import jax
    from flax import nnx

    from archlang.lower import build

    network, width = drawn
    module = nnx.eval_shape(lambda: build(network, width, rngs=nnx.Rngs(0)))
    counted = sum(leaf.size for leaf in jax.tree.leaves(nnx.state(module, nnx.Param)))
    assert num_params(network, Type.of_input(width)) == counted


# --- texts ------------------------------------------------------------------------------------------------------------

Meaning = dict[str, ir.Expression]
Inputs = dict[str, Any]  # what a text is checked with


def a_text_means_what_was_drawn(drawn: Text) -> None:
    """In any layout, at every point of its grid; and what was drawn is its own text and its own JSON."""
    inputs = Inputs(in_features=drawn.in_features)
    found = meanings(drawn.text, **inputs)
    assert found[0] == drawn.networks
    assert exact(found[0]) == exact(drawn.networks)
    assert list(map(exact, meanings_when_formatted(drawn.text, **inputs))) == list(map(exact, found))
    *_, body = drawn.networks.values()
    network = ir.Network(name="network", body=body)
    is_its_text(network)
    is_its_json(network)
    has_a_canonical_form(network, Type.of_input(drawn.in_features))


def meanings(text: str, **inputs: Any) -> list[Meaning]:
    """The networks at every point of the grid, checked with these inputs."""
    reports = [report for _, report in archlang.expand(whole(tree(Source(text))), **inputs)]
    for report in reports:
        assert all(found.severity == "warning" for found in report.diagnostics), render(report.diagnostics)
    return [{name: found.network.body for name, found in report.networks.items()} for report in reports]


def meanings_when_formatted(text: str, **inputs: Any) -> list[Meaning]:
    formatted = format(text)
    assert format(formatted) == formatted
    return meanings(formatted, **inputs)


def exact(networks: Mapping[str, ir.Expression]) -> dict[str, str]:
    """Networks as JSON: with the annotations, which equality leaves out."""
    return {name: body.model_dump_json() for name, body in networks.items()}


# --- mutations --------------------------------------------------------------------------------------------------------


def width_of(case: cases.Case) -> Inputs:
    return {"in_features": int(case.options["in"])} if "in" in case.options else {}


HUMANOID = archlang.Environment("humanoid", state_dim=268, goal_dim=3, action_dim=17)
SEEDS: st.SearchStrategy[tuple[str, Inputs]] = st.one_of(
    st.sampled_from([(case.program, width_of(case)) for case in cases.read("invalid")]),
    st.sampled_from([(archlang.load(name).text, {"env": HUMANOID}) for name in resources.spec_names()]),
    texts().map(lambda drawn: (drawn.text, {"in_features": drawn.in_features})),
)


@st.composite
def mutated(draw: st.DrawFn) -> tuple[str, Inputs]:
    text, inputs = draw(SEEDS)
    return draw(mutations(st.just(text))), inputs


def a_mutation_is_read_or_told_why_not(drawn: tuple[str, Inputs]) -> None:
    text, inputs = drawn
    outcome = checked(text, inputs)
    if isinstance(outcome, archlang.Report):
        assert json.dumps(outcome.as_json())
        assert meanings_when_formatted(text, **inputs) == meanings(text, **inputs)
        return
    for found in outcome:
        assert json.dumps(as_json(found))
        for span in spans(found):
            assert span is not None
            assert 0 <= span.start <= span.end <= len(span.source.text)
    assert render(outcome).encode()


def checked(text: str, inputs: Inputs) -> archlang.Report | tuple[Diagnostic, ...]:
    try:
        return archlang.check(archlang.parse(text), **inputs)
    except archlang.SpecError as error:
        return error.diagnostics


def spans(found: Diagnostic) -> list[Span | None]:
    edit = [found.replacement.span] if found.replacement else []
    return [found.span, *(span for span, _ in found.secondary), *edit]


# --- the laws ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Law:
    """What holds for everything that a strategy draws; how many examples show it, and how many in a hurry."""

    drawn: st.SearchStrategy[Any]
    holds: Callable[[Any], None]
    examples: int = 2_000
    quick: int = 300
    seconds: float = 1.0  # of CPU that an example may take; for benchmarks/soak.py

    def show(self, examples: int, **options: Any) -> None:
        settings(max_examples=examples, **options)(given(self.drawn)(self.holds))()


ANY = Sizes(casts=True, heads=True)
LARGE = Sizes(max_width=2**31 - 1, max_count=2**63 - 1, casts=True)
LAWS = {  # a text is read five times, at every point of its grid; jax builds each module
    "texts": Law(texts(ANY), a_text_means_what_was_drawn, seconds=5.0),
    "mutations": Law(mutated(), a_mutation_is_read_or_told_why_not),
    "sizes": Law(networks(LARGE, depth=4), a_network_of_any_size_is_its_json, 1_000),
    "parameters": Law(networks(ANY), the_closed_form_counts_what_the_module_has, 500, 30, seconds=20.0),
}


@pytest.mark.parametrize("name", LAWS)
def test_a_law_in_a_hurry(name: str) -> None:
    LAWS[name].show(LAWS[name].quick)


@pytest.mark.slow
@pytest.mark.timeout(1800)  # minutes of work, more on a busy machine; what hangs is still found
@pytest.mark.parametrize("name", LAWS)
def test_a_law(name: str) -> None:
    LAWS[name].show(LAWS[name].examples)


# --- what is drawn ----------------------------------------------------------------------------------------------------


def test_a_copy_of_a_layer_is_as_wide_as_it_is_written() -> None:
    copies = with_copies(archlang.parse("dense5").networks["network"].body, 0, Random(2))
    assert [unparse(copy) for copy in copies.items] == ["dense2", "dense5"]
    assert [copy.layer.features for copy in copies.items] == [2, 5]


@pytest.mark.slow
def test_every_construct_of_the_language_is_drawn() -> None:
    found: set[str] = set()
    Law(texts(ANY), lambda drawn: found.update(constructs(drawn.text))).show(500)
    classes = {node.__name__ for node in syntax.Node.__subclasses__()} - {"Use"}  # which needs another file
    assert (classes | MARKS) - found == set()


MARKS = {"#", "\t", "\r\n", "\n\n", "}x", "}(", "@remat", "@unroll", "@dtype", "+", "-", "*", "/", "<", "(", "axis", "net.1"}
MARKS |= {"parameters", "keyword", "branches", "glued", "actor", "g_encoder", "network", "scale", "gate", "post", "join"}


def constructs(text: str) -> Iterator[str]:
    spec = whole(tree(Source(text)))
    yield from (mark for mark in ("#", "\t", "\r\n", "\n\n", "}x", "}(") if mark in text)
    yield from spec.networks
    yield from (axis.name if axis.name == "net.1" else "axis" for axis in spec.axes)
    for node in inside(spec.file):
        yield type(node).__name__
        yield from (said for of, said in SAYS.items() if isinstance(node, of) for said in said(node))


SAYS: dict[type[syntax.Node], Callable[[Any], list[str]]] = {
    syntax.Annotated: lambda node: [f"@{node.name}"],
    syntax.Binary: lambda node: [node.operator],
    syntax.Group: lambda node: ["<" if node.unit else "("],
    syntax.Definition: lambda node: ["parameters"] * bool(node.parameters),
    syntax.Argument: lambda node: [node.keyword or "value", *["keyword"] * bool(node.keyword)],
    syntax.Call: lambda node: ["glued"] * bool(node.glued) + ["branches"] * (len(node.branches or ()) > 1),
}


def inside(node: syntax.Node) -> Iterator[syntax.Node]:
    yield node
    for child in syntax.children(node):
        yield from inside(child)


@pytest.mark.slow
def test_mutations_are_wrong_in_many_ways_and_right_at_times() -> None:
    found: set[str] = set()

    def note(drawn: tuple[str, Inputs]) -> None:
        outcome = checked(*drawn)
        found.update({"right"} if isinstance(outcome, archlang.Report) else {diagnostic.code for diagnostic in outcome})

    Law(mutated(), note).show(500)
    assert "right" in found
    assert len(found) > 15, sorted(found)
