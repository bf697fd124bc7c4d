"""Laws over drawn networks, texts and mutations. Each holds for 10,000 examples, drawn once; the quick ones draw a few hundred.

`benchmarks/soak.py` draws others, at random.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
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
from archlang.parse import parse as tree
from archlang.passes.canonicalize import canonicalize
from archlang.source import Source, Span
from archlang.testing import Sizes, Text, mutations, networks, texts
from archlang.types import Type
from archlang.unparse import unparse

Drawn = tuple[ir.Network, int]


def bodies(spec: archlang.Spec) -> dict[str, ir.Expression]:
    return {name: network.body for name, network in spec.networks.items()}


def exact(bodies: Mapping[str, ir.Expression]) -> dict[str, str]:
    """Networks as JSON: with the annotations, which equality leaves out."""
    return {name: body.model_dump_json() for name, body in bodies.items()}


# --- networks ---------------------------------------------------------------------------------------------------------


def a_network_is_its_text_and_its_json(drawn: Drawn) -> None:
    network, width = drawn
    text = unparse(network)
    read = bodies(archlang.parse(text))["network"]
    assert read == network.body
    assert read.model_dump_json() == network.body.model_dump_json()  # with the annotations, which equality leaves out
    assert unparse(read) == text
    is_its_json(drawn)
    has_a_canonical_form(network, Type.of_input(width))


def is_its_json(drawn: Drawn) -> None:
    network, _ = drawn
    again = ir.Network.model_validate_json(network.model_dump_json())
    assert again == network == archlang.Network(name=network.name, body=network.body)
    assert ir.content_hash(again) == ir.content_hash(network)
    assert again.model_dump_json() == network.model_dump_json()


def has_a_canonical_form(network: ir.Network, x: Type) -> None:
    canonical = canonicalize(network)
    assert canonicalize(canonical) == canonical
    assert output_type(canonical, x) == output_type(network, x)
    assert num_params(canonical, x) == num_params(network, x)


def the_closed_form_counts_what_the_module_has(drawn: Drawn) -> None:
    import jax
    from flax import nnx

    from archlang.lower import build

    network, width = drawn
    module = nnx.eval_shape(lambda: build(network, width, rngs=nnx.Rngs(0)))
    counted = sum(leaf.size for leaf in jax.tree.leaves(nnx.state(module, nnx.Param)))
    assert num_params(network, Type.of_input(width)) == counted


# --- texts ------------------------------------------------------------------------------------------------------------


def a_text_means_what_was_drawn_in_any_layout(drawn: Text) -> None:
    spec = archlang.parse(drawn.text)
    assert bodies(spec) == drawn.networks
    assert exact(bodies(spec)) == exact(drawn.networks)
    for _, report in archlang.expand(spec, in_features=drawn.in_features):
        assert not report.diagnostics, render(report.diagnostics)
    keeps_its_meaning_when_formatted(drawn.text, spec)


def keeps_its_meaning_when_formatted(text: str, spec: archlang.Spec) -> None:
    formatted = format(text)
    assert format(formatted) == formatted
    assert meanings(archlang.parse(formatted)) == meanings(spec)


def meanings(spec: archlang.Spec) -> list[dict[str, str]]:
    """The networks at every point of the grid."""
    return [exact(bodies(point.spec)) for point in spec.expand()]


# --- mutations --------------------------------------------------------------------------------------------------------


def a_mutation_is_read_or_told_why_not(drawn: tuple[str, int | None]) -> None:
    text, width = drawn
    outcome = checked(text, width)
    if isinstance(outcome, archlang.Report):
        assert json.dumps(outcome.as_json())
        keeps_its_meaning_when_formatted(text, archlang.parse(text))
        return
    for found in outcome:
        assert json.dumps(as_json(found))
        for span in spans(found):
            assert span is not None
            assert 0 <= span.start <= span.end <= len(span.source.text)
    assert render(outcome).encode()


def checked(text: str, width: int | None) -> archlang.Report | tuple[Diagnostic, ...]:
    try:
        return archlang.check(archlang.parse(text), in_features=width)
    except archlang.SpecError as error:
        return error.diagnostics


def spans(found: Diagnostic) -> list[Span | None]:
    edit = [found.replacement.span] if found.replacement else []
    return [found.span, *(span for span, _ in found.secondary), *edit]


SHIPPED = [archlang.load(name).text for name in resources.spec_names()]
WRONG = [case.program for case in cases.read("invalid")]
SEEDS = st.one_of(st.sampled_from(WRONG), st.sampled_from(SHIPPED), texts().map(lambda drawn: drawn.text))
WIDTHS = st.none() | st.integers(1, 2**31 - 1)


# --- the laws ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Law:
    """What holds for everything that a strategy draws; how many examples show it, and how many in a hurry."""

    drawn: st.SearchStrategy[Any]
    holds: Callable[[Any], None]
    examples: int = 10_000
    quick: int = 300

    def show(self, examples: int, **options: Any) -> None:
        settings(max_examples=examples, **options)(given(self.drawn)(self.holds))()


ANY = Sizes(casts=True, heads=True)
LAWS = {
    "networks": Law(networks(ANY), a_network_is_its_text_and_its_json),
    "texts": Law(texts(ANY), a_text_means_what_was_drawn_in_any_layout),
    "mutations": Law(st.tuples(mutations(SEEDS), WIDTHS), a_mutation_is_read_or_told_why_not),
    "parameters": Law(networks(ANY), the_closed_form_counts_what_the_module_has, 1_000, 30),
}


@pytest.mark.parametrize("name", LAWS)
def test_a_law_in_a_hurry(name: str) -> None:
    LAWS[name].show(LAWS[name].quick)


@pytest.mark.slow
@pytest.mark.timeout(1800)  # minutes of work, at times on a busy machine; what hangs is still found
@pytest.mark.parametrize("name", LAWS)
def test_a_law(name: str) -> None:
    LAWS[name].show(LAWS[name].examples)
