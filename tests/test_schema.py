"""Networks as JSON: the schema says what is written, and what is read back is the same."""

from __future__ import annotations

import doctest
import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings

import archlang
from archlang import ir
from archlang import schema as schema_module
from archlang.limits import MAX_COUNT, MAX_NESTING, MAX_NODES
from archlang.schema import KINDS, VERSION, from_json, schema
from archlang.testing import Sizes, networks
from archlang.unparse import unparse

SCHEMA = schema()

# A change here may need a new VERSION: see what archlang/schema.py says about it.
FIELDS = {
    "Cast": {"kind": ["cast"], "dtype": ["f32", "bf16"], "body": None},
    "Layer": {"kind": ["layer"], "name": None, "arguments": None},
    "Parallel": {"kind": ["parallel"], "branches": None, "join": ["sum", "concat"]},
    "Repeat": {
        "kind": ["repeat"],
        "body": None,
        "count": None,
        "stacked": None,
        "remat": ["none", "dots", "full", "nested", None],
        "unroll": None,
    },
    "Residual": {"kind": ["residual"], "body": None, "scale": None, "gate": ["sigmoid", "highway", None], "post": None},
    "Sequence": {"kind": ["sequence"], "items": None},
    "Network": {"kind": ["network"], "name": None, "body": None},
}


def test_the_form_of_this_version() -> None:
    found = {**SCHEMA["$defs"], "Network": SCHEMA}
    assert VERSION == SCHEMA["version"] == 1
    assert {name: {key: words(value) for key, value in made["properties"].items()} for name, made in found.items()} == FIELDS
    assert {made["properties"]["kind"]["const"] for made in SCHEMA["$defs"].values()} == KINDS


def words(value: dict[str, Any]) -> list[Any] | None:
    """The words that a field may be."""
    if "const" in value:
        return [value["const"]]
    options = [option for part in value.get("anyOf", [value]) for option in part.get("enum", [])]
    return [*options, None] if options and "anyOf" in value else options or None


def test_the_schema_is_named_and_is_json() -> None:
    assert SCHEMA["$schema"].endswith("2020-12/schema")
    assert SCHEMA["title"] == "archlang network"
    assert json.loads(json.dumps(SCHEMA)) == SCHEMA


# --- a network against the schema -------------------------------------------------------------------------------------

TYPES: dict[str, Any] = {"object": dict, "array": list, "string": str, "boolean": bool, "null": type(None)}


def fits(value: Any, rule: dict[str, Any]) -> bool:
    """Whether JSON data follows a rule: the part of JSON Schema that ours uses."""
    if "$ref" in rule:
        return fits(value, SCHEMA["$defs"][rule["$ref"].rsplit("/", 1)[1]])
    choices = rule.get("oneOf", rule.get("anyOf"))
    if choices and not any(fits(value, choice) for choice in choices):
        return False
    wrong_word = ("const" in rule and value != rule["const"]) or ("enum" in rule and value not in rule["enum"])
    return not wrong_word and has_type(value, rule.get("type")) and inside_fits(value, rule)


def has_type(value: Any, name: str | None) -> bool:
    if name in ("integer", "number"):
        return isinstance(value, int if name == "integer" else int | float) and not isinstance(value, bool)
    return name is None or isinstance(value, TYPES[name])


def inside_fits(value: Any, rule: dict[str, Any]) -> bool:
    if isinstance(value, dict) and "properties" in rule:
        known = value.keys() <= rule["properties"].keys() or rule.get("additionalProperties", True)
        present = known and value.keys() >= set(rule.get("required", ()))
        return bool(present) and all(fits(value[key], rule["properties"][key]) for key in value)
    if isinstance(value, list):
        enough = rule.get("minItems", 0) <= len(value) <= rule.get("maxItems", len(value))
        rules = rule.get("prefixItems", [rule.get("items", {})] * len(value))
        return enough and all(map(fits, value, rules))
    return not has_type(value, "number") or rule.get("minimum", value) <= value <= rule.get("maximum", value)


@settings(max_examples=300)
@given(networks(Sizes(max_width=2**31 - 1, max_count=9, casts=True, heads=True), depth=2))
def test_what_is_written_follows_the_schema_and_is_read_back(drawn: tuple[ir.Network, int]) -> None:
    text = drawn[0].model_dump_json()
    assert fits(json.loads(text), SCHEMA)
    again = from_json(text)
    assert again == drawn[0]
    assert again.model_dump_json() == text


LN = {"kind": "layer", "name": "ln", "arguments": []}
WRONG = [
    ("{", "no network: Invalid JSON"),
    ("[]", "no network: Input should be an object"),
    ({"kind": "network", "name": "a"}, "body: Field required"),
    ({"name": 3, "body": LN}, "name: Input should be a valid string"),
    ({"name": "a", "body": {**LN, "span": [1, 2]}}, "a network in JSON has no `span`"),
    ({"name": "a", "body": {**LN, "extra": 1}}, "body.extra: Extra inputs are not permitted"),
    ({"name": "a", "body": {"kind": "nope"}}, "body: Input tag 'nope'"),
    ({"name": "a", "body": {"kind": "sequence", "items": [LN, {**LN, "name": "dens"}]}}, "body.items.1: no such layer: dens"),
    ({"name": "a", "body": {**LN, "arguments": [["width", 3]]}}, "body: ln takes no argument width"),
    ({"name": "a", "body": {"kind": "repeat", "body": LN, "count": 0, "stacked": True}}, "body.count: Input should be greater"),
    ({"name": "a", "body": {"kind": "parallel", "branches": []}}, "body.branches: Tuple should have at least 1 item"),
]


@pytest.mark.parametrize(("data", "message"), WRONG, ids=[message for _, message in WRONG])
def test_wrong_json_is_told_so(data: Any, message: str) -> None:
    text = data if isinstance(data, str) else json.dumps(data)
    with pytest.raises(archlang.SpecError) as caught:
        from_json(text)
    assert [found.code for found in caught.value.diagnostics] == ["E0001"]
    assert caught.value.diagnostics[0].message.startswith(message)


def test_the_schema_finds_what_is_not_about_layers() -> None:
    found = [message for data, message in WRONG if not isinstance(data, str) and fits(data, SCHEMA)]
    assert found == ["body.items.1: no such layer: dens", "body: ln takes no argument width"]


def test_every_mistake_is_told_at_once() -> None:
    with pytest.raises(archlang.SpecError) as caught:
        from_json('{"name": 3, "body": {"kind": "sequence", "items": [{"kind": "layer"}]}}')
    assert [found.message for found in caught.value.diagnostics] == [
        "name: Input should be a valid string",
        "body.items.0.name: Field required",
    ]


def test_json_that_nests_too_deeply_is_told_so() -> None:
    with pytest.raises(archlang.SpecError, match="E0001"):
        from_json('{"name": "a", "body": ' + '{"kind": "residual", "body": ' * 5000)


# --- limits -----------------------------------------------------------------------------------------------------------


def network_of(body: dict[str, Any]) -> str:
    return json.dumps({"name": "a", "body": body})


def nested(depth: int) -> dict[str, Any]:
    return {"kind": "residual", "body": nested(depth - 1)} if depth else LN


def repeated(count: int, body: dict[str, Any] = LN, stacked: bool = True, **more: Any) -> dict[str, Any]:
    return {"kind": "repeat", "body": body, "count": count, "stacked": stacked, **more}


def items(count: int) -> dict[str, Any]:
    return {"kind": "sequence", "items": [LN] * count}


@pytest.mark.parametrize(
    ("right", "wrong", "code"),
    [
        (nested(MAX_NESTING), nested(MAX_NESTING + 1), "E0104"),
        (items(MAX_NODES), items(MAX_NODES + 1), "E0209"),
        (repeated(MAX_NODES - 1, stacked=False), repeated(MAX_NODES, stacked=False), "E0209"),
        (repeated(MAX_COUNT), repeated(2**32, repeated(2**31)), "E0204"),
        (repeated(2, unroll=2), repeated(2, unroll=3), "E0208"),
        (repeated(MAX_COUNT, unroll=MAX_NODES), repeated(MAX_COUNT, unroll=MAX_NODES + 1), "E0208"),
    ],
)
def test_the_limits_of_texts_hold(right: dict[str, Any], wrong: dict[str, Any], code: str) -> None:
    assert from_json(network_of(right))
    with pytest.raises(archlang.SpecError) as caught:
        from_json(network_of(wrong))
    assert [found.code for found in caught.value.diagnostics] == [code]


@pytest.mark.slow
@settings(max_examples=300)
@given(networks(Sizes(max_count=2**40)))
def test_what_is_too_much_in_a_text_is_too_much_in_json(drawn: tuple[ir.Network, int]) -> None:
    found, expected = codes(from_json, drawn[0].model_dump_json()), codes(archlang.parse, unparse(drawn[0]))
    assert found <= expected  # of several, JSON tells the first
    assert bool(found) == bool(expected)


def codes(read: Callable[[str], object], text: str) -> set[str]:
    try:
        read(text)
    except archlang.SpecError as error:
        return {found.code for found in error.diagnostics}
    return set()


DEEPEST = {
    "calls": "res(ln, " * MAX_NESTING + "ln" + ")" * MAX_NESTING,
    "branches": "par(ln; ln, " * MAX_NESTING + "ln" + ")" * MAX_NESTING,
    "brackets": "(ln, " * MAX_NESTING + "ln" + ")" * MAX_NESTING,
    "a list": "unit = dense([8, 16])\nnet = " + "res(ln, " * (MAX_NESTING - 1) + "unit" + ")" * (MAX_NESTING - 1),
}


@pytest.mark.parametrize("text", DEEPEST.values(), ids=DEEPEST)
def test_the_deepest_texts_are_read_back(text: str) -> None:
    (network,) = archlang.parse(text).networks.values()
    assert from_json(network.model_dump_json()) == network


def test_the_examples() -> None:
    failed, attempted = doctest.testmod(schema_module)
    assert attempted
    assert not failed
