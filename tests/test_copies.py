"""What is computed of a node is kept with it, and with no copy of it."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from typing import Any

import pytest

import archlang
from archlang import ir
from archlang.analysis.saved import residuals
from archlang.analysis.sums import sums
from archlang.types import Type

X = Type.of_input(8)


def asked(text: str) -> Any:
    """The body of a network of which something is known."""
    body = archlang.parse(text).networks["network"].body
    _ = sums(body, X), residuals(body, X)
    return body


@pytest.mark.parametrize("deep", [False, True])
def test_a_copy_does_not_answer_with_what_is_known_of_the_original(deep: bool) -> None:
    stack, longer = asked("(dense8, ln, swish)*4"), asked("(dense8, ln, swish)*8")
    changed = stack.model_copy(update={"count": 8}, deep=deep)
    assert sums(changed, X) == sums(longer, X) != sums(stack, X)
    assert residuals(changed, X) == residuals(longer, X) != residuals(stack, X)


def test_a_copy_of_a_layer_is_the_layer_of_its_arguments() -> None:
    dense = ir.Layer(name="dense", arguments=(("features", 16),))
    assert dense.layer.num_params(1) == 32
    assert dense.model_copy(update={"arguments": (("features", 8),)}).layer.num_params(1) == 16


@pytest.mark.parametrize("passed_on", [copy.copy, copy.deepcopy, lambda node: pickle.loads(pickle.dumps(node))])
def test_a_node_is_passed_on_without_what_is_known_of_it(passed_on: Callable[[Any], Any]) -> None:
    stack = asked("res(4x<dense8, ln, swish>)*4")
    there = passed_on(stack)
    assert there == stack
    assert "known" in vars(stack)
    assert "known" not in vars(there)
    assert sums(there, X) == sums(stack, X)


def test_what_was_asked_for_goes_to_other_processes() -> None:
    spec = archlang.load("wang2025/base")
    found = archlang.estimate(spec, env="reacher", gpu="h100-80gb")
    plan = archlang.plan(spec, env="reacher", gpu="h100-80gb")
    assert pickle.loads(pickle.dumps(spec)) == spec
    assert pickle.loads(pickle.dumps(found)).as_json() == found.as_json()
    assert pickle.loads(pickle.dumps(plan)) == plan
