"""The optimizers of the three networks, each by its formula, and what they keep."""

from __future__ import annotations

from typing import Any, get_args

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
import toy

from archlang import plan
from archlang_runtime.config import OptimizerName, TrainConfig
from archlang_runtime.envs import find_task
from archlang_runtime.learn import OPTIMIZERS, Learner, Learners, Learning, make_learning, make_optimizer
from archlang_runtime.networks import ROLES, take_apart
from archlang_runtime.replay import Batch

RATE, DECAY = 0.01, 0.5
PARAMS, GRADIENTS = np.array([1.0, -2.0, 3.0], np.float32), np.array([[0.5, -4.0, 1e-3], [0.5, 5.0, -1e-3]], np.float32)
KEPT = {"adam": 2, "adamw": 2, "sgd": 0, "lion": 1}  # arrays for each parameter


def adam(p: np.ndarray, m: np.ndarray, v: np.ndarray, g: np.ndarray, t: int, decay: float = 0.0) -> Any:
    """Loshchilov & Hutter 2019, algorithm 2; without decay, Kingma & Ba 2015, algorithm 1."""
    m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g**2
    return p - RATE * (m / (1 - 0.9**t) / (np.sqrt(v / (1 - 0.999**t)) + 1e-8) + decay * p), m, v


def lion(p: np.ndarray, m: np.ndarray, v: np.ndarray, g: np.ndarray, t: int, decay: float = 0.0) -> Any:
    """Chen et al. 2023, algorithm 2."""
    return p - RATE * (np.sign(0.9 * m + 0.1 * g) + decay * p), 0.99 * m + 0.01 * g, v


def sgd(p: np.ndarray, m: np.ndarray, v: np.ndarray, g: np.ndarray, t: int, decay: float = 0.0) -> Any:
    return p - RATE * g, m, v


BY_HAND = {"adam": adam, "adamw": adam, "sgd": sgd, "lion": lion}


@pytest.mark.parametrize(
    ("optimizer", "chosen", "decay"),
    [
        ("adam", None, 0.0),
        ("sgd", None, 0.0),
        ("adamw", None, 1e-4),
        ("adamw", DECAY, DECAY),
        ("lion", None, 1e-3),
        ("lion", DECAY, DECAY),
        ("lion", 0.0, 0.0),
    ],
)
def test_two_steps_are_those_by_hand(optimizer: str, chosen: float | None, decay: float) -> None:
    made = make_optimizer(TrainConfig(environment="any", optimizer=optimizer, weight_decay=chosen), RATE)  # pyright: ignore[reportArgumentType]
    got, state = jnp.asarray(PARAMS), made.init(jnp.asarray(PARAMS))
    wanted, m, v = PARAMS.astype(np.float64), np.zeros(3), np.zeros(3)
    for t, gradient in enumerate(GRADIENTS, 1):
        updates, state = made.update(jnp.asarray(gradient), state, got)
        got = jnp.asarray(optax.apply_updates(got, updates))
        wanted, m, v = BY_HAND[optimizer](wanted, m, v, gradient, t, decay)
    np.testing.assert_allclose(got, wanted, rtol=0, atol=6e-7)  # the smallest decay moves them by 2e-6


def test_every_optimizer_that_can_be_asked_for_is_here() -> None:
    assert OPTIMIZERS.keys() == KEPT.keys() == set(get_args(OptimizerName))


# --- in a run --------------------------------------------------------------------------------------------------------


def learning(optimizer: str, **chosen: Any) -> Learning:
    environment = find_task("toy").environment
    config = toy.config(optimizer=optimizer, actor_learning_rate=RATE, critic_learning_rate=RATE, **chosen)
    return make_learning(config, 2, take_apart(plan(toy.SPEC, env=environment), environment))


def count(tree: Any) -> int:
    """Numbers in a tree, but for what counts steps."""
    return sum(leaf.size for leaf in jax.tree.leaves(tree) if jnp.issubdtype(leaf.dtype, jnp.floating))


@pytest.mark.parametrize(("optimizer", "arrays"), KEPT.items())
def test_what_is_kept_for_each_parameter(optimizer: str, arrays: int) -> None:
    learners = jax.eval_shape(learning(optimizer).init, jax.random.key(0))
    for role in ROLES:
        learner: Learner = getattr(learners, role)
        assert count(learner.opt_state) == arrays * count(learner.weights.params)
    assert count(learners.alpha.opt_state) == 2


def updated(optimizer: str, **chosen: Any) -> tuple[Learners, Learners]:
    """What is learned, before an update and after it."""
    made, normal = learning(optimizer, **chosen), np.random.default_rng(0).standard_normal
    batch = Batch(*(jnp.asarray(normal((8, width), np.float32)) for width in (4, 2, 2)))
    before = made.init(jax.random.key(0))
    return before, jax.jit(made.update)(before, batch, jax.random.key(1))[0]


def flat(learners: Learners, role: str) -> np.ndarray:
    return np.concatenate([np.ravel(leaf) for leaf in jax.tree.leaves(getattr(learners, role).weights.params)])


@pytest.mark.slow  # compiles an update for each
def test_the_three_networks_are_updated_by_it_and_the_entropys_weight_by_adam() -> None:
    (before, adam), (_, decayed), (_, lion) = updated("adam"), updated("adamw", weight_decay=DECAY), updated("lion")
    for role in ROLES:
        start, moved, sign = flat(before, role), flat(adam, role), np.sign(flat(lion, role) - flat(before, role))
        np.testing.assert_allclose(flat(decayed, role), moved - RATE * DECAY * start, atol=1e-6)
        assert np.abs(flat(decayed, role) - moved).max() > RATE * DECAY / 10
        np.testing.assert_allclose(flat(lion, role) - start, RATE * (sign - 1e-3 * start) * (sign != 0), atol=1e-6)
    assert [flat(after, "alpha") for after in (decayed, lion)] == [flat(adam, "alpha")] * 2 != [flat(before, "alpha")] * 2
