"""How long the agent stays at its goal, acting without noise: tanh of the mean."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp

from archlang_runtime import envs
from archlang_runtime.checkpoint import Checkpoints
from archlang_runtime.envs.base import EnvState
from archlang_runtime.envs.episodes import reset
from archlang_runtime.errors import error
from archlang_runtime.folder import RunFolder
from archlang_runtime.networks import Role, Weights, take_apart

EVALUATION = 0x6576616C  # sets the keys of evaluations apart from those of training


def make_evaluate(
    environment: str, networks: Mapping[str, Role], num_episodes: int, episode_length: int
) -> Callable[[Weights, jax.Array], dict[str, jax.Array]]:
    """`evaluate(weights, key)`: the actor in `num_episodes` new episodes of `episode_length` steps.

    Returns means over the episodes: `time_at_goal`, the share of an episode's steps that end within the goal's radius;
    `steps_at_goal`, their number (the paper's metric); `reached_goal`, the share of episodes with at least one.
    """
    task = envs.find_task(environment)
    env = envs.load(task.factory)
    actor = networks["actor"]

    @jax.jit
    def rollout(weights: Weights, start: EnvState) -> dict[str, jax.Array]:
        def step(state: EnvState, _: None) -> tuple[EnvState, jax.Array]:
            mean, _ = actor.apply(weights, jnp.concatenate([state.state, state.goal], axis=-1))
            state = jax.vmap(env.step)(state, jnp.tanh(mean))
            return state, task.at_goal(state.state, state.goal)

        _, at_goal = jax.lax.scan(step, start, length=episode_length)
        steps = jnp.sum(at_goal, axis=0)
        return {
            "time_at_goal": jnp.mean(steps / episode_length),
            "steps_at_goal": jnp.mean(steps.astype(jnp.float32)),
            "reached_goal": jnp.mean(steps > 0, dtype=jnp.float32),
        }

    return lambda weights, key: rollout(weights, reset(env, key, num_episodes))


def evaluation_key(seed: int, number: int) -> jax.Array:
    """The key of an evaluation: it depends on the seed and the number alone, not on what training has drawn."""
    return jax.random.fold_in(jax.random.fold_in(jax.random.key(seed), EVALUATION), number)


def evaluate_run(folder: RunFolder, num_episodes: int, seed: int) -> dict[str, Any]:
    """Evaluate a run's newest checkpoint. A folder without one is E0707; the folder stays as it is."""
    experiment = folder.load_experiment()
    config = experiment.config
    networks = take_apart(experiment.plan, envs.find_task(config.environment).environment)
    epoch, weights = restore_actor(folder, networks["actor"])
    evaluate = make_evaluate(config.environment, networks, num_episodes, config.episode_length)
    measured = evaluate(weights, evaluation_key(seed, 0))
    counts = {"epoch": epoch, "env_steps": config.steps_after(epoch), "episode_length": config.episode_length}
    return counts | {"episodes": num_episodes, "seed": seed} | {name: float(value) for name, value in measured.items()}


def restore_actor(folder: RunFolder, actor: Role) -> tuple[int, Weights]:
    """The newest epoch that is stored, and its policy; nothing else of the checkpoint is read."""
    with Checkpoints(folder.checkpoints) as checkpoints:
        epoch = checkpoints.latest()
        if epoch is None:
            raise error(
                "E0707",
                f"{folder.path} has no checkpoint yet",
                folder.path,
                "the first is written when the first epoch is over",
            )
        return epoch, checkpoints.restore(epoch, jax.eval_shape(actor.init, jax.random.key(0)), "learners.actor.weights.")
