"""`dense`: a linear layer."""

from __future__ import annotations

from typing import Any

from flax import nnx

from archlang.layers.dense import Dense as DenseLayer
from archlang.layers.kinds import split_gain
from archlang.lower.dtypes import COMPUTE
from archlang.types import Type

# U(±1/√fan_in), the paper's; not jax's `lecun_uniform`, whose variance is three times as large.
LECUN_UNIFORM = nnx.initializers.variance_scaling(1 / 3, "fan_in", "uniform")
KERNELS: dict[str, Any] = {
    "lecun_uniform": lambda: LECUN_UNIFORM,
    "he": nnx.initializers.he_normal,
    "orthogonal": nnx.initializers.orthogonal,
    "zeros": nnx.initializers.zeros_init,
}


def dense(layer: DenseLayer, x: Type, rngs: nnx.Rngs) -> nnx.Linear:
    """Maps `[…, in_features]` to `[…, features]`."""
    return linear(x, layer.features, rngs, use_bias=layer.bias, kernel_init=kernel_init(layer.init))


def kernel_init(written: str) -> Any:
    """The initializer of a name, with its gain where it has one: `orthogonal(1.4)`."""
    name, gain = split_gain(written)
    return KERNELS[name]() if gain is None else KERNELS[name](gain)


def linear(x: Type, features: int, rngs: nnx.Rngs, **options: Any) -> nnx.Linear:
    options = {"kernel_init": LECUN_UNIFORM, **options}
    return nnx.Linear(x.width or 0, features, dtype=COMPUTE[x.dtype], rngs=rngs, **options)
