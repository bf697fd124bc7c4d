"""What ejected files have in common, as it stands in them; a file has only what it uses.

In the text of `Stack`, `⟨unroll|a|b⟩` comes to a where a stack of the file has `unroll`, to b, or nothing, where none has.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping

LECUN_UNIFORM = """
LECUN_UNIFORM = nnx.initializers.variance_scaling(1 / 3, "fan_in", "uniform")  # U(±1/√fan_in)
"""

DOTS = """
DOTS = jax.checkpoint_policies.dots_saveable  # products of matrices are kept for the backward pass, the rest is not
"""

CRELU = '''
def crelu(x: jax.Array) -> jax.Array:
    """max(x, 0) and max(-x, 0) side by side."""
    return jnp.concatenate([nnx.relu(x), nnx.relu(-x)], axis=-1)
'''

L2_NORM = '''
def l2_norm(x: jax.Array) -> jax.Array:
    """x / max(‖x‖₂, 1e-6); the maximum is taken before the root, whose gradient at 0 is infinite."""
    wide = x.astype(jnp.promote_types(x.dtype, jnp.float32))
    squares = jnp.sum(jnp.square(wide), axis=-1, keepdims=True)
    return (wide * jax.lax.rsqrt(jnp.maximum(squares, 1e-12))).astype(x.dtype)
'''

CONCAT_INPUT = '''
def concat_input(x: jax.Array, root: jax.Array) -> jax.Array:
    """The value and the network's input side by side."""
    return jnp.concatenate([x, root.astype(x.dtype)], axis=-1)
'''

TO_WIDEST = '''
def to_widest(args: Any, /, *, dtype: Any = None, inexact: bool = True) -> Any:
    """All to the widest of their dtypes, even where the result will be bfloat16: rounded statistics are other ones."""
    widest = jnp.result_type(*args)
    return tuple(jnp.asarray(arg, widest) for arg in args)
'''

RS_NORM = '''
class RSNorm(nnx.Module):
    """(x - mean) / √(var + 1e-8), with the statistics of all rows that were seen in training."""

    def __init__(self, width: int):
        self.mean = nnx.BatchStat(jnp.zeros(width, jnp.float32))
        self.var = nnx.BatchStat(jnp.ones(width, jnp.float32))
        self.count = nnx.BatchStat(jnp.asarray(1e-4, jnp.float32))
        self.use_running_average = False  # the name that `train()` and `eval()` set

    def __call__(self, x: jax.Array) -> jax.Array:
        if not self.use_running_average and x.size:
            self.count_in(jax.lax.stop_gradient(x))
        mean = jnp.broadcast_to(self.mean[...], x.shape)
        y = (x - mean) * jnp.broadcast_to(jax.lax.rsqrt(self.var[...] + 1e-8), x.shape)
        return y.astype(x.dtype)

    def count_in(self, x: jax.Array) -> None:
        rows = x.reshape(-1, x.shape[-1]).astype(self.mean.dtype)
        mean, var, count, n = self.mean[...], self.var[...], self.count[...], rows.shape[0]
        delta, total = rows.mean(axis=0) - mean, count + n
        squares = var * count + rows.var(axis=0) * n + jnp.square(delta) * count * n / total
        self.mean[...], self.var[...], self.count[...] = mean + delta * n / total, squares / total, total
'''

FACTOR = '''
class Factor(nnx.Module):
    """A learned number for each channel, or one for all."""

    def __init__(self, shape: tuple[int, ...], init: float):
        self.factor = nnx.Param(jnp.full(shape, init, jnp.float32))

    def __call__(self, x: jax.Array) -> jax.Array:
        return (x * jnp.broadcast_to(self.factor[...], x.shape)).astype(x.dtype)
'''

GAUSSIAN = '''
class Gaussian(nnx.Module):
    """Mean and log standard deviation of the actions, the latter between -5 and 2."""

    def __init__(self, in_features: int, action_dim: int, **options: Any):
        self.mean = nnx.Linear(in_features, action_dim, **options)
        self.log_std = nnx.Linear(in_features, action_dim, **options)

    def __call__(self, x: jax.Array) -> tuple[jax.Array, jax.Array]:
        return self.mean(x), -5.0 + 3.5 * (jnp.tanh(self.log_std(x)) + 1)
'''

GATE = '''
class Gate(nnx.Module):
    """t = σ(W x + b), for each channel; `bias` is what b starts at."""

    def __init__(self, width: int, bias: float, **options: Any):
        self.linear = nnx.Linear(width, width, bias_init=nnx.initializers.constant(bias), **options)

    def __call__(self, x: jax.Array) -> jax.Array:
        return nnx.sigmoid(self.linear(x))
'''

STACK = '''
class Stack(nnx.Module):
    """`count` copies of a module in a row as one scan; each of its parameters has a leading axis of that length."""

    def __init__(self, make: Callable[..., Any], count: int, *, \
⟨policy|policy: Any = DOTS, ⟩⟨unroll|unroll: int = 1, ⟩rngs: nnx.Rngs):
        self.count⟨policy|, self.policy⟩⟨unroll|, self.unroll⟩ = count⟨policy|, policy⟩⟨unroll|, unroll⟩
        self.body = nnx.split_rngs(splits=count)(nnx.vmap(lambda rngs: make(rngs=rngs), axis_size=count))(rngs)

    def __call__(self, x: jax.Array⟨root|, *root: jax.Array⟩) -> jax.Array:
        graph, state = nnx.split(self.body)

        def step(x: jax.Array, state: Any) -> tuple[jax.Array, Any]:
⟨changes|            before = {path: variable.get_value() for path, variable in nnx.to_flat_state(state)}
            copy = nnx.merge(graph, state)
            y = copy(x⟨root|, *root⟩)
            return y, nnx.state(copy, lambda path, variable: variable.get_value() is not before[path])
|            return nnx.merge(graph, state)(x⟨root|, *root⟩), None
⟩
⟨nested||⟨policy||        # The products of matrices are kept for the backward pass; the rest is computed again.
⟩        step = jax.checkpoint(step, policy=⟨policy|self.policy|jax.checkpoint_policies.dots_saveable⟩, prevent_cse=False)
⟩        ⟨changes|y, changed =|return⟩ \
⟨nested|self.scan(step, x, state)|jax.lax.scan(step, x, state, length=self.count⟨unroll|, unroll=self.unroll⟩)⟩⟨changes||[0]⟩
⟨changes|        if changed:  # no transformed function may write to what is outside it, so what stayed is left alone
            nnx.update(self.body, changed)
        return y
⟩⟨nested|
    def scan(self, step: Callable[..., Any], x: jax.Array, state: Any) -> tuple[jax.Array, Any]:
        step = jax.checkpoint(step, policy=⟨policy|self.policy|jax.checkpoint_policies.dots_saveable⟩, prevent_cse=False)
        return jax.lax.scan(step, x, state, length=self.count⟨unroll|, unroll=self.unroll⟩)
⟩'''

NESTED_STACK = '''
class NestedStack(Stack):
    """A stack that keeps the inputs of about √count copies for the backward pass; those between are computed again."""

    def scan(self, step: Callable[..., Any], x: jax.Array, state: Any) -> tuple[jax.Array, Any]:
        segments = max(n for n in range(1, isqrt(self.count) + 1) if self.count % n == 0)
        size = self.count // segments
        step = jax.checkpoint(step, policy=jax.checkpoint_policies.dots_saveable, prevent_cse=False)

        def segment(x: jax.Array, state: Any) -> tuple[jax.Array, Any]:
            return jax.lax.scan(step, x, state, length=size⟨unroll|, unroll=self.unroll⟩)

        state = jax.tree.map(lambda array: array.reshape(segments, size, *array.shape[1:]), state)
        segment = jax.checkpoint(segment, policy=jax.checkpoint_policies.nothing_saveable, prevent_cse=False)
        y, changed = jax.lax.scan(segment, x, state, length=segments)
        return y, jax.tree.map(lambda array: array.reshape(self.count, *array.shape[2:]), changed)
'''

# In the order in which they stand in a file.
CONSTANTS: Mapping[str, str] = {"LECUN_UNIFORM": LECUN_UNIFORM, "DOTS": DOTS}
HELPERS: Mapping[str, str] = {
    "crelu": CRELU,
    "l2_norm": L2_NORM,
    "concat_input": CONCAT_INPUT,
    "to_widest": TO_WIDEST,
    "RSNorm": RS_NORM,
    "Factor": FACTOR,
    "Gaussian": GAUSSIAN,
    "Gate": GATE,
    "Stack": STACK,
    "NestedStack": NESTED_STACK,
}

PLACE = re.compile(r"⟨(\w+)\|([^⟨⟩|]*)\|?([^⟨⟩|]*)⟩")


def written(used: Collection[str]) -> Iterator[str]:
    """The texts of what is used; `Stack.unroll` among it: with what a stack needs to have `unroll`."""
    constants = [text.strip("\n") for name, text in CONSTANTS.items() if name in used]
    if constants:
        yield "\n".join(constants)
    for name, text in HELPERS.items():
        if name in used:
            yield fitted(text, used).strip("\n")


def fitted(text: str, used: Collection[str]) -> str:
    """The text with its places filled, the innermost first."""
    while PLACE.search(text):
        text = PLACE.sub(lambda place: place[2] if f"Stack.{place[1]}" in used else place[3], text)
    return text
