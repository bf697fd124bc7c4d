"""What parts two specifications: cases that stand in tests/cases/diff, and laws over drawn networks."""

from __future__ import annotations

import doctest
import json
from collections.abc import Mapping
from typing import Any, get_args

import cases
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import archlang
from archlang import Environment, ir
from archlang import compare as compare_module
from archlang.compare import MAX_TEXT, compare, cut
from archlang.diff import MEASURES, Difference, diff
from archlang.infer import output_type
from archlang.passes.canonicalize import canonical_hash, canonicalize
from archlang.passes.rewrite import map_children
from archlang.testing import Sizes, networks
from archlang.types import Type
from archlang.unparse import unparse

ENVIRONMENT = Environment("toy", state_dim=10, goal_dim=3, action_dim=2)
CASES = cases.read("diff")
Drawn = tuple[ir.Network, int]


def networks_of(text: str, name: str = "<inline>") -> Mapping[str, ir.Network]:
    return archlang.parse(text, name).bind(action_dim=ENVIRONMENT.action_dim).networks


def difference_of(before: str, after: str, width: int | None = None, env: Environment | None = None) -> Difference:
    one, other = networks_of(before, "before.arch"), networks_of(after, "after.arch")
    names = {*one, *other}
    return diff(one, other, {name: env.in_features(name) if env else width for name in names})


def body_of(text: str) -> ir.Expression:
    return archlang.parse(text).networks["network"].body


# --- cases ------------------------------------------------------------------------------------------------------------


def lines_of(case: cases.Case) -> str:
    before, after = case.program.split("\n=>\n")
    width = int(case.options["in"]) if "in" in case.options else None
    return "\n".join(difference_of(before, after, width, ENVIRONMENT if "env" in case.options else None).lines())


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_what_a_difference_reads_like(case: cases.Case) -> None:
    assert lines_of(case) == case.expected


def test_the_examples_of_compare() -> None:
    failed, attempted = doctest.testmod(compare_module)
    assert attempted
    assert not failed


def test_a_deeper_network_of_the_paper() -> None:
    spec = archlang.load("wang2025/base").bind(action_dim=17)
    humanoid = Environment("humanoid", state_dim=268, goal_dim=3, action_dim=17)
    widths = {name: humanoid.in_features(name) for name in spec.networks}
    found = diff(spec.networks, spec.bind(depth=256).networks, widths)
    header, change, *numbers = found.lines()
    assert header == "actor, sa_encoder, g_encoder"
    assert change.startswith("  res(4x<…>)*16 → res(4x<…>)*64   wang2025/base:")
    assert " ".join(numbers[0].split()) == "parameters 12,917,410 → 51,108,514 +38,191,104 × 3.96"


def test_json_holds_every_place_and_number() -> None:
    found = difference_of("net = dense8, res(ln)*2\nid2 = id", "net = dense9, res(rms)*2\nid2 = id", 8)
    data = json.loads(json.dumps(found.as_json()))
    first, second = data["networks"]["net"]["changes"]
    assert first["kind"] == "changed"
    assert first["before"] == {
        "text": "dense8",
        "file": "before.arch",
        "line": 1,
        "column": 7,
        "end": {"line": 1, "column": 13},
    }
    assert first["after"]["text"] == "dense9"
    assert second["where"] == ["res(…)*2"]
    assert data["networks"]["id2"]["status"] == "same"
    assert data["params"] == {"before": 8 * 9 + 2 * 16, "after": 9 * 9 + 2 * 9, "delta": -5}
    assert data["networks"]["net"]["flops"]["delta"] == 2 * 8


def test_an_added_layer_has_no_place_before() -> None:
    (change,) = difference_of("ln", "ln, rms").as_json()["networks"]["network"]["changes"]
    assert change["before"] is None
    assert change["after"]["text"] == "rms"


def test_without_spans_the_same_change_is_told_by_where_it_lies() -> None:
    before, after = (ir.Network(name="a", body=body_of(text)) for text in ("ln, (ln, tanh)*2", "rms, (rms, tanh)*2"))
    bare = [ir.Network.model_validate_json(network.model_dump_json()) for network in (before, after)]
    assert diff({"a": bare[0]}, {"a": bare[1]}, {}).lines()[1:3] == ["  ln → rms", "  in (…)*2: ln → rms"]


def test_long_pieces_are_cut_and_many_changes_counted() -> None:
    many = ", ".join(f"dense{i}" for i in range(100, 200))
    found = difference_of(many, many.replace("dense1", "dense2"), 8)
    assert found.lines()[21] == "  and 80 more"
    assert " … " in difference_of(f"res({many})", "ln").lines()[1]


@pytest.mark.parametrize(
    ("before", "after", "shown"),
    [
        (f"{'a' * 99}1{'b' * 99}", f"{'a' * 99}22{'b' * 99}", (f"… {'a' * 12}1{'b' * 12} …", f"… {'a' * 12}22{'b' * 12} …")),
        (f"{'a' * 99}", f"{'a' * 99}b", (f"… {'a' * 12}", f"… {'a' * 12}b")),
        (f"a{'1' * 99}", f"a{'2' * 99}", (f"a{'1' * 29} … {'1' * 29}", f"a{'2' * 29} … {'2' * 29}")),
        ("a" * MAX_TEXT, "b", ("a" * MAX_TEXT, "b")),
        ("a" * 99, "", (f"{'a' * 29} … {'a' * 29}", "")),
    ],
)
def test_what_two_long_texts_have_in_common_is_cut(before: str, after: str, shown: tuple[str, str]) -> None:
    assert cut(before, after) == shown


def test_no_control_character_is_shown() -> None:
    one, other = archlang.parse("ln", "a\x1b[31m.arch").networks, archlang.parse("rms").networks
    assert "\x1b" not in "\n".join(diff(one, other, {}).lines())


ALTERNATING = {
    "a few hundred": ("ln, " * 199 + "ln", "ln, rms, " * 99 + "rms"),
    "thousands": ("ln, " * 4999 + "ln", "ln, rms, " * 2499 + "rms"),
    "thousands in brackets": ("res(ln, " + "ln, " * 4998 + "ln)*2", "res(ln, " + "tanh, ln, " * 2498 + "tanh)*2"),
}


@pytest.mark.timeout(20)  # difflib alone takes minutes
@pytest.mark.parametrize(("before", "after"), ALTERNATING.values(), ids=ALTERNATING)
def test_no_pair_of_networks_takes_long(before: str, after: str) -> None:
    assert compare(body_of(before), body_of(after))


# --- laws -------------------------------------------------------------------------------------------------------------


def of_drawn(before: ir.Network, after: ir.Network, width: int | None) -> Difference:
    return diff({"n": before}, {"n": after}, {"n": width})


@settings(max_examples=100)
@given(networks(Sizes(casts=True, heads=True)))
def test_a_network_does_not_differ_from_itself(drawn: Drawn) -> None:
    network, width = drawn
    found = of_drawn(network, network, width)
    assert not found
    assert found.lines() == ["n: the same"]
    assert {found.total(measure).delta for measure in MEASURES} == {0}


@pytest.mark.slow
@settings(max_examples=200)
@given(networks(Sizes(max_width=2, max_count=2)), networks(Sizes(max_width=2, max_count=2)), st.booleans())
def test_a_difference_is_found_exactly_where_there_is_one(one: Drawn, two: Drawn, canonical: bool) -> None:
    before = one[0]
    after = canonicalize(before) if canonical else two[0]
    (found,) = of_drawn(before, after, None).networks
    same_content = canonical_hash(before.body) == canonical_hash(after.body)
    assert (found.status != "changed") == same_content
    assert bool(found.changes) == (found.status in ("changed", "plan"))
    if found.status == "same":
        assert unparse(canonicalize(before)) == unparse(canonicalize(after))


@pytest.mark.slow
@settings(max_examples=200)
@given(networks(Sizes(casts=True)), st.sampled_from([None, *get_args(ir.Remat)]))
def test_what_is_only_written_differently_costs_the_same(drawn: Drawn, remat: ir.Remat | None) -> None:
    """A stack around a stack too: both are lowered as one."""
    body, width = drawn[0].body, drawn[1]
    assume(output_type(body, Type.of_input(width)).width == width)
    inner = ir.Repeat(body=body, count=2, stacked=True, remat=remat)
    network = ir.Network(name="network", body=ir.Repeat(body=inner, count=3, stacked=True))
    found = of_drawn(network, canonicalize(network), width)
    assert found.networks[0].status in ("same", "rewritten")
    assert {found.total(measure).delta for measure in MEASURES} == {0}


@pytest.mark.slow
@settings(max_examples=200)
@given(networks(Sizes(max_width=2), depth=4), st.data())
def test_no_change_of_remat_is_silent(drawn: Drawn, data: st.DataObject) -> None:
    """Whatever else is changed."""
    found = stacks(drawn[0].body)
    assume(found)
    stack = data.draw(st.sampled_from(found))
    other = stack.model_copy(update={"remat": "full" if stack.remat != "full" else "none"})
    before = ir.Sequence(items=(drawn[0].body, ir.Layer(name="ln")))
    after = ir.Sequence(items=(exchanged(drawn[0].body, stack, other), NEW))
    assert any(change.note == "remat" or "@remat" in change.before + change.after for change in compare(before, after))


def stacks(node: ir.Node) -> list[ir.Repeat]:
    own = [node] if isinstance(node, ir.Repeat) and node.stacked else []
    return own + [found for child in ir.children(node) for found in stacks(child)]


def exchanged(node: Any, old: ir.Node, new: ir.Node) -> Any:
    return new if node is old else map_children(node, lambda child: exchanged(child, old, new))


@settings(max_examples=100)
@given(networks(Sizes(min_width=4, max_width=4)), networks(Sizes(min_width=4, max_width=4)))
def test_backwards_a_difference_is_its_opposite(one: Drawn, two: Drawn) -> None:
    there, back = of_drawn(one[0], two[0], 4), of_drawn(two[0], one[0], 4)
    for measure in MEASURES:
        delta = there.total(measure).delta
        assert delta is not None
        assert back.total(measure).delta == -delta
    assert there.networks[0].status == back.networks[0].status


@settings(max_examples=100)
@given(networks(Sizes(casts=True), depth=4), st.data())
def test_one_changed_layer_is_one_change(drawn: Drawn, data: st.DataObject) -> None:
    """A layer that occurs nowhere else takes the place of one that is drawn."""
    body = drawn[0].body
    index = data.draw(st.integers(0, count_layers(body) - 1))
    changed = list(compare(body, with_layer(body, index)))
    assert sum(change.kind == "changed" and "dense(9999" in change.after for change in changed) == len(changed) == 1


NEW = ir.Layer(name="dense", arguments=(("features", 9999), ("bias", False)))


def count_layers(node: ir.Node) -> int:
    return 1 if isinstance(node, ir.Layer) else sum(map(count_layers, ir.children(node)))


def with_layer(node: ir.Node, index: int) -> ir.Node:
    """The network with `NEW` in the place of a layer."""
    if isinstance(node, ir.Layer):
        return NEW
    for child in ir.children(node):
        if index < count_layers(child):
            return replaced(node, child, with_layer(child, index))
        index -= count_layers(child)
    raise IndexError(index)


def replaced(node: ir.Node, child: ir.Node, new: ir.Node) -> ir.Node:
    fields = {}
    for name, value in vars(node).items():
        if value is child:
            return node.model_copy(update={name: new})
        if isinstance(value, tuple) and any(item is child for item in value):
            fields[name] = tuple(new if item is child else item for item in value)
    return node.model_copy(update=fields)


def update() -> None:
    """Write what the cases give now."""
    cases.write("diff", [(case, case.header, lines_of(case)) for case in CASES])


if __name__ == "__main__":
    update()
