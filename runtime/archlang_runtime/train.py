"""Contrastive RL, from the environment's step to Adam's, as one program per epoch. Read it from top to bottom.

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
import optax

from archlang_runtime import envs, losses
from archlang_runtime import replay as buffer
from archlang_runtime.config import TrainConfig
from archlang_runtime.envs.episodes import Episodes, advance, begin
from archlang_runtime.networks import Role, Weights
from archlang_runtime.replay import Batch, Replay, Transition

Metrics = dict[str, jax.Array]


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Learner:
    """Weights and what Adam remembers about them."""

    weights: Weights
    opt_state: optax.OptState


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class TrainState:
    """The whole of a run between two epochs: with the configuration and the specification, all later numbers follow."""

    key: jax.Array
    episodes: Episodes
    replay: Replay
    actor: Learner
    sa_encoder: Learner
    g_encoder: Learner
    alpha: Learner


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
    env = envs.load(task.factory)
    dims = task.environment
    actor, sa_encoder, g_encoder = networks["actor"], networks["sa_encoder"], networks["g_encoder"]
    actor_adam = optax.adam(config.actor_learning_rate)
    critic_adam = optax.adam(config.critic_learning_rate)
    alpha_adam = optax.adam(config.alpha_learning_rate)
    target_entropy = config.target_entropy * dims.action_dim

    # --- the start ---------------------------------------------------------------------------------------------------

    def init(key: jax.Array) -> TrainState:
        key, env_key, role_key = jax.random.split(key, 3)
        rows = buffer.create(config.replay_rows, config.num_envs, dims.state_dim, dims.action_dim, dims.goal_dim)
        return TrainState(key, begin(env, env_key, config.num_envs), rows, **init_learners(role_key))

    @jax.jit
    def init_learners(key: jax.Array) -> dict[str, Learner]:
        actor_key, sa_key, g_key = jax.random.split(key, 3)
        return {
            "actor": learner(actor.init(actor_key), actor_adam),
            "sa_encoder": learner(sa_encoder.init(sa_key), critic_adam),
            "g_encoder": learner(g_encoder.init(g_key), critic_adam),
            "alpha": learner(Weights(params=jnp.zeros(()), variables=()), alpha_adam),  # log α
        }

    # --- collecting --------------------------------------------------------------------------------------------------

    def collect(state: TrainState) -> TrainState:
        """`unroll_length` steps of every environment, into the buffer."""
        key, unroll_key = jax.random.split(state.key)

        def step(carry: tuple[Episodes, Replay], key: jax.Array) -> tuple[tuple[Episodes, Replay], None]:
            episodes, replay = carry
            noise_key, reset_key = jax.random.split(key)
            observation = jnp.concatenate([episodes.env.state, episodes.env.goal], axis=-1)
            mean, log_std = actor.apply(state.actor.weights, observation)
            action, _ = losses.sample_action(mean, log_std, jax.random.normal(noise_key, mean.shape))
            after, reached = advance(env, episodes, action, reset_key, config.episode_length)
            row = Transition(episodes.env.state, action, task.achieved(reached), episodes.number)
            return (after, buffer.insert(replay, row)), None

        keys = jax.random.split(unroll_key, config.unroll_length)
        (episodes, replay), _ = jax.lax.scan(step, (state.episodes, state.replay), keys)
        return replace(state, key=key, episodes=episodes, replay=replay)

    # --- learning ----------------------------------------------------------------------------------------------------

    def update(state: TrainState, key: jax.Array) -> tuple[TrainState, Metrics]:
        """One minibatch: first the actor and α, then the critic, as in the released code."""
        batch_key, noise_key = jax.random.split(key)
        batch = buffer.sample(state.replay, batch_key, config.batch_size, config.discount)
        state, actor_metrics = update_actor(state, batch, noise_key)
        state, critic_metrics = update_critic(state, batch)
        return state, actor_metrics | critic_metrics

    def update_actor(state: TrainState, batch: Batch, key: jax.Array) -> tuple[TrainState, Metrics]:
        alpha = jnp.exp(state.alpha.weights.params)
        goal = g_encoder.apply(state.g_encoder.weights, batch.goal)
        observation = jnp.concatenate([batch.state, batch.goal], axis=-1)

        def loss(params: Any) -> tuple[jax.Array, tuple[jax.Array, Any]]:
            weights = replace(state.actor.weights, params=params)
            (mean, log_std), variables = actor.apply_training(weights, observation)
            action, log_prob = losses.sample_action(mean, log_std, jax.random.normal(key, mean.shape))
            reached = sa_encoder.apply(state.sa_encoder.weights, jnp.concatenate([batch.state, action], axis=-1))
            return losses.actor_loss(alpha, log_prob, losses.energy(reached, goal)), (log_prob, variables)

        def temperature_loss(log_alpha: jax.Array) -> jax.Array:
            return losses.alpha_loss(log_alpha, log_prob, target_entropy)

        params = state.actor.weights.params
        (actor_loss, (log_prob, variables)), gradient = jax.value_and_grad(loss, has_aux=True)(params)
        alpha_loss, alpha_gradient = jax.value_and_grad(temperature_loss)(state.alpha.weights.params)
        metrics = {
            "actor_loss": actor_loss,
            "actor_grad_norm": optax.tree.norm(gradient),
            "alpha_loss": alpha_loss,
            "alpha": alpha,
            "entropy": -jnp.mean(log_prob),
        }
        new_actor = descend(state.actor, gradient, variables, actor_adam)
        new_alpha = descend(state.alpha, alpha_gradient, (), alpha_adam)
        return replace(state, actor=new_actor, alpha=new_alpha), metrics

    def update_critic(state: TrainState, batch: Batch) -> tuple[TrainState, Metrics]:
        state_action = jnp.concatenate([batch.state, batch.action], axis=-1)

        def loss(params: tuple[Any, Any]) -> tuple[jax.Array, tuple[jax.Array, Any, Any]]:
            sa_weights = replace(state.sa_encoder.weights, params=params[0])
            g_weights = replace(state.g_encoder.weights, params=params[1])
            sa, sa_variables = sa_encoder.apply_training(sa_weights, state_action)
            g, g_variables = g_encoder.apply_training(g_weights, batch.goal)
            logits = losses.pairwise_energy(sa, g)
            return losses.contrastive_loss(logits, config.logsumexp_penalty), (logits, sa_variables, g_variables)

        params = (state.sa_encoder.weights.params, state.g_encoder.weights.params)
        (critic_loss, (logits, *variables)), gradients = jax.value_and_grad(loss, has_aux=True)(params)
        metrics = {"critic_loss": critic_loss, "critic_grad_norm": optax.tree.norm(gradients), **describe(logits)}
        new_sa_encoder = descend(state.sa_encoder, gradients[0], variables[0], critic_adam)
        new_g_encoder = descend(state.g_encoder, gradients[1], variables[1], critic_adam)
        return replace(state, sa_encoder=new_sa_encoder, g_encoder=new_g_encoder), metrics

    # --- the programs ------------------------------------------------------------------------------------------------

    def collect_and_learn(state: TrainState, _: None) -> tuple[TrainState, Metrics]:
        # The first round of a run collects the prefill too. A count, not a program of its own: physics compile slowly.
        unrolls = jnp.where(state.replay.time == 0, config.prefill_unrolls + 1, 1)
        state = jax.lax.fori_loop(0, unrolls, lambda _, state: collect(state), state)
        key, update_key = jax.random.split(state.key)
        keys = jax.random.split(update_key, config.updates_per_unroll)
        return jax.lax.scan(update, replace(state, key=key), keys)

    def epoch(state: TrainState) -> tuple[TrainState, Metrics]:
        state, metrics = jax.lax.scan(collect_and_learn, state, length=config.unrolls_per_epoch)
        learned = (state.actor.weights, state.sa_encoder.weights, state.g_encoder.weights, state.alpha.weights)
        return state, summarize(metrics, learned)

    return Program(init, update, jax.jit(epoch, donate_argnums=0))


def learner(weights: Weights, adam: optax.GradientTransformation) -> Learner:
    return Learner(weights, adam.init(weights.params))


def descend(learner: Learner, gradient: Any, variables: Any, adam: optax.GradientTransformation) -> Learner:
    """One step of Adam."""
    updates, opt_state = adam.update(gradient, learner.opt_state)
    return Learner(Weights(optax.apply_updates(learner.weights.params, updates), variables), opt_state)


def describe(logits: jax.Array) -> Metrics:
    """How well the critic tells positives (the diagonal of f32[batch, batch]) from negatives."""
    size = logits.shape[0]
    positives = jnp.diag(logits)
    return {
        "positive_logit": jnp.mean(positives),
        "negative_logit": (jnp.sum(logits) - jnp.sum(positives)) / (size * (size - 1)),
        "accuracy": jnp.mean(jnp.argmax(logits, axis=1) == jnp.arange(size)),
    }


def summarize(metrics: Metrics, weights: Any) -> Metrics:
    """Means over an epoch's updates (each metric is f32[unrolls, updates]).

    `first_bad_update` is the index of the first update that gave a number that is not finite, or -1.
    """
    good = jnp.all(jnp.isfinite(jnp.stack([value.reshape(-1) for value in metrics.values()])), axis=0)
    good = good.at[-1].set(good[-1] & all_finite(weights))  # the last update shows in no later loss
    first = jnp.where(jnp.all(good), -1, jnp.argmin(good))
    return {name: jnp.mean(value) for name, value in metrics.items()} | {"first_bad_update": first}


def all_finite(tree: Any) -> jax.Array:
    floats = [leaf for leaf in jax.tree.leaves(tree) if jnp.issubdtype(leaf.dtype, jnp.floating)]
    return jnp.all(jnp.stack([jnp.all(jnp.isfinite(leaf)) for leaf in floats]))
