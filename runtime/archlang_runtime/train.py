"""Contrastive RL, from the environment's step to the optimizer's, as one program per epoch. Read it from top to bottom;
`learn.py` has the update itself.

An epoch is `unrolls_per_epoch` rounds of: every environment takes `unroll_length` steps, then `updates_per_unroll` updates
on minibatches from the replay buffer. Everything that changes is in `TrainState`, which is donated: the program writes over
it in place.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from archlang_runtime import envs
from archlang_runtime import replay as buffer
from archlang_runtime.blame import blame, nobody
from archlang_runtime.config import TrainConfig
from archlang_runtime.energies import ENERGIES
from archlang_runtime.envs.episodes import Episodes, advance, begin
from archlang_runtime.learn import LAYERS, Learners, Metrics, make_learning
from archlang_runtime.networks import Role
from archlang_runtime.policy import make_policy
from archlang_runtime.replay import Replay, Transition


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class TrainState:
    """The whole of a run between two epochs: with the configuration and the specification, all later numbers follow."""

    key: jax.Array
    episodes: Episodes
    replay: Replay
    learners: Learners


class Watched(NamedTuple):
    """Within an epoch: the layers that gave the first numbers that are not finite, by role."""

    state: TrainState
    culprits: Any


class Program(NamedTuple):
    """A run's functions: the state before the first step, from a key; one update, from a state and a key; one epoch.

    `epoch` consumes the state that it is given: its memory becomes that of the next.
    """

    init: Callable[[jax.Array], TrainState]
    update: Callable[[TrainState, jax.Array], tuple[TrainState, Metrics]]
    epoch: Callable[[TrainState], tuple[TrainState, Metrics]]


def make_train(config: TrainConfig, networks: Mapping[str, Role]) -> Program:
    """The run's program, for the specification's three networks."""
    task = envs.find_task(config.environment)
    env = envs.load(task)
    dims = task.environment
    learning = make_learning(config, dims.action_dim, networks)
    explore = make_policy(networks, ENERGIES[config.energy], config.explore_best_of, noise=True)

    # --- the start ---------------------------------------------------------------------------------------------------

    def init(key: jax.Array) -> TrainState:
        key, env_key, role_key = jax.random.split(key, 3)
        widths = (dims.state_dim, dims.action_dim, dims.goal_dim)
        rows = buffer.create(config.replay_rows, config.num_envs, *widths, config.replay_dtype)
        return TrainState(key, begin(env, env_key, config.num_envs), rows, learning.init(role_key))

    # --- collecting --------------------------------------------------------------------------------------------------

    def collect(state: TrainState) -> TrainState:
        """`unroll_length` steps of every environment, into the buffer."""
        key, unroll_key = jax.random.split(state.key)
        agent = state.learners.agent

        def step(carry: tuple[Episodes, Replay], key: jax.Array) -> tuple[tuple[Episodes, Replay], None]:
            episodes, replay = carry
            noise_key, reset_key = jax.random.split(key)
            action = explore(agent, episodes.env.state, episodes.env.goal, noise_key)
            episodes, step = advance(env, episodes, action, reset_key, config.episode_length)
            row = Transition(step.before, action, task.achieved(step.after), step.number)
            return (episodes, buffer.insert(replay, row)), None

        keys = jax.random.split(unroll_key, config.unroll_length)
        (episodes, replay), _ = jax.lax.scan(step, (state.episodes, state.replay), keys)
        return replace(state, key=key, episodes=episodes, replay=replay)

    # --- learning ----------------------------------------------------------------------------------------------------

    def update(state: TrainState, key: jax.Array) -> tuple[TrainState, Metrics]:
        """One minibatch: first the actor and α, then the critic, as in the released code."""
        batch_key, noise_key = jax.random.split(key)
        batch = buffer.sample(state.replay, batch_key, config.batch_size, config.discount)
        learners, metrics = learning.update(state.learners, batch, noise_key)
        return replace(state, learners=learners), metrics

    # --- the programs ------------------------------------------------------------------------------------------------

    def watched(carry: Watched, key: jax.Array) -> tuple[Watched, Metrics]:
        state, metrics = update(carry.state, key)
        return Watched(state, blame(carry.culprits, metrics.pop(LAYERS))), metrics

    def collect_and_learn(carry: Watched, _: None) -> tuple[Watched, Metrics]:
        state = carry.state
        # A round that finds no data collects the prefill too. A count, not a program of its own: physics compile slowly.
        unrolls = jnp.where(state.replay.time == state.replay.since, config.prefill_unrolls + 1, 1)
        state = jax.lax.fori_loop(0, unrolls, lambda _, state: collect(state), state)
        key, update_key = jax.random.split(state.key)
        keys = jax.random.split(update_key, config.updates_per_unroll)
        return jax.lax.scan(watched, Watched(replace(state, key=key), carry.culprits), keys)

    def epoch(state: TrainState) -> tuple[TrainState, Metrics]:
        layers = jax.eval_shape(update, state, state.key)[1][LAYERS]
        done, metrics = jax.lax.scan(collect_and_learn, Watched(state, nobody(layers)), length=config.unrolls_per_epoch)
        state = done.state
        learners = state.learners
        learned = [learner.weights for learner in (learners.actor, learners.sa_encoder, learners.g_encoder, learners.alpha)]
        return state, summarize(metrics, learned) | count_failures(state.episodes) | {"culprits": done.culprits}

    return Program(init, update, jax.jit(epoch, donate_argnums=0))


def summarize(metrics: Metrics, weights: Any) -> Metrics:
    """Means over an epoch's updates (each metric is f32[unrolls, updates]).

    `first_bad_update` is the index of the first update that gave a number that is not finite, or -1.
    """
    good = jnp.all(jnp.isfinite(jnp.stack([value.reshape(-1) for value in metrics.values()])), axis=0)
    good = good.at[-1].set(good[-1] & all_finite(weights))  # the last update shows in no later loss
    first = jnp.where(jnp.all(good), -1, jnp.argmin(good))
    return {name: jnp.mean(value) for name, value in metrics.items()} | {"first_bad_update": first}


def count_failures(episodes: Episodes) -> Metrics:
    """Over the whole run: episodes that ended because the physics blew up, and environments that do nothing else."""
    return {"blown_up": jnp.sum(episodes.blown_up), "hopeless": jnp.sum(episodes.hopeless)}


def all_finite(tree: Any) -> jax.Array:
    floats = [leaf for leaf in jax.tree.leaves(tree) if jnp.issubdtype(leaf.dtype, jnp.floating)]
    return jnp.all(jnp.stack([jnp.all(jnp.isfinite(leaf)) for leaf in floats]))
