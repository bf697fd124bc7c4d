"""What the benchmarks of an update measure: one SGD step of the paper's three networks, as `archlang train` makes it.

Actor and both encoders with their Adams; state 268, action 17, goal 3, width 256. "as written" is the network of the paper's
code, a Python loop over the blocks, in whatever order XLA chooses; "unrolled" is the same with our barriers, which put the
actor's update before the critic's, and one encoder's gradient before the other's; the others are scans, under each policy.
"""

from __future__ import annotations

from typing import Any
from unittest import mock

STATE, ACTION, GOAL, BATCH = 268, 17, 3, 512
BLOCK = "res(4x<dense256, ln, swish>)"
VARIANTS = {  # name: (the trunk's blocks, whether the halves of the update are ordered)
    "as written": ("{n}x %s", False),
    "unrolled": ("{n}x %s", True),
    "bare scan": ("@remat(none) %s*{n}", True),
    "default": ("%s*{n}", True),
    "default, unroll 2": ("@unroll(2) %s*{n}", True),
    "full": ("@remat(full) %s*{n}", True),
    "nested": ("@remat(nested) %s*{n}", True),
}
UNROLLED = ("as written", "unrolled")
HEADS = ("actor = trunk, gaussian", "sa_encoder = trunk, dense64", "g_encoder = trunk, dense64")


def program(variant: str, depth: int, batch: int = BATCH) -> tuple[Any, tuple[Any, ...], Any]:
    """The update; the shapes of what it takes: what is learned, a batch, a key; and how what is learned begins, from a key."""
    import jax

    import archlang
    from archlang_runtime.config import TrainConfig
    from archlang_runtime.learn import make_learning
    from archlang_runtime.networks import take_apart
    from archlang_runtime.replay import Batch

    blocks, ordered = VARIANTS[variant]
    trunk = f"trunk = dense256, ln, swish, {(blocks % BLOCK).replace('{n}', str(depth // 4))}"
    humanoid = archlang.Environment("humanoid", STATE, GOAL, ACTION)
    plan = archlang.plan(archlang.parse("\n".join([trunk, *HEADS])), env=humanoid)
    learning = make_learning(TrainConfig(environment="reacher"), ACTION, take_apart(plan, humanoid))

    def side_by_side(learners: Any, batch: Batch, key: Any) -> Any:
        with mock.patch("jax.lax.optimization_barrier", lambda operands: operands):
            return learning.update(learners, batch, key)

    key = jax.eval_shape(lambda: jax.random.key(0))
    rows = Batch(*(jax.ShapeDtypeStruct((batch, width), "float32") for width in (STATE, ACTION, GOAL)))
    shapes = (jax.eval_shape(learning.init, key), rows, key)
    return learning.update if ordered else side_by_side, shapes, learning.init
