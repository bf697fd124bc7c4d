"""How an agent acts: by its actor's distribution, or by the best of several actions as its critic sees them."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import jax
import jax.numpy as jnp

from archlang_runtime import losses
from archlang_runtime.energies import Energy
from archlang_runtime.networks import Role, Weights

Agent = Mapping[str, Weights]  # actor, sa_encoder, g_encoder
Policy = Callable[[Agent, jax.Array, jax.Array, jax.Array], jax.Array]


def make_policy(networks: Mapping[str, Role], energy: Energy, best_of: int, noise: bool) -> Policy:
    """`act(agent, state, goal, key)`: f32[num_envs, state_dim], f32[num_envs, goal_dim] -> f32[num_envs, action_dim].

    An action drawn from the actor; or, without `noise`, tanh of its mean. If `best_of` is more than one: that many are drawn,
    and the one with the highest energy f(s, a, g) is taken (`expl_actor` and `eval_actor` of the paper's released code).
    """
    actor, sa_encoder, g_encoder = networks["actor"], networks["sa_encoder"], networks["g_encoder"]

    def distribution(agent: Agent, state: jax.Array, goal: jax.Array) -> tuple[jax.Array, jax.Array]:
        return actor.apply(agent["actor"], jnp.concatenate([state, goal], axis=-1))

    def mean(agent: Agent, state: jax.Array, goal: jax.Array, key: jax.Array) -> jax.Array:
        return jnp.tanh(distribution(agent, state, goal)[0])

    def draw(agent: Agent, state: jax.Array, goal: jax.Array, key: jax.Array) -> jax.Array:
        mean, log_std = distribution(agent, state, goal)
        return losses.sample_action(mean, log_std, jax.random.normal(key, mean.shape))[0]

    def best(agent: Agent, state: jax.Array, goal: jax.Array, key: jax.Array) -> jax.Array:
        mean, log_std = distribution(agent, state, goal)
        wanted = g_encoder.apply(agent["g_encoder"], goal)

        def candidate(noise: jax.Array) -> tuple[jax.Array, jax.Array]:
            action, _ = losses.sample_action(mean, log_std, noise)
            reached = sa_encoder.apply(agent["sa_encoder"], jnp.concatenate([state, action], axis=-1))
            return action, energy(reached, wanted)

        actions, energies = jax.vmap(candidate)(jax.random.normal(key, (best_of, *mean.shape)))
        return actions[jnp.argmax(energies, axis=0), jnp.arange(state.shape[0])]

    if best_of > 1:
        return best
    return draw if noise else mean
