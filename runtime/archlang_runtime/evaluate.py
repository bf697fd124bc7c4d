"""How long an agent stays at its goal."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp

from archlang_runtime import envs
from archlang_runtime.checkpoint import Checkpoints, epochs_in
from archlang_runtime.config import TrainConfig
from archlang_runtime.energies import ENERGIES
from archlang_runtime.envs.base import EnvState
from archlang_runtime.envs.episodes import blown_up, reset
from archlang_runtime.errors import error
from archlang_runtime.folder import RunFolder, best_epoch
from archlang_runtime.networks import Role, take_apart
from archlang_runtime.policy import Agent, Policy, make_policy

EVALUATION = 0x6576616C  # sets the keys of evaluations apart from those of training
ACTIONS = 0x616374  # … and the keys of actions from those of starts and goals
Rollout = Callable[[Agent, EnvState, jax.Array], tuple[jax.Array, jax.Array, Any]]


def make_evaluate(
    environment: str, policy: Policy, num_episodes: int, episode_length: int
) -> Callable[[Agent, jax.Array], dict[str, jax.Array]]:
    """`evaluate(agent, key)`: the agent in `num_episodes` new episodes of `episode_length` steps.

    Returns means over the episodes: `time_at_goal`, the share of an episode's steps that end within the goal's radius;
    `steps_at_goal`, their number (the paper's metric); `reached_goal`, the share of episodes with at least one. An episode
    that ends before its time (a fall) counts no further step, and is not begun anew.
    """
    env = envs.load(envs.find_task(environment))
    rollout = make_rollout(environment, policy, episode_length, lambda _: ())

    @jax.jit
    def measure(agent: Agent, start: EnvState, key: jax.Array) -> dict[str, jax.Array]:
        _, at_goal, _ = rollout(agent, start, key)
        steps = jnp.sum(at_goal, axis=0)
        return {
            "time_at_goal": jnp.mean(steps / episode_length),
            "steps_at_goal": jnp.mean(steps.astype(jnp.float32)),
            "reached_goal": jnp.mean(steps > 0, dtype=jnp.float32),
        }

    def evaluate(agent: Agent, key: jax.Array) -> dict[str, jax.Array]:
        return measure(agent, reset(env, key, num_episodes), jax.random.fold_in(key, ACTIONS))

    return evaluate


def make_rollout(environment: str, policy: Policy, num_steps: int, watch: Callable[[EnvState], Any]) -> Rollout:
    """`rollout(agent, start, key)`: the agent in episodes that begin with `start`, for `num_steps` steps.

    Returns, with leading axes [num_steps, num_envs]: whether the episode was still going on before each step; whether it was,
    and the step ends within the goal's radius; and what `watch` makes of the state after it.
    """
    task = envs.find_task(environment)
    env = envs.load(task)

    def rollout(agent: Agent, start: EnvState, key: jax.Array) -> tuple[jax.Array, jax.Array, Any]:
        def step(carry: tuple[EnvState, jax.Array], key: jax.Array) -> tuple[tuple[EnvState, jax.Array], Any]:
            state, going_on = carry
            state = jax.vmap(env.step)(state, policy(agent, state.state, state.goal, key))
            at_goal = going_on & task.at_goal(state.state, state.goal)
            return (state, going_on & ~state.terminated & ~blown_up(state)), (going_on, at_goal, watch(state))

        everyone = jnp.ones(start.terminated.shape, bool)
        return jax.lax.scan(step, (start, everyone), jax.random.split(key, num_steps))[1]

    return rollout


def evaluation_key(seed: int, number: int) -> jax.Array:
    """The key of an evaluation: it depends on the seed and the number alone, not on what training has drawn."""
    return jax.random.fold_in(jax.random.fold_in(jax.random.key(seed), EVALUATION), number)


def evaluate_run(
    folder: RunFolder, num_episodes: int, seed: int, best_of: int | None = None, which: str = "newest"
) -> dict[str, Any]:
    """Evaluate a run's checkpoint (see `find_checkpoint`) as the run itself does, or by the best of `best_of` actions.

    A folder without it is E0707; the folder stays as it is.
    """
    config, policy, epoch, agent = restore_policy(folder, which, best_of)
    best_of = best_of or config.eval_best_of
    evaluate = make_evaluate(config.evaluated_in, policy, num_episodes, config.episode_length)
    measured = evaluate(agent, evaluation_key(seed, 0))
    steps = folder.env_steps(epoch) or config.steps_after(epoch)
    counts = {"environment": config.evaluated_in, "epoch": epoch, "env_steps": steps}
    how = {"episode_length": config.episode_length, "episodes": num_episodes, "seed": seed, "best_of": best_of}
    return counts | how | {name: float(value) for name, value in measured.items()}


def restore_policy(folder: RunFolder, which: str, best_of: int | None = None) -> tuple[TrainConfig, Policy, int, Agent]:
    """How a run's evaluations act, or the best of `best_of` actions; and a checkpoint's epoch and agent."""
    experiment = folder.load_experiment()
    config = experiment.config
    networks = take_apart(experiment.plan, envs.find_task(config.environment).environment)
    policy = make_policy(networks, ENERGIES[config.energy], best_of or config.eval_best_of, noise=False)
    return config, policy, *restore_agent(folder, networks, which)


def restore_agent(folder: RunFolder, networks: Mapping[str, Role], which: str = "newest") -> tuple[int, Agent]:
    """A checkpoint's epoch, and the weights of its networks; nothing else of it is read."""
    place, epoch = find_checkpoint(folder, which)
    with Checkpoints(place) as checkpoints:
        return epoch, {
            name: checkpoints.restore(epoch, jax.eval_shape(role.init, jax.random.key(0)), f"learners.{name}.weights.")
            for name, role in networks.items()
        }


def find_checkpoint(folder: RunFolder, which: str) -> tuple[Path, int]:
    """The place and the epoch of a checkpoint: `newest`, `best` (by time at goal) or the number of one that is kept.

    Without any, what was imported, as epoch 0; without that, E0707.
    """
    for place in (folder.checkpoints, folder.imported):
        stored = epochs_in(place)
        if stored:
            return place, pick(folder, stored, which)
    help = "the first is written when the first epoch is over"
    raise error("E0707", f"{folder.path} has no checkpoint yet", folder.path, help)


def pick(folder: RunFolder, stored: list[int], which: str) -> int:
    known = {"newest": stored[-1], "best": best_epoch(folder.read_metrics())} | {str(epoch): epoch for epoch in stored}
    epoch = known.get(which)
    if epoch not in stored:
        help = f"there are: newest, best, {', '.join(map(str, stored))}"
        raise error("E0707", f"{folder.path} has no checkpoint `{which}`", "--checkpoint", help)
    return epoch
