"""One update on a minibatch: first the actor and α, then the critic. Pure functions of what is learned and of the batch."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from archlang_runtime import losses
from archlang_runtime.config import TrainConfig
from archlang_runtime.networks import ROLES, Role, Weights
from archlang_runtime.replay import Batch

Metrics = dict[str, jax.Array]


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Learner:
    """Weights and what Adam remembers about them."""

    weights: Weights
    opt_state: optax.OptState


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Learners:
    """Everything that is learned: three networks, and the logarithm of the entropy's weight α."""

    actor: Learner
    sa_encoder: Learner
    g_encoder: Learner
    alpha: Learner

    @property
    def agent(self) -> Mapping[str, Weights]:
        """The weights that decide how it acts, by role."""
        return {role: getattr(self, role).weights for role in ROLES}


class Learning(NamedTuple):
    """What is learned, from a key; the two halves of an update, from a batch, and from a key for the actor's noise."""

    init: Callable[[jax.Array], Learners]
    update_actor: Callable[[Learners, Batch, jax.Array], tuple[Learners, Metrics]]
    update_critic: Callable[[Learners, Batch], tuple[Learners, Metrics]]

    def update(self, learners: Learners, batch: Batch, key: jax.Array) -> tuple[Learners, Metrics]:
        """The whole update, one half after the other.

        Neither half needs what the other computes, so XLA would run them side by side and keep the activations of both. The
        barrier lets the critic's begin when the actor's is done.
        """
        learners, actor_metrics = self.update_actor(learners, batch, key)
        learners, batch = jax.lax.optimization_barrier((learners, batch))
        learners, critic_metrics = self.update_critic(learners, batch)
        return learners, actor_metrics | critic_metrics


def make_learning(config: TrainConfig, action_dim: int, networks: Mapping[str, Role]) -> Learning:
    """The update of a run, for the specification's three networks."""
    actor, sa_encoder, g_encoder = networks["actor"], networks["sa_encoder"], networks["g_encoder"]
    actor_adam = optax.adam(config.actor_learning_rate)
    critic_adam = optax.adam(config.critic_learning_rate)
    alpha_adam = optax.adam(config.alpha_learning_rate)
    target_entropy = config.target_entropy * action_dim

    @jax.jit
    def init(key: jax.Array) -> Learners:
        actor_key, sa_key, g_key = jax.random.split(key, 3)
        return Learners(
            actor=learner(actor.init(actor_key), actor_adam),
            sa_encoder=learner(sa_encoder.init(sa_key), critic_adam),
            g_encoder=learner(g_encoder.init(g_key), critic_adam),
            alpha=learner(Weights(params=jnp.zeros(()), variables=()), alpha_adam),  # log α
        )

    def update_actor(learners: Learners, batch: Batch, key: jax.Array) -> tuple[Learners, Metrics]:
        alpha = jnp.exp(learners.alpha.weights.params)
        goal = g_encoder.apply(learners.g_encoder.weights, batch.goal)
        observation = jnp.concatenate([batch.state, batch.goal], axis=-1)

        def loss(params: Any) -> tuple[jax.Array, tuple[jax.Array, Any]]:
            weights = replace(learners.actor.weights, params=params)
            (mean, log_std), variables = actor.apply_training(weights, observation)
            action, log_prob = losses.sample_action(mean, log_std, jax.random.normal(key, mean.shape))
            reached = sa_encoder.apply(learners.sa_encoder.weights, jnp.concatenate([batch.state, action], axis=-1))
            return losses.actor_loss(alpha, log_prob, losses.energy(reached, goal)), (log_prob, variables)

        def temperature_loss(log_alpha: jax.Array) -> jax.Array:
            return losses.alpha_loss(log_alpha, log_prob, target_entropy)

        params = learners.actor.weights.params
        (actor_loss, (log_prob, variables)), gradient = jax.value_and_grad(loss, has_aux=True)(params)
        alpha_loss, alpha_gradient = jax.value_and_grad(temperature_loss)(learners.alpha.weights.params)
        metrics = {
            "actor_loss": actor_loss,
            "actor_grad_norm": optax.tree.norm(gradient),
            "alpha_loss": alpha_loss,
            "alpha": alpha,
            "entropy": -jnp.mean(log_prob),
        }
        new_actor = descend(learners.actor, gradient, variables, actor_adam)
        new_alpha = descend(learners.alpha, alpha_gradient, (), alpha_adam)
        return replace(learners, actor=new_actor, alpha=new_alpha), metrics

    def update_critic(learners: Learners, batch: Batch) -> tuple[Learners, Metrics]:
        state_action = jnp.concatenate([batch.state, batch.action], axis=-1)

        def loss(params: tuple[Any, Any]) -> tuple[jax.Array, tuple[jax.Array, Any, Any]]:
            sa_weights = replace(learners.sa_encoder.weights, params=params[0])
            g_weights = replace(learners.g_encoder.weights, params=params[1])
            sa, sa_variables = sa_encoder.apply_training(sa_weights, state_action)
            g, g_variables = g_encoder.apply_training(g_weights, batch.goal)
            logits = losses.pairwise_energy(sa, g)
            return losses.contrastive_loss(logits, config.logsumexp_penalty), (logits, sa_variables, g_variables)

        params = (learners.sa_encoder.weights.params, learners.g_encoder.weights.params)
        (critic_loss, (logits, *variables)), gradients = jax.value_and_grad(loss, has_aux=True)(params)
        metrics = {"critic_loss": critic_loss, "critic_grad_norm": optax.tree.norm(gradients), **describe(logits)}
        new_sa_encoder = descend(learners.sa_encoder, gradients[0], variables[0], critic_adam)
        new_g_encoder = descend(learners.g_encoder, gradients[1], variables[1], critic_adam)
        return replace(learners, sa_encoder=new_sa_encoder, g_encoder=new_g_encoder), metrics

    return Learning(init, update_actor, update_critic)


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
