"""Random actions in every environment, as a run collects them: does anything that is not a number reach the buffer?

python benchmarks/random_steps.py --steps 10000000

Steps are shared evenly among the environments. Half of the episodes get actions uniform over [-1, 1], half get -1 or 1
("bang-bang"). What is measured of an environment is recorded when it is done, and a second start with `--continue` goes on with
the others: on a CPU all of it takes hours.
"""

from __future__ import annotations

import argparse
import sys
import time
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from record import record, recorded

from archlang_runtime import envs
from archlang_runtime.envs.episodes import Episodes, advance, begin
from archlang_runtime.envs.table import TASKS, Task

NUM_ENVS, EPISODE_LENGTH, CHUNK = 64, 1_000, 50  # CHUNK: steps of each environment in one call
Counts = dict[str, jax.Array]


def act(key: jax.Array, action_dim: int) -> jax.Array:
    """Uniform actions for the first half of the environments, bang-bang for the others: f32[NUM_ENVS, action_dim]."""
    uniform = jax.random.uniform(key, (NUM_ENVS, action_dim), minval=-1, maxval=1)
    return jnp.where(jnp.arange(NUM_ENVS)[:, None] < NUM_ENVS // 2, uniform, jnp.sign(uniform))


@partial(jax.jit, static_argnames=("env", "action_dim"))
def collect(env: Any, action_dim: int, episodes: Episodes, key: jax.Array) -> tuple[Episodes, Counts]:
    """`CHUNK` steps of every environment, and what of them is bad."""

    def step(episodes: Episodes, key: jax.Array) -> tuple[Episodes, Counts]:
        action_key, reset_key = jax.random.split(key)
        episodes, taken = advance(env, episodes, act(action_key, action_dim), reset_key, EPISODE_LENGTH)
        rows = jnp.concatenate([taken.before, taken.after, episodes.env.goal], axis=-1)
        bad = jnp.sum(~jnp.all(jnp.isfinite(rows), axis=-1))
        return episodes, {"not_finite_rows": bad, "max_abs_state": jnp.max(jnp.abs(taken.after))}

    episodes, counts = jax.lax.scan(step, episodes, jax.random.split(key, CHUNK))
    return episodes, {"not_finite_rows": jnp.sum(counts["not_finite_rows"]), "max_abs_state": jnp.max(counts["max_abs_state"])}


def measure(task: Task, steps: int, seed: int) -> dict[str, float]:
    """At least `steps` steps of one environment. The first call compiles, and is not part of the speed."""
    env, dims = envs.load(task), task.environment
    key, start_key = jax.random.split(jax.random.key(seed))
    times, seen = [time.perf_counter()], []
    episodes = begin(env, start_key, NUM_ENVS)
    for index in range(max(2, -(-steps // (NUM_ENVS * CHUNK)))):
        episodes, counts = collect(env, dims.action_dim, episodes, jax.random.fold_in(key, index))
        seen.append(jax.device_get(counts))
        times.append(time.perf_counter())
    env_steps = len(seen) * NUM_ENVS * CHUNK
    return {
        "env_steps": env_steps,
        "not_finite_rows": sum(int(counts["not_finite_rows"]) for counts in seen),
        "max_abs_state": round(max(float(counts["max_abs_state"]) for counts in seen), 1),
        "episodes_finished": int(jnp.sum(episodes.number)),
        "episodes_blown_up": int(jnp.sum(episodes.blown_up)),
        "environments_hopeless": int(jnp.sum(episodes.hopeless)),
        "first_call_seconds": round(times[1] - times[0], 1),
        "env_steps_per_second": round((env_steps - NUM_ENVS * CHUNK) / (times[-1] - times[1])),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=10_000_000, help="environment steps in all environments of the table")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", nargs="*", choices=TASKS, default=list(TASKS), metavar="E", help="environments")
    parser.add_argument("--continue", dest="go_on", action="store_true", help="leave out what is recorded")
    given = parser.parse_args()
    results = recorded("random_steps") if given.go_on else {}
    results.pop("total", None)
    for name in (name for name in given.only if name not in results):
        results[name] = measure(TASKS[name], -(-given.steps // len(TASKS)), given.seed)
        print(name, results[name], file=sys.stderr, flush=True)
        keep(results, f"python benchmarks/random_steps.py --steps {given.steps} --seed {given.seed}")


def keep(results: dict[str, dict[str, float]], command: str) -> None:
    """Record what is known so far, in the order of the table, with the sums."""
    counts = ("env_steps", "not_finite_rows", "episodes_finished", "episodes_blown_up", "environments_hopeless")
    total = {"environments": len(results)} | {count: sum(each[count] for each in results.values()) for count in counts}
    record("random_steps", command, {"total": total} | {name: results[name] for name in TASKS if name in results})


if __name__ == "__main__":
    main()
