"""The FLOPs of an update in closed form, against the matrix products in the program of the runtime. Nothing is compiled."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import pytest
import toy
from jax.interpreters import partial_eval
from test_analysis import products

from archlang import parse, plan
from archlang.analysis.work import update
from archlang.types import Type
from archlang_runtime.envs import find_task
from archlang_runtime.learn import make_learning
from archlang_runtime.networks import take_apart
from archlang_runtime.replay import Batch

BATCH = 16
TEXT = "unit = <dense8, ln, swish>\ntrunk = {}\nactor = trunk, gaussian\nsa_encoder = trunk, dense6\ng_encoder = trunk, dense6"
TRUNKS = [
    "unit, res(4x unit), res(4x unit)",
    "unit, res(4x unit)*2",
    "unit, @remat(none) res(4x unit)*3",
    "unit, @remat(full) res(4x unit)*3",
    "unit, @remat(nested) res(4x unit)*7",
    "dense8, @remat(nested) (dense8, (dense8)*3)*5",
    "ln, unit",
    "par(dense8; swish, dense8), res(ln, gate=highway), concat_input, dense8",
]


@pytest.mark.slow
@pytest.mark.parametrize("trunk", TRUNKS)
def test_an_update_has_the_products_that_are_counted(trunk: str) -> None:
    environment = find_task("toy").environment
    planned = plan(parse(TEXT.format(trunk)).bind(action_dim=2), env=environment)
    learning = make_learning(toy.config(), environment.action_dim, take_apart(planned, environment))
    learners = jax.eval_shape(learning.init, jax.random.key(0))
    given: Any = (jax.ShapeDtypeStruct((BATCH, width), jnp.float32) for width in (4, 2, 2))
    program = jax.make_jaxpr(learning.update)(learners, Batch(*given), jax.random.key(0)).jaxpr
    needed, _ = partial_eval.dce_jaxpr(program, [True] * len(program.outvars))
    types = {name: Type.of_input(environment.in_features(name)) for name in planned.networks}
    work = update(planned.networks, types, BATCH)
    assert work.networks + work.recomputed + work.loss == products(needed)
