"""What `memory.py` compiles of JaxGCRL: insertion into its buffer and its relabelling, on shapes alone. Nothing is run.

    PYTHON memory_jaxgcrl.py CHECKOUT '{"num_envs": 512, …}' cpu | GPU

The functions are theirs, joined as in their training step: sample, relabel, shuffle, cut into minibatches.
"""

from __future__ import annotations

import json
import sys
from types import ModuleType


def stand_in_for_old_brax():
    """Newer brax has no `brax.v1`, from which their file takes names for type hints alone."""
    old, envs = ModuleType("brax.v1"), ModuleType("brax.v1.envs")
    envs.Env = envs.State = envs.Wrapper = object
    old.envs = envs
    sys.modules |= {"brax.v1": old, "brax.v1.envs": envs}


def functions(sizes):
    """Their insertion and their relabelling, and the shapes that each takes."""
    import jax
    import jax.numpy as jnp
    from jaxgcrl.agents.crl.crl import Transition, flatten_batch
    from jaxgcrl.utils.replay_buffer import TrajectoryUniformSamplingQueue

    num_envs, width = sizes["num_envs"], sizes["state_dim"] + sizes["goal_dim"]

    def transition(*leading):
        extras = {"state_extras": {name: jnp.zeros(leading) for name in ("truncation", "traj_id")}}
        return Transition(
            jnp.zeros((*leading, width)),
            jnp.zeros((*leading, sizes["action_dim"])),
            jnp.zeros(leading),
            jnp.zeros(leading),
            extras,
        )

    queue = TrajectoryUniformSamplingQueue(
        sizes["replay_rows"], transition(), sizes["batch_size"], num_envs, sizes["episode_length"]
    )
    goal = tuple(range(sizes["goal_dim"]))

    def relabel(buffer, key):
        buffer, windows = queue.sample(buffer)
        keys = jax.random.split(key, num_envs)
        rows = jax.vmap(flatten_batch, in_axes=(None, 0, 0))((0.99, sizes["state_dim"], goal), windows, keys)
        rows = jax.tree_util.tree_map(lambda x: jnp.reshape(x, (-1, *x.shape[2:]), order="F"), rows)
        order = jax.random.permutation(key, len(rows.observation))
        rows = jax.tree_util.tree_map(lambda x: x[order], rows)
        whole = len(order) - len(order) % sizes["batch_size"]
        return buffer, jax.tree_util.tree_map(lambda x: x[:whole].reshape(-1, sizes["batch_size"], *x.shape[1:]), rows)

    key = jax.eval_shape(lambda: jax.random.PRNGKey(0))
    buffer = jax.eval_shape(queue.init, key)
    unroll = jax.eval_shape(lambda: transition(sizes["unroll_length"], num_envs))
    return {"insert": (queue.insert, (buffer, unroll)), "relabel": (relabel, (buffer, key))}


def compiler(target):
    """What compiles a function, on shapes, with its first argument donated."""
    if target == "cpu":
        import jax

        return lambda function, arguments: jax.jit(function, donate_argnums=0).lower(*arguments).compile()
    from archlang.lower.compile import compile_for
    from archlang.lower.plugins import find_cuda_compiler
    from archlang.targets import GPUS

    find_cuda_compiler()
    return lambda function, arguments: compile_for(GPUS[target], function, *arguments, donate_argnums=0)


def main(checkout, sizes, target):
    compiled = compiler(target)
    sys.path.insert(0, checkout)
    try:
        import brax.v1  # noqa: F401
    except ImportError:
        stand_in_for_old_brax()
    print(json.dumps({name: temporary_and_new(compiled(*what)) for name, what in functions(sizes).items()}))


def temporary_and_new(program):
    """Bytes of a compiled program's temporaries, and of those of its outputs that do not take an argument's place."""
    plan = program.memory_analysis()
    return [plan.temp_size_in_bytes, plan.output_size_in_bytes - plan.alias_size_in_bytes]


if __name__ == "__main__":
    main(sys.argv[1], json.loads(sys.argv[2]), sys.argv[3])
