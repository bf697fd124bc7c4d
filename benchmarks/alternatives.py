"""Two ways to run stacks that archlang does not take by default, beside the one that it takes: what they would bring.

    python benchmarks/alternatives.py

fused: the trunks of the two encoders in one scan over batched parameters (`jax.vmap`), in place of two scans.
deferred: the backward loop of a stack stores the cotangents of its matrix products, in the place of the products, and what went
into them; the gradients of all kernels are one batched product behind the loop.

The gradient of both encoders' trunks (the critic's half of an update) with 64 layers of width 256: seconds on this machine at
batch 256, medians of interleaved runs; and XLA's plan for an H100 at batch 512, temporary memory and compile time. Everything
is plain jax, `default` too, so that nothing but the loop differs; all compute the same to rounding, which is checked.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax
from record import record

WIDTH, BLOCKS, UNITS = 256, 16, 4
GPU = "h100-80gb"
ROUNDS = 15
Params = dict[str, jax.Array]


def shapes(batch: int) -> tuple[Any, Any]:
    """Parameters of the two trunks, and their inputs."""
    sizes = {"kernel": (WIDTH, WIDTH), "bias": (WIDTH,), "scale": (WIDTH,), "shift": (WIDTH,)}
    trunk = {name: jax.ShapeDtypeStruct((BLOCKS, UNITS, *shape), "float32") for name, shape in sizes.items()}
    return (trunk, trunk), (jax.ShapeDtypeStruct((batch, WIDTH), "float32"),) * 2


# --- a block: res(4x<dense256, ln, swish>) --------------------------------------------------------------------------------


def norm_swish(z: jax.Array, unit: Params) -> jax.Array:
    mean = z.mean(-1, keepdims=True)
    centred = (z - mean) * lax.rsqrt(jnp.square(z - mean).mean(-1, keepdims=True) + 1e-6)
    return jax.nn.swish(centred * unit["scale"][None] + unit["shift"][None])


def unit_of(block: Params, index: int) -> Params:
    return {name: array[index] for name, array in block.items()}


def block_of(x: jax.Array, block: Params) -> jax.Array:
    y = x
    for index in range(UNITS):
        unit = unit_of(block, index)
        y = norm_swish(y @ unit["kernel"] + unit["bias"][None], unit)
    return x + y


def anchored(shape: Any, anchor: jax.Array) -> jax.Array:
    return lax.optimization_barrier((jnp.zeros(shape), anchor))[0]


# --- default: the loop of archlang/lower/loop.py --------------------------------------------------------------------------


def default(x: jax.Array, trunk: Params) -> jax.Array:
    from archlang.lower.loop import run_copies

    names = sorted(trunk)

    def step(x: Any, root: Any, copy: Any) -> Any:
        return block_of(x, {name: copy[i] for i, name in enumerate(names)}), {}

    copies = {i: trunk[name] for i, name in enumerate(names)}
    return run_copies(step, x, x, copies, count=BLOCKS, remat="dots", unroll=1)[0]


# --- deferred -------------------------------------------------------------------------------------------------------------


@jax.custom_vjp
def deferred(x: jax.Array, trunk: Params) -> jax.Array:
    return lax.scan(lambda x, block: (block_of(x, block), None), x, trunk)[0]


def deferred_forward(x: jax.Array, trunk: Params) -> Any:
    def body(carry: Any, block: Params) -> Any:
        index, x, inputs, products = carry
        y, found = x, []
        for number in range(UNITS):
            unit = unit_of(block, number)
            found.append(y @ unit["kernel"])
            y = norm_swish(found[-1] + unit["bias"][None], unit)
        inputs = lax.dynamic_update_index_in_dim(inputs, x, index, 0)
        products = lax.dynamic_update_index_in_dim(products, jnp.stack(found), index, 0)
        return (index + 1, x + y, inputs, products), None

    begin = (0, x, anchored((BLOCKS, *x.shape), x), anchored((BLOCKS, UNITS, *x.shape), x))
    (_, y, inputs, products), _ = lax.scan(body, begin, trunk)
    return y, (inputs, products, trunk)


def deferred_backward(saved: Any, dy: jax.Array) -> Any:
    inputs, products, trunk = saved

    def body(carry: Any, block: Params) -> Any:
        index, dx, cotangents, entering = carry
        x, kept = inputs[index], products[index]
        y, seen, pulls = x, [], []
        for number in range(UNITS):
            unit = unit_of(block, number)
            seen.append(y)
            vectors = {name: unit[name] for name in ("bias", "scale", "shift")}
            y, pull = jax.vjp(lambda z, v: norm_swish(z + v["bias"][None], v), kept[number], vectors)
            pulls.append(pull)
        d, found, gradients = dx, [], []
        for number in reversed(range(UNITS)):
            dz, gradient = pulls[number](d)
            found.insert(0, dz)
            gradients.insert(0, gradient)
            d = dz @ unit_of(block, number)["kernel"].T
        cotangents = lax.dynamic_update_index_in_dim(cotangents, jnp.stack(found), index, 0)
        entering = lax.dynamic_update_index_in_dim(entering, jnp.stack(seen), index, 0)
        return (index - 1, dx + d, cotangents, entering), jax.tree.map(lambda *g: jnp.stack(g), *gradients)

    begin = (BLOCKS - 1, dy, products, anchored(products.shape, dy))  # what was a product becomes its cotangent
    (_, dx, cotangents, entering), vectors = lax.scan(body, begin, trunk, reverse=True)
    kernels = jnp.einsum("nubi,nubo->nuio", entering, cotangents)
    return dx, {**vectors, "kernel": kernels}


deferred.defvjp(deferred_forward, deferred_backward)


# --- the critic's gradient ------------------------------------------------------------------------------------------------


def apart(trunk: Callable[..., jax.Array], params: Any, inputs: Any) -> Any:
    return tuple(trunk(x, p) for x, p in zip(inputs, params, strict=True))


def fused(trunk: Callable[..., jax.Array], params: Any, inputs: Any) -> Any:
    """The parameters lie side by side already, as they would in training: to bring them there is not counted."""
    return jax.vmap(trunk)(inputs, params)


def gradient(both: Callable[..., Any]) -> Callable[..., Any]:
    def loss(params: Any, inputs: Any) -> jax.Array:
        one, other = both(params, inputs)
        return jnp.mean(jax.nn.logsumexp(one @ other.T / WIDTH, axis=1))

    return jax.grad(loss)


VARIANTS = {
    "default": partial(apart, default),
    "fused": partial(fused, default),
    "deferred": partial(apart, deferred),
    "fused and deferred": partial(fused, deferred),
}


def laid_out(variant: str, pair: Any) -> Any:
    """Two trunks, or one of both side by side."""
    return jax.tree.map(lambda *leaves: jnp.stack(leaves), *pair) if variant.startswith("fused") else pair


def measure() -> dict[str, Any]:
    """Seconds of interleaved runs on this machine."""
    params, inputs = shapes(256)
    leaves, tree = jax.tree.flatten((params, inputs))
    keys = jax.random.split(jax.random.key(0), len(leaves))
    drawn = [jax.random.normal(key, leaf.shape) / 16 for key, leaf in zip(keys, leaves, strict=True)]
    params, inputs = jax.tree.unflatten(tree, drawn)
    steps, outputs = {}, {}
    for variant, both in VARIANTS.items():
        given = (laid_out(variant, params), laid_out(variant, inputs))
        steps[variant] = partial(jax.jit(gradient(both)), *given)
        outputs[variant] = laid_out("fused", steps[variant]()) if not variant.startswith("fused") else steps[variant]()
    for variant, out in outputs.items():
        jax.tree.map(partial(refuse_difference, variant), out, outputs["default"])
    seconds: dict[str, list[float]] = {variant: [] for variant in VARIANTS}
    for _ in range(ROUNDS):
        for variant, step in steps.items():
            start = time.perf_counter()
            jax.block_until_ready(step())
            seconds[variant].append(time.perf_counter() - start)
    medians = {variant: statistics.median(times) for variant, times in seconds.items()}
    return {v: {"seconds": round(median, 4), "ratio": round(median / medians["default"], 3)} for v, median in medians.items()}


def refuse_difference(variant: str, one: jax.Array, other: jax.Array) -> None:
    off = float(jnp.max(jnp.abs(one - other)) / jnp.max(jnp.abs(other)))
    if off > 1e-4:
        raise AssertionError(f"{variant} is off by {off:.1e}")


def plan(variant: str) -> dict[str, float]:
    """What XLA plans for an H100, in this process."""
    from archlang.lower.compile import compile_for
    from archlang.lower.plugins import find_cuda_compiler
    from archlang.targets import GPUS

    find_cuda_compiler()
    given = jax.eval_shape(lambda pair: tuple(laid_out(variant, each) for each in pair), shapes(512))
    start = time.perf_counter()
    compiled = compile_for(GPUS[GPU], gradient(VARIANTS[variant]), *given)
    temporary = compiled.memory_analysis().temp_size_in_bytes
    return {"compile_seconds": round(time.perf_counter() - start, 2), "temp_MB": round(temporary / 1e6, 1)}


def planned(variant: str) -> dict[str, float]:
    """`plan` in a process of its own."""
    command, environment = [sys.executable, __file__, "--plan", variant], os.environ | {"JAX_PLATFORMS": "cpu"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def main() -> None:
    times = measure()
    results = {variant: {**times[variant], **planned(variant)} for variant in VARIANTS}
    record("alternatives", "python benchmarks/alternatives.py", {"device": jax.devices()[0].device_kind, **results})


if __name__ == "__main__":
    if sys.argv[1:2] == ["--plan"]:
        print(json.dumps(plan(sys.argv[2])))
    else:
        main()
