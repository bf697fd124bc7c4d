"""One update on a minibatch: first the actor and α, then the critic. Pure functions of what is learned and of the batch."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from archlang_runtime import losses
from archlang_runtime.blame import norm, squares
from archlang_runtime.config import TrainConfig
from archlang_runtime.energies import ENERGIES, PAIRS
from archlang_runtime.networks import ROLES, Role, Weights
from archlang_runtime.replay import Batch

OPTIMIZERS: Mapping[str, Callable[..., optax.GradientTransformation]] = {
    "adam": optax.adam,  # Kingma & Ba 2015
    "adamw": optax.adamw,  # Loshchilov & Hutter 2019
    "sgd": optax.sgd,  # without momentum
    "lion": optax.lion,  # Chen et al. 2023
}
Metrics = dict[str, Any]  # f32[] by name; and, called `LAYERS`, the squares of each network's gradient, layer by layer
LAYERS = "layers"


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Learner:
    """Weights and what their optimizer remembers about them."""

    weights: Weights
    opt_state: optax.OptState


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Learners:
    """Everything that is learned: three networks, and the logarithm of the entropy's weight α, if it is learned."""

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
        barrier lets the critic's begin when the actor's is done, and what is recorded of its gradients with it.
        """
        learners, actor_metrics = self.update_actor(learners, batch, key)
        learners, batch, actor_metrics = jax.lax.optimization_barrier((learners, batch, actor_metrics))
        learners, critic_metrics = self.update_critic(learners, batch)
        layers = actor_metrics.pop(LAYERS) | critic_metrics.pop(LAYERS)
        return learners, actor_metrics | critic_metrics | {LAYERS: layers}


def make_learning(config: TrainConfig, action_dim: int, networks: Mapping[str, Role]) -> Learning:
    """The update of a run, for the specification's three networks."""
    actor, sa_encoder, g_encoder = networks["actor"], networks["sa_encoder"], networks["g_encoder"]
    actor_optimizer = make_optimizer(config, config.actor_learning_rate)
    critic_optimizer = make_optimizer(config, config.critic_learning_rate)
    alpha_adam = optax.adam(config.alpha_learning_rate)
    target_entropy = config.target_entropy * action_dim
    energy, contrastive_loss = ENERGIES[config.energy], losses.LOSSES[config.loss]
    with_entropy = config.entropy == "learned"

    @jax.jit
    def init(key: jax.Array) -> Learners:
        actor_key, sa_key, g_key = jax.random.split(key, 3)
        return Learners(
            actor=learner(actor.init(actor_key), actor_optimizer),
            sa_encoder=learner(sa_encoder.init(sa_key), critic_optimizer),
            g_encoder=learner(g_encoder.init(g_key), critic_optimizer),
            alpha=learner(Weights(params=jnp.zeros(()) if with_entropy else (), variables=()), alpha_adam),  # log α
        )

    def update_actor(learners: Learners, batch: Batch, key: jax.Array) -> tuple[Learners, Metrics]:
        alpha = jnp.exp(learners.alpha.weights.params) if with_entropy else None
        goal = g_encoder.apply(learners.g_encoder.weights, batch.goal)
        observation = jnp.concatenate([batch.state, batch.goal], axis=-1)

        def loss(params: Any) -> tuple[jax.Array, tuple[jax.Array, Any]]:
            weights = replace(learners.actor.weights, params=params)
            (mean, log_std), variables = actor.apply_training(weights, observation)
            action, log_prob = losses.sample_action(mean, log_std, jax.random.normal(key, mean.shape))
            reached = sa_encoder.apply(learners.sa_encoder.weights, jnp.concatenate([batch.state, action], axis=-1))
            return losses.actor_loss(alpha, log_prob, energy(reached, goal)), (log_prob, variables)

        params = learners.actor.weights.params
        (actor_loss, (log_prob, variables)), gradient = jax.value_and_grad(loss, has_aux=True)(params)
        layers = {"actor": squares(gradient, actor.stacked_axes)}
        metrics = {"actor_loss": actor_loss, "actor_grad_norm": norm(layers), "entropy": -jnp.mean(log_prob), LAYERS: layers}
        learners = replace(learners, actor=descend(learners.actor, gradient, variables, actor_optimizer))
        if not with_entropy:
            return learners, metrics
        new_alpha, alpha_metrics = update_alpha(learners.alpha, log_prob)
        return replace(learners, alpha=new_alpha), metrics | alpha_metrics

    def update_alpha(alpha: Learner, log_prob: jax.Array) -> tuple[Learner, Metrics]:
        log_alpha = alpha.weights.params
        loss, gradient = jax.value_and_grad(losses.alpha_loss)(log_alpha, log_prob, target_entropy)
        return descend(alpha, gradient, (), alpha_adam), {"alpha_loss": loss, "alpha": jnp.exp(log_alpha)}

    def update_critic(learners: Learners, batch: Batch) -> tuple[Learners, Metrics]:
        state_action = jnp.concatenate([batch.state, batch.action], axis=-1)

        def loss(sa: jax.Array, g: jax.Array) -> tuple[jax.Array, jax.Array]:
            logits = energy(sa, g, PAIRS)
            return contrastive_loss(logits, config.logsumexp_penalty), logits

        sa, sa_backward, sa_variables = forward(sa_encoder, learners.sa_encoder.weights, state_action)
        g, g_backward, g_variables = forward(g_encoder, learners.g_encoder.weights, batch.goal)
        (critic_loss, logits), (sa_pull, g_pull) = jax.value_and_grad(loss, argnums=(0, 1), has_aux=True)(sa, g)
        # One after the other: the derivative of the logits is gone when the first encoder's backward pass begins, and that
        # encoder's activations and gradient when the second's does.
        sa_pull, g_pull = jax.lax.optimization_barrier((sa_pull, g_pull))
        (sa_gradient,) = sa_backward(sa_pull)
        new_sa_encoder = descend(learners.sa_encoder, sa_gradient, sa_variables, critic_optimizer)
        sa_squares = squares(sa_gradient, sa_encoder.stacked_axes)
        new_sa_encoder, sa_squares, g_pull = jax.lax.optimization_barrier((new_sa_encoder, sa_squares, g_pull))
        (g_gradient,) = g_backward(g_pull)
        new_g_encoder = descend(learners.g_encoder, g_gradient, g_variables, critic_optimizer)
        layers = {"sa_encoder": sa_squares, "g_encoder": squares(g_gradient, g_encoder.stacked_axes)}
        metrics = {"critic_loss": critic_loss, "critic_grad_norm": norm(layers), **describe(logits), LAYERS: layers}
        return replace(learners, sa_encoder=new_sa_encoder, g_encoder=new_g_encoder), metrics

    return Learning(init, update_actor, update_critic)


def make_optimizer(config: TrainConfig, learning_rate: float) -> optax.GradientTransformation:
    """A run's optimizer for one of its networks; a decay that was not chosen is optax's own."""
    decay = {} if config.weight_decay is None else {"weight_decay": config.weight_decay}
    return OPTIMIZERS[config.optimizer](learning_rate, **decay)


def learner(weights: Weights, optimizer: optax.GradientTransformation) -> Learner:
    return Learner(weights, optimizer.init(weights.params))


def forward(role: Role, weights: Weights, x: jax.Array) -> tuple[jax.Array, Callable[[jax.Array], tuple[Any]], Any]:
    """A network's output as it is trained, its backward pass (to the parameters), and its variables afterwards."""
    return jax.vjp(lambda params: role.apply_training(replace(weights, params=params), x), weights.params, has_aux=True)


def descend(learner: Learner, gradient: Any, variables: Any, optimizer: optax.GradientTransformation) -> Learner:
    """One step of the optimizer."""
    params = learner.weights.params
    updates, opt_state = optimizer.update(gradient, learner.opt_state, params)
    return Learner(Weights(optax.apply_updates(params, updates), variables), opt_state)


def describe(logits: jax.Array) -> Metrics:
    """How well the critic tells positives (the diagonal of f32[batch, batch]) from negatives."""
    size = logits.shape[0]
    positives = jnp.diag(logits)
    return {
        "positive_logit": jnp.mean(positives),
        "negative_logit": (jnp.sum(logits) - jnp.sum(positives)) / (size * (size - 1)),
        "accuracy": jnp.mean(jnp.argmax(logits, axis=1) == jnp.arange(size)),
    }
