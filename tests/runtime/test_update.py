"""Whole updates against the same in plain NumPy, with every derivative by hand."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import toy
from by_hand import Adam, ByHand, over
from flax import nnx

from archlang import load, plan
from archlang.lower import unstack
from archlang_runtime.config import TrainConfig
from archlang_runtime.envs import find_task
from archlang_runtime.learn import Learner, Learners, make_learning
from archlang_runtime.networks import Role, take_apart
from archlang_runtime.replay import Batch

pytestmark = pytest.mark.slow  # they compile

BATCH, BEFORE = 16, 5
SETTINGS: dict[str, dict[str, Any]] = {
    "the paper's": {},
    "off": {"entropy": "off"},
    "l2, symmetric": {"energy": "l2", "loss": "symmetric_infonce"},
    "dot, binary": {"energy": "dot", "loss": "binary_nce"},
    "cosine, backward": {"energy": "cosine", "loss": "backward_infonce", "target_entropy": 1.0, "alpha_learning_rate": 1e-2},
    "mrn, flat": {"energy": "mrn", "loss": "flatnce", "actor_learning_rate": 1e-3, "critic_learning_rate": 1e-2},
}
RATES = {"actor": "actor_learning_rate", "sa_encoder": "critic_learning_rate", "g_encoder": "critic_learning_rate"}


def roles(depth: int) -> dict[str, Role]:
    spec = load("wang2025/base", {"width": "8", "depth": str(depth)}).bind(action_dim=2)
    environment = find_task("toy").environment
    return dict(take_apart(plan(spec, env=environment), environment))


def draw_batch(seed: int) -> Batch:
    rng = np.random.default_rng(seed)
    return Batch(*(jnp.asarray(rng.standard_normal((BATCH, width), np.float32)) for width in (4, 2, 2)))


def as_adam(learner: Learner, rate: float, role: Role | None = None) -> Adam:
    """A learner in float64, its network layer by layer."""
    state: Any = learner.opt_state
    trees = (learner.weights.params, state[0].mu, state[0].nu)
    unstacked = [nnx.to_pure_dict(unstack(role.network, tree)) for tree in trees] if role else trees
    return Adam(rate, int(state[0].count), *(over(wide, tree) for tree in unstacked))


def as_by_hand(config: TrainConfig, networks: dict[str, Role], learners: Learners) -> ByHand:
    learned: Any = {
        name: as_adam(getattr(learners, name), getattr(config, RATES[name]), role) for name, role in networks.items()
    }
    log_alpha = as_adam(learners.alpha, config.alpha_learning_rate) if config.entropy == "learned" else None
    how: Any = {"energy": config.energy, "loss": config.loss, "weight": config.logsumexp_penalty}
    return ByHand(**learned, log_alpha=log_alpha, target_entropy=2 * config.target_entropy, **how)


def wide(x: Any) -> Any:
    return np.asarray(x, np.float64)


def apart(got: Any, wanted: Any) -> Any:
    """How far two arrays are from each other, in lengths of the one that is wanted."""
    return np.linalg.norm(got - wanted) / np.linalg.norm(wanted)


def assert_close(got: Adam, wanted: Adam) -> None:
    """Each array of parameters, and the network's gradient as a whole: a small part of it has lost digits to the large."""
    one, other = (jax.tree.leaves(adam.params) for adam in (got, wanted))
    assert max(map(apart, one, other)) < 1e-5
    one, other = (np.concatenate([np.ravel(leaf) for leaf in jax.tree.leaves(adam.mu)]) for adam in (got, wanted))
    assert apart(one, other) < 1e-5


@pytest.mark.parametrize("chosen", SETTINGS.values(), ids=SETTINGS)
def test_an_update_is_the_one_by_hand(chosen: dict[str, Any]) -> None:
    """Losses, gradients (as Adam remembers them) and parameters, from where a few updates have led."""
    depth = 4 if chosen else 8  # one block, or a stack of two
    config, networks = toy.config(batch_size=BATCH, **chosen), roles(depth)
    learning = make_learning(config, 2, networks)
    learners, update = learning.init(jax.random.key(0)), jax.jit(learning.update)
    for seed in range(BEFORE):
        learners, _ = update(learners, draw_batch(seed), jax.random.key(seed))

    batch, key = draw_batch(BEFORE), jax.random.key(BEFORE)
    expected = as_by_hand(config, networks, learners)
    noise = wide(jax.random.normal(key, (BATCH, 2)))
    wanted = expected.update(wide(batch.state), wide(batch.action), wide(batch.goal), noise)
    learners, metrics = update(learners, batch, key)
    np.testing.assert_allclose([metrics["actor_loss"], metrics["critic_loss"]], wanted, rtol=1e-5)
    got = as_by_hand(config, networks, learners)
    for learned in fields(ByHand)[:4]:
        if getattr(expected, learned.name) is not None:
            assert_close(getattr(got, learned.name), getattr(expected, learned.name))
