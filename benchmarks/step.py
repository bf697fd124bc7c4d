"""One SGD step of the paper's three networks, compiled for an H100: seconds to trace and compile, and XLA's plan of its memory.

    JAX_PLATFORMS=cpu python benchmarks/step.py [depth …]

Actor and both encoders with their Adams, state 268, action 17, goal 3, width 256, batch 512: the update that `archlang train`
runs, nothing left out. "as written" is the network of the paper's code, a Python loop over the blocks, with both halves of the
update in one program; "unrolled" is the same with our barrier between the halves. Nothing is run, and no GPU is needed.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from typing import Any

from record import record

GPU = "h100-80gb"
STATE, ACTION, GOAL, BATCH = 268, 17, 3, 512
BLOCK = "res(4x<dense256, ln, swish>)"
VARIANTS = {  # name: (the trunk's blocks, whether the halves of the update are ordered)
    "as written": ("{n}x %s", False),
    "unrolled": ("{n}x %s", True),
    "scan, bare": ("@remat(none) %s*{n}", True),
    "scan, default": ("%s*{n}", True),
    "scan, full": ("@remat(full) %s*{n}", True),
}
HEADS = ("actor = trunk, gaussian", "sa_encoder = trunk, dense64", "g_encoder = trunk, dense64")
UNROLLED = ("as written", "unrolled")
UNROLLED_UP_TO = 256  # layers; at 1024 the compiler needs more than 24 GB
DEPTHS = (16, 64, 256, 1024)


def measure(name: str, depth: int) -> dict[str, float]:
    """Compile one variant in this process."""
    from archlang.lower.compile import compile_for, planned_bytes
    from archlang.lower.plugins import find_cuda_compiler
    from archlang.targets import GPUS

    find_cuda_compiler()
    start = time.perf_counter()
    compiled = compile_for(GPUS[GPU], *program(*VARIANTS[name], depth), donate_argnums=0)
    seconds = time.perf_counter() - start
    megabytes = {"temp_MB": compiled.memory_analysis().temp_size_in_bytes, "total_MB": planned_bytes(compiled)}
    return {"seconds": round(seconds, 2), **{name: round(size / 1e6, 1) for name, size in megabytes.items()}}


def program(blocks: str, ordered: bool, depth: int) -> tuple[Any, ...]:
    """The update, and what it takes: what is learned, a batch, a key."""
    import jax

    import archlang
    from archlang_runtime.config import TrainConfig
    from archlang_runtime.learn import make_learning
    from archlang_runtime.networks import take_apart
    from archlang_runtime.replay import Batch

    trunk = f"trunk = dense256, ln, swish, {(blocks % BLOCK).replace('{n}', str(depth // 4))}"
    spec = archlang.parse("\n".join([trunk, *HEADS]))
    humanoid = archlang.Environment("humanoid", STATE, GOAL, ACTION)
    roles = take_apart(archlang.plan(spec, env=humanoid), humanoid)
    learning = make_learning(TrainConfig(environment="reacher"), ACTION, roles)

    def side_by_side(learners: Any, batch: Batch, key: Any) -> Any:
        learners, metrics = learning.update_actor(learners, batch, key)
        learners, more = learning.update_critic(learners, batch)
        return learners, metrics | more

    key = jax.eval_shape(lambda: jax.random.key(0))
    batch = Batch(*(jax.ShapeDtypeStruct((BATCH, width), "float32") for width in (STATE, ACTION, GOAL)))
    return learning.update if ordered else side_by_side, jax.eval_shape(learning.init, key), batch, key


def apart(name: str, depth: int) -> dict[str, float] | str:
    """`measure` in a process of its own: nothing is warm, and its memory is its own."""
    command = [sys.executable, __file__, "--one", name, str(depth)]
    done = subprocess.run(command, env=os.environ | {"JAX_PLATFORMS": "cpu"}, capture_output=True, text=True)
    print(f"{name}, {depth} layers: {done.stdout.strip() or done.stderr[-300:]}", file=sys.stderr, flush=True)
    return json.loads(done.stdout) if done.returncode == 0 else "failed"


def main(depths: list[int]) -> None:
    results = {
        f"{depth} layers": {name: apart(name, depth) for name in VARIANTS if name not in UNROLLED or depth <= UNROLLED_UP_TO}
        for depth in depths
    }
    record("step", " ".join(["python benchmarks/step.py", *map(str, depths)]), results)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--one"]:
        print(json.dumps(measure(sys.argv[2], int(sys.argv[3]))))
    else:
        main([int(argument) for argument in sys.argv[1:]] or list(DEPTHS))
