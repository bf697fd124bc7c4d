"""One update against an independent one, and an epoch as a program: traced once, written in place, the same every time."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import toy

from archlang import plan
from archlang_runtime import replay as buffer
from archlang_runtime.config import TrainConfig
from archlang_runtime.envs import find_task
from archlang_runtime.learn import Learner
from archlang_runtime.networks import take_apart
from archlang_runtime.train import Program, TrainState, make_train

pytestmark = pytest.mark.slow  # they compile

Tree = Any
ADAM = {"b1": 0.9, "b2": 0.999, "eps": 1e-8}


def program(config: TrainConfig, spec: str = toy.SPEC) -> Program:
    return make_train(
        config, take_apart(plan(spec, env=find_task(config.environment).environment), find_task(config.environment).environment)
    )


@pytest.fixture(scope="module")
def toy_program() -> Program:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("archlang_runtime.envs.TASKS", toy.tasks())
        return program(toy.config())


@pytest.fixture
def trained(toy_program: Program) -> TrainState:
    return toy_program.epoch(toy_program.init(jax.random.key(0)))[0]


# --- one update ------------------------------------------------------------------------------------------------------


def reference_update(state: TrainState, key: jax.Array, config: TrainConfig) -> dict[str, Tree]:
    """The new parameters, written down again from the paper: plain formulas, Adam by hand, differences not products."""
    roles = take_apart(plan(toy.SPEC, env=find_task("toy").environment), find_task("toy").environment)
    batch_key, noise_key = jax.random.split(key)
    batch = buffer.sample(state.replay, batch_key, config.batch_size, config.discount)
    noise = jax.random.normal(noise_key, (config.batch_size, 2))
    old = {name: getattr(state.learners, name).weights.params for name in (*roles, "alpha")}

    def apply(name: str, params: Tree, *inputs: jax.Array) -> Any:
        weights = type(state.learners.actor.weights)(params, getattr(state.learners, name).weights.variables)
        return roles[name].apply(weights, jnp.concatenate(inputs, axis=1))

    def policy(params: Tree) -> tuple[jax.Array, jax.Array]:
        mean, log_std = apply("actor", params, batch.state, batch.goal)
        std = jnp.exp(log_std)
        u = mean + std * noise
        log_normal = -((u - mean) ** 2) / (2 * std**2) - jnp.log(std) - jnp.log(2 * jnp.pi) / 2
        return jnp.tanh(u), jnp.sum(log_normal - jnp.log(1 - jnp.tanh(u) ** 2), axis=1)

    def distance(x: jax.Array, y: jax.Array) -> jax.Array:
        return jnp.sqrt(jnp.sum((x - y) ** 2, axis=-1) + 1e-6)

    def actor_loss(params: Tree) -> jax.Array:
        action, log_prob = policy(params)
        sa = apply("sa_encoder", old["sa_encoder"], batch.state, action)
        return jnp.mean(jnp.exp(old["alpha"]) * log_prob + distance(sa, apply("g_encoder", old["g_encoder"], batch.goal)))

    def alpha_loss(log_alpha: jax.Array) -> jax.Array:
        return jnp.mean(jnp.exp(log_alpha) * (-policy(old["actor"])[1] - config.target_entropy * 2))

    def critic_loss(sa_params: Tree, g_params: Tree) -> jax.Array:
        sa = apply("sa_encoder", sa_params, batch.state, batch.action)
        logits = -distance(sa[:, None, :], apply("g_encoder", g_params, batch.goal)[None, :, :])
        partition = jnp.log(jnp.sum(jnp.exp(logits), axis=1))
        return jnp.mean(partition - jnp.diag(logits)) + config.logsumexp_penalty * jnp.mean(partition**2)

    sa_gradient, g_gradient = jax.grad(critic_loss, argnums=(0, 1))(old["sa_encoder"], old["g_encoder"])
    gradients = {
        "actor": jax.grad(actor_loss)(old["actor"]),
        "alpha": jax.grad(alpha_loss)(old["alpha"]),
        "sa_encoder": sa_gradient,
        "g_encoder": g_gradient,
    }
    return {name: adam(getattr(state.learners, name), gradient) for name, gradient in gradients.items()}


def moments(learner: Learner) -> Any:
    """What Adam remembers: `count`, `mu`, `nu`."""
    state: Any = learner.opt_state
    return state[0]


def adam(learner: Learner, gradient: Tree, rate: float = 3e-4) -> Tree:
    """One step of Adam (Kingma & Ba 2015, algorithm 1) from the moments that the learner holds."""
    before = moments(learner)
    count = before.count + 1

    def step(param: jax.Array, m: jax.Array, v: jax.Array, g: jax.Array) -> jax.Array:
        m, v = ADAM["b1"] * m + (1 - ADAM["b1"]) * g, ADAM["b2"] * v + (1 - ADAM["b2"]) * g**2
        unbiased = m / (1 - ADAM["b1"] ** count), v / (1 - ADAM["b2"] ** count)
        return param - rate * unbiased[0] / (jnp.sqrt(unbiased[1]) + ADAM["eps"])

    return jax.tree.map(step, learner.weights.params, before.mu, before.nu, gradient)


def test_an_update_is_the_papers(toy_program: Program, trained: TrainState) -> None:
    key = jax.random.key(7)
    expected = jax.jit(reference_update, static_argnums=2)(trained, key, toy.config())
    state, _ = jax.jit(toy_program.update)(trained, key)
    for name, wanted in expected.items():
        jax.tree.map(partial(np.testing.assert_allclose, atol=2e-6), getattr(state.learners, name).weights.params, wanted)


# --- an epoch --------------------------------------------------------------------------------------------------------


def test_an_epoch_is_traced_once(toy_program: Program) -> None:
    state, _ = toy_program.epoch(toy_program.init(jax.random.key(0)))
    traces = toy.Toy.traces
    for _ in range(2):
        state, _ = toy_program.epoch(state)
    assert toy.Toy.traces == traces
    assert toy_program.epoch._cache_size() == 1  # pyright: ignore[reportFunctionMemberAccess]


def test_an_epoch_consumes_its_state(toy_program: Program, trained: TrainState) -> None:
    leaves = [leaf for leaf in jax.tree.leaves(trained) if leaf.size]
    toy_program.epoch(trained)
    assert all(leaf.is_deleted() for leaf in leaves)


def test_the_buffer_is_never_copied() -> None:
    """With a buffer far larger than everything else, the program needs the buffer once."""
    large = program(toy.config(replay_rows=50_000))
    state = jax.eval_shape(large.init, jax.random.key(0))
    memory = large.epoch.lower(state).compile().memory_analysis()  # pyright: ignore[reportFunctionMemberAccess]
    size = sum(leaf.size * leaf.dtype.itemsize for leaf in jax.tree.leaves(state.replay))
    assert memory.alias_size_in_bytes >= size
    assert memory.temp_size_in_bytes < size / 10


def test_an_epoch_counts_its_steps(trained: TrainState, toy_program: Program) -> None:
    config = toy.config()
    assert int(trained.replay.time) * config.num_envs == config.steps_after(1)
    assert int(moments(trained.learners.actor).count) == config.updates_per_epoch
    state, _ = toy_program.epoch(trained)
    assert int(state.replay.time) * config.num_envs == config.steps_after(2)


def test_seeds_decide(toy_program: Program) -> None:
    runs = [toy_program.epoch(toy_program.init(jax.random.key(seed)))[1] for seed in (0, 0, 1)]
    jax.tree.map(np.testing.assert_array_equal, runs[0], runs[1])
    assert float(runs[0]["critic_loss"]) != float(runs[2]["critic_loss"])


def test_bad_numbers_are_found_where_they_begin(toy_program: Program, trained: TrainState) -> None:
    assert int(toy_program.epoch(jax.tree.map(jnp.copy, trained))[1]["first_bad_update"]) == -1
    rows = replace(trained.replay.rows, state=trained.replay.rows.state * jnp.nan)
    poisoned = replace(trained, replay=replace(trained.replay, rows=rows))
    assert int(toy_program.epoch(poisoned)[1]["first_bad_update"]) == 0
