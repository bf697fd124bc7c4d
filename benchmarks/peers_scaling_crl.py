"""The worker of `peers.py` that runs the paper's code, under a Python in which that code runs: not ours.

    PYTHON peers_scaling_crl.py CHECKOUT '{"environment": "reacher", …}'

Their `train.py` is a script: it is read from the checkout and run up to its training loop, with their own argument parser and
their own prefill. From there on the programs are theirs, jitted here, with their state donated: that spares them the copy of
the buffer that their script makes once an epoch. The only change: where the gradient steps are left out, `sgd_step` is a sum
over what it reads of each minibatch, so that the compiler computes the minibatches all the same.
"""

from __future__ import annotations

import ast
import json
import sys
from pathlib import Path
from types import ModuleType

from serve import serve

PACKAGES = ("jax", "jaxlib", "flax", "optax", "brax", "mujoco")
FLAGS = {  # their names of each of our settings
    "environment": ["env_id"],
    "depth": ["actor_depth", "critic_depth"],
    "num_envs": ["num_envs"],
    "episode_length": ["episode_length"],
    "unroll_length": ["unroll_length"],
    "updates_per_unroll": ["num_sgd_batches_per_training_step"],
    "replay_rows": ["max_replay_size"],
    "prefill_rows": ["min_replay_size"],
    "batch_size": ["batch_size"],
}
THEIR_LOOP = "training_walltime"  # the first name that their training loop sets


def load(checkout, settings):
    """Their script as a module, run up to its training loop."""
    options = [f"--{flag}={value}" for name, value in settings.items() for flag in FLAGS[name]]
    sys.argv = ["train.py", *options, "--no-track", "--no-checkpoint", "--no-capture_vis"]
    sys.path.insert(0, str(checkout))
    script = checkout / "train.py"
    module = sys.modules["train"] = ModuleType("train")
    exec(compile(until_the_loop(ast.parse(script.read_text())), str(script), "exec"), vars(module))
    return module


def until_the_loop(tree):
    """Their definitions, and what stands in the script's last block, which is only run as a script, before the loop."""
    *definitions, main = tree.body
    loop = next(index for index, node in enumerate(main.body) if THEIR_LOOP in assigned(node))
    return ast.Module([*definitions, *main.body[:loop]], type_ignores=[])


def assigned(node):
    return [target.id for target in getattr(node, "targets", []) if isinstance(target, ast.Name)]


def programs(train):
    """Their training step; the same without its gradient steps; its first part alone. Each goes on where another stopped."""
    import jax

    def sums(carry, batch):
        read = batch.observation, batch.action, batch.extras["future_state"]
        return carry, {"sum": sum(leaf.sum() for leaf in read)}

    def collect(training, env, buffer, key):
        env, buffer = train.get_experience(training, env, buffer, key)
        return (training, env, buffer), {}

    def step(training, env, buffer, key):
        return train.training_step.__wrapped__(training, env, buffer, key, 0)

    def without_gradients(training, env, buffer, key):
        theirs, train.sgd_step = train.sgd_step, sums
        try:
            return step(training, env, buffer, key)
        finally:
            train.sgd_step = theirs

    state = [train.training_state, train.env_state, train.buffer_state]
    functions = {"collect": collect, "collect_relabel": without_gradients, "training_step": step}
    return {name: ready(jax.jit(function, donate_argnums=(0, 1, 2)), state) for name, function in functions.items()}


def ready(program, state):
    """A function that runs the program once, from `state` to `state`; it has been compiled."""
    import jax

    def run():
        state[:], _ = jax.block_until_ready(program(*state, jax.random.PRNGKey(0)))

    run()
    return run


if __name__ == "__main__":
    serve(PACKAGES, lambda: programs(load(Path(sys.argv[1]), json.loads(sys.argv[2]))))
