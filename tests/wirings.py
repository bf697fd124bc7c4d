"""Networks of other people's programs, wired by hand in NumPy after reading their code, to compare the specs with."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from flax import nnx
from numpy.typing import NDArray

from archlang.lower.combinators import Residual, Sequence
from archlang.lower.gaussian import Gaussian

Array = NDArray[np.float64]
Numbers = list[Array]  # of one layer: a kernel and a bias, or a scale and a bias


def relu(x: Array) -> Array:
    return np.maximum(x, 0)


def swish(x: Array) -> Array:
    return x / (1 + np.exp(-x))


def same(x: Array) -> Array:
    return x


@dataclass
class Net:
    """The layers of a lowered network in the order in which it applies them; each call here takes the next."""

    layers: Iterator[Numbers]
    act: Callable[[Array], Array] = relu
    normed: bool = False

    def dense(self, x: Array) -> Array:
        kernel, bias = next(self.layers)
        return x @ kernel + bias

    def ln(self, x: Array) -> Array:
        scale, bias = next(self.layers)
        return (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + 1e-6) * scale + bias

    def unit(self, x: Array) -> Array:
        x = self.dense(x)
        return self.act(self.ln(x) if self.normed else x)


# --- trunks -----------------------------------------------------------------------------------------------------------


def scaling_crl(net: Net, x: Array, depth: int) -> Array:
    """wang-kevin3290/scaling-crl, 8516075, train.py: a layer, then blocks of four with the sum behind the fourth activation."""
    x = net.unit(x)
    for _ in range(depth // 4):
        x = x + net.unit(net.unit(net.unit(net.unit(x))))
    return x


def jaxgcrl(net: Net, x: Array, depth: int, skip: int) -> Array:
    """MichalBortkiewicz/JaxGCRL, 6dccab2, networks.py: what layer 0 gives is kept, then each sum; `skip` 0: no sums."""
    x = kept = net.unit(x)
    for i in range(1, depth):
        x = net.unit(x)
        if skip and i % skip == 0:
            x = kept = x + kept
    return x


def simba(net: Net, x: Array, blocks: int) -> Array:
    """SonyResearch/simba, 7d0358b, sac_network.py and layers.py, with running statistics of mean 1 and variance 1."""
    x = net.dense((x - 1) / np.sqrt(1 + 1e-8))
    for _ in range(blocks):
        x = x + net.dense(relu(net.dense(net.ln(x))))
    return net.ln(x)


def bronet(net: Net, x: Array, blocks: int) -> Array:
    """naumix/BiggerRegularizedOptimistic, 5870a13, common.py: no activation behind a sum."""
    x = relu(net.ln(net.dense(x)))
    for _ in range(blocks):
        x = x + net.ln(net.dense(relu(net.ln(net.dense(x)))))
    return x


def d2rl(net: Net, x: Array, depth: int) -> Array:
    """pairlab/d2rl, eb03f60, TD3.py and sac/model.py: the input behind what every layer but the last gives."""
    source, x = x, net.unit(x)
    for _ in range(depth - 1):
        x = net.unit(np.concatenate([x, source], -1))
    return x


def mlp(net: Net, x: Array, depth: int) -> Array:
    """DLR-RM/stable-baselines3, e05d2db, torch_layers.py."""
    for _ in range(depth):
        x = net.unit(x)
    return x


def head(net: Net, x: Array, role: str) -> tuple[Array, ...]:
    """The representation of an encoder; of an actor mean and log σ, the latter between -5 and 2."""
    if role != "actor":
        return (net.dense(x),)
    return net.dense(x), -5 + 3.5 * (np.tanh(net.dense(x)) + 1)


# --- the layers of a lowered network ----------------------------------------------------------------------------------


def layers(module: Any) -> Iterator[Numbers]:
    """The parameters of each layer that has some, in the order in which the network applies them."""
    if isinstance(module, Sequence):
        parts = list(module.items)
    elif isinstance(module, Residual):
        parts = [module.body]
    elif isinstance(module, Gaussian):
        parts = [module.mean, module.log_std]
    else:
        parts = []
        yield from own_numbers(module)
    for part in parts:
        yield from layers(part)


def own_numbers(module: Any) -> Iterator[Numbers]:
    if isinstance(module, nnx.Linear):
        assert module.bias is not None
        yield [np.asarray(module.kernel[...], float), np.asarray(module.bias[...], float)]
    elif isinstance(module, nnx.LayerNorm):
        assert module.scale is not None
        assert module.bias is not None
        yield [np.asarray(module.scale[...], float), np.asarray(module.bias[...], float)]
