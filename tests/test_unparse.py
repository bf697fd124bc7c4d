"""IR → text: the text parses to the same IR, annotations included, and is the one that a person would write."""

from __future__ import annotations

import doctest
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import archlang
from archlang import ir, resources
from archlang import unparse as unparse_module
from archlang.layers import make_layer
from archlang.limits import MAX_NESTING, MAX_NUMBER, MIN_NUMBER
from archlang.testing import Sizes, networks
from archlang.unparse import may_be_glued, unparse


def parsed(text: str) -> Any:
    return archlang.parse(text).networks["network"].body


# Each is the canonical text of what it means.
CANONICAL = [
    "dense256",
    "dense(256, bias=false)",
    "dense(256, bias=false, init=he)",
    "dense(8, init=orthogonal(1.5))",
    "dense(8, init=orthogonal(1e-07))",
    "dense(8, init=orthogonal(1e22))",
    "gaussian",
    "gaussian8",
    "dropout0.1",
    "dropout0.0",
    "dropout(1e-05)",
    "scale0.5",
    "scale(init=-0.5)",
    "scale(init=1e16)",
    "l2",
    "id",
    "dense8, ln, swish",
    "dense8, (ln, (swish, ln)), ln",
    "4x ln",
    "4x dense256",
    "4x<dense256, ln>",
    "4x res(ln)",
    "4x ln*3",
    "(4x ln)*3",
    "4x 3x ln",
    "ln*2*3",
    "dense8*3",
    "dense(8, bias=false)*3",
    "(dense8, ln)*3",
    "4x (dense8, ln)*3",
    "res(dense8, ln)*250",
    "res((dense8, ln), ln)",
    "res(ln, scale=0.1)",
    "res(ln, scale=-1e-07)",
    "res(ln, scale=1e16)",
    "res(ln, rms, scale=2.0, gate=highway, post=ln)",
    "res(ln, post=<ln, rms>)",
    "res(ln, post=ln*2)",
    "res(ln, post=2x ln)",
    "res(ln, post=@dtype(bf16) ln)",
    "res(@remat(full) ln*2, ln)",
    "par(ln)",
    "par(ln; rms)",
    "par(dense8, ln; rms; (id, id), ln, join=concat)",
    "par(ln, join=concat)",
    "@remat(full) ln*3",
    "@remat(none) @unroll(2) res(4x<dense256, ln, swish>)*250",
    "@remat(full) ln*2*3",
    "(@remat(full) ln*2)*3",
    "@remat(dots) (@unroll(1) ln*2)*3",
    "4x (@remat(full) ln*3)",
    "@dtype(bf16) ln",
    "@dtype(bf16) (dense8, ln)",
    "@dtype(bf16) 4x ln",
    "@dtype(bf16) @remat(full) ln*3",
    "(@dtype(bf16) ln)*3",
    "4x (@dtype(bf16) ln)",
    "@dtype(bf16) @dtype(f32) ln, ln",
    "dense8*9223372036854775807",
]


@pytest.mark.parametrize("text", CANONICAL)
def test_a_canonical_text_stays_as_it_is(text: str) -> None:
    assert unparse(parsed(text)) == text


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("<dense(256),ln>", "dense256, ln"),
        ("4x(ln)", "4x ln"),
        ("dropout(0.10)", "dropout0.1"),
        ("dropout0", "dropout0.0"),
        ("dense(features=8, bias=true)", "dense8"),
        ("res(<dense8, ln>, post=(ln, ln))", "res(dense8, ln, post=<ln, ln>)"),
        ("@unroll(2) @remat(full) ln*3", "@remat(full) @unroll(2) ln*3"),
        ("@remat(full) @dtype(bf16) ln*3", "@dtype(bf16) @remat(full) ln*3"),
        ("par((ln, rms); (ln))", "par(ln, rms; ln)"),
        ("w = 4\nnet = res(ln)*{w/2}", "res(ln)*2"),
    ],
)
def test_what_is_written_otherwise(text: str, canonical: str) -> None:
    (network,) = archlang.parse(text).networks.values()
    assert unparse(network) == canonical


def test_what_no_text_can_say() -> None:
    ln = ir.Layer(name="ln")
    assert unparse(ir.Sequence(items=())) == "id"
    assert unparse(ir.Repeat(body=ir.Sequence(items=(ln,)), count=2, stacked=True)) == "(ln)*2"
    assert unparse(ir.Repeat(body=ln, count=2, stacked=False, remat="full")) == "2x ln"


@pytest.mark.parametrize(
    ("name", "number", "glued"),
    [
        ("dense", "8", True),
        ("dropout", "0.5", True),
        ("concat_", "8", True),
        ("l2", "8", False),
        ("l", "2", False),  # `l2` is a layer of its own
        ("scale", "-1.0", False),
        ("scale", "1e-05", False),
        ("scale", "true", False),
    ],
)
def test_a_number_is_glued_where_it_can_be_read_apart(name: str, number: str, glued: bool) -> None:
    assert may_be_glued(name, number) is glued


@pytest.mark.parametrize("name", resources.spec_names())
def test_shipped_networks(name: str) -> None:
    for network in archlang.load(name).networks.values():
        assert parsed(unparse(network)) == network.body


def test_the_deepest_network() -> None:
    text = "res(" * MAX_NESTING + "ln" + ")" * MAX_NESTING
    assert unparse(parsed(text)) == text


def test_the_examples() -> None:
    failed, attempted = doctest.testmod(unparse_module)
    assert attempted
    assert not failed


@settings(max_examples=1000)
@pytest.mark.slow
@given(
    st.one_of(
        networks(Sizes(casts=True, heads=True)),
        networks(Sizes(max_width=2**31 - 1, max_count=9, casts=True, heads=True), depth=2),
    )
)
def test_the_text_of_a_network_is_the_network(drawn: tuple[ir.Network, int]) -> None:
    body = drawn[0].body
    again = parsed(unparse(body))
    assert again == body
    assert again.model_dump() == body.model_dump()  # equality ignores `remat` and `unroll`


SIZES = st.floats(MIN_NUMBER, MAX_NUMBER)


@pytest.mark.slow
@settings(max_examples=500)
@given(st.one_of(st.just(-0.0), SIZES, SIZES.map(lambda number: -number)), SIZES)
def test_every_number_is_written_exactly(number: float, gain: float) -> None:
    scale = make_layer("scale", (("init", number),)).arguments()
    dense = make_layer("dense", (("features", 8), ("init", f"orthogonal({gain!r})"))).arguments()
    layers = ir.Layer(name="dense", arguments=dense), ir.Layer(name="scale", arguments=scale)
    body = ir.Residual(body=ir.Sequence(items=layers), scale=number)
    again = parsed(unparse(body))
    assert again.model_dump_json() == body.model_dump_json()
