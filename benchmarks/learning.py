"""Learning on a CPU: an ant that has trained for some minutes against policies that know nothing, in the same episodes.

python benchmarks/learning.py
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
from record import record

from archlang_runtime import envs
from archlang_runtime.config import TrainConfig
from archlang_runtime.energies import ENERGIES
from archlang_runtime.envs.base import EnvState
from archlang_runtime.envs.episodes import reset
from archlang_runtime.evaluate import evaluation_key, restore_agent
from archlang_runtime.folder import RunFolder
from archlang_runtime.networks import Role, take_apart
from archlang_runtime.policy import Agent, make_policy

SEEDS = (0, 1, 2)
EPISODES, STEPS = 256, 1_000  # of the comparison; the paper's episodes are as long
SETTINGS = {
    "env": "ant",
    "steps": 2_000_000,
    "num-envs": 64,
    "episode-length": 500,
    "unroll-length": 50,
    "updates-per-unroll": 80,
    "unrolls-per-epoch": 125,
    "replay-rows": 5_000,
    "prefill-rows": 500,
    "batch-size": 256,
    "num-eval-envs": 64,
    "actor-learning-rate": 1e-3,
    "critic-learning-rate": 1e-3,
    "alpha-learning-rate": 3e-3,
}
SPECIFICATION = ("wang2025/base", "--set", "depth=4", "--set", "width=128")
ACTORS = {"mean action": (1, False), "drawn action": (1, True), "best of 16": (16, False)}  # `best_of` and `noise` of a policy
UNIFORM = "uniform actions"
POLICIES = [*ACTORS, UNIFORM]
Numbers = dict[str, jax.Array]


def train(seed: int, out: Path) -> float:
    """One run in a process of its own: whole-process seconds, compilation and evaluations included."""
    options = [word for name, value in SETTINGS.items() for word in (f"--{name}", str(value))]
    command = ["-m", "archlang", "train", *SPECIFICATION, *options, "--seed", str(seed), "--out", str(out)]
    start = time.perf_counter()
    subprocess.run([sys.executable, *command], check=True, stdout=sys.stderr)
    return time.perf_counter() - start


def compare(out: Path, seed: int) -> dict[str, Any]:
    """The trained agent, the same networks untrained, and uniform actions, from the same starts to the same goals."""
    folder = RunFolder(out)
    experiment = folder.load_experiment()
    config = experiment.config
    networks = take_apart(experiment.plan, envs.find_task(config.environment).environment)
    epoch, trained = restore_agent(folder, networks)
    untrained = {name: role.init(jax.random.key(seed)) for name, role in networks.items()}
    agents = {"trained": trained, "untrained": untrained}
    cases = {f"{name}, {how}": (agent, how) for name, agent in agents.items() for how in ACTORS} | {
        UNIFORM: (untrained, UNIFORM)
    }
    rollout = make_rollout(config, networks, evaluation_key(seed, 0))
    measured = {name: rollout(agent, jnp.array(POLICIES.index(how))) for name, (agent, how) in cases.items()}
    counts = {"env_steps": config.steps_after(epoch), "updates": epoch * config.updates_per_epoch}
    return counts | {name: {key: round(float(value), 3) for key, value in each.items()} for name, each in measured.items()}


def make_rollout(config: TrainConfig, networks: Mapping[str, Role], key: jax.Array) -> Callable[[Agent, jax.Array], Numbers]:
    """`rollout(agent, how)`: what `EPISODES` episodes come to, `how` indexes `POLICIES`; starts and goals drawn with `key`."""
    task = envs.find_task(config.environment)
    env = envs.load(task)
    start = reset(env, key, EPISODES)
    policies = [make_policy(networks, ENERGIES[config.energy], best_of, noise) for best_of, noise in ACTORS.values()]

    def uniform(_: Agent, state: jax.Array, goal: jax.Array, key: jax.Array) -> jax.Array:
        return jax.random.uniform(key, (EPISODES, task.environment.action_dim), jnp.float32, -1, 1)

    @jax.jit
    def rollout(agent: Agent, how: jax.Array) -> Numbers:
        def step(state: EnvState, key: jax.Array) -> tuple[EnvState, tuple[jax.Array, jax.Array]]:
            action = jax.lax.switch(how, [*policies, uniform], agent, state.state, state.goal, key)
            after = jax.vmap(env.step)(state, action)
            return after, (jnp.linalg.norm(task.achieved(after.state) - after.goal, axis=-1), after.terminated)

        _, (distance, fallen) = jax.lax.scan(step, start, jax.random.split(key, STEPS))
        upright = jnp.cumsum(fallen, axis=0) == 0
        at_goal = upright & (distance < task.radius)
        return {
            "time_at_goal": jnp.mean(at_goal),
            "reached_goal": jnp.mean(jnp.any(at_goal, axis=0)),
            "nearest_m": jnp.mean(jnp.min(jnp.where(upright, distance, jnp.inf), axis=0)),
            "fallen": jnp.mean(~upright[-1]),
        }

    return rollout


def main() -> None:
    results: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        for seed in SEEDS:
            out = Path(folder) / str(seed)
            seconds = train(seed, out)
            results[f"seed {seed}"] = {"training_seconds": round(seconds, 1), **compare(out, seed)}
    record("learning", "python benchmarks/learning.py", {"settings": SETTINGS, "episodes": EPISODES, "steps": STEPS, **results})


if __name__ == "__main__":
    main()
