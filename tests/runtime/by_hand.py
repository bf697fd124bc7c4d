"""One whole update of the paper's networks in plain NumPy and float64, each derivative by hand: nothing of it is shared with
what it is held against.

A function gives its value and its pullback: from the derivative by its value to those by its parameters and its input.
Parameters and their derivatives are nested dictionaries, by the names that `archlang.lower.unstack` gives.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

Array = Any
Tree = dict[str, Any]
Pullback = Callable[[Array], tuple[Array, Tree]]
Layer = Callable[[Tree, Array], tuple[Array, Pullback]]

# --- layers --------------------------------------------------------------------------------------------------------------


def dense(params: Tree, x: Array) -> tuple[Array, Pullback]:
    def pull(dy: Array) -> tuple[Array, Tree]:
        return dy @ params["kernel"].T, {"kernel": x.T @ dy, "bias": dy.sum(axis=0)}

    return x @ params["kernel"] + params["bias"], pull


def layer_norm(params: Tree, x: Array) -> tuple[Array, Pullback]:
    centred = x - x.mean(axis=1, keepdims=True)
    std = np.sqrt((centred**2).mean(axis=1, keepdims=True) + 1e-6)
    normal = centred / std

    def pull(dy: Array) -> tuple[Array, Tree]:
        d = dy * params["scale"]
        dx = (d - d.mean(axis=1, keepdims=True) - normal * (d * normal).mean(axis=1, keepdims=True)) / std
        return dx, {"scale": (dy * normal).sum(axis=0), "bias": dy.sum(axis=0)}

    return normal * params["scale"] + params["bias"], pull


def swish(_: Tree, x: Array) -> tuple[Array, Pullback]:
    sigmoid = 1 / (1 + np.exp(-x))
    return x * sigmoid, lambda dy: (dy * (sigmoid + x * sigmoid * (1 - sigmoid)), {})


def gaussian(params: Tree, x: Array) -> tuple[Array, Pullback]:
    """Mean, and the logarithm of the deviation between -5 and 2."""
    mean, pull_mean = dense(params["mean"], x)
    raw, pull_raw = dense(params["log_std"], x)

    def pull(d: Array) -> tuple[Array, Tree]:
        from_mean, mean_params = pull_mean(d[0])
        from_raw, raw_params = pull_raw(d[1] * 3.5 * (1 - np.tanh(raw) ** 2))
        return from_mean + from_raw, {"mean": mean_params, "log_std": raw_params}

    return (mean, -5 + 3.5 * (np.tanh(raw) + 1)), pull


def chain(layers: dict[str, Layer], params: Tree, x: Array) -> tuple[Array, Pullback]:
    pulls = {}
    for name, layer in layers.items():
        x, pulls[name] = layer(params.get(name, {}), x)

    def pull(dy: Array) -> tuple[Array, Tree]:
        found = {}
        for name in reversed(pulls):
            dy, found[name] = pulls[name](dy)
        return dy, {name: inner for name, inner in found.items() if inner}

    return x, pull


def block(params: Tree, x: Array) -> tuple[Array, Pullback]:
    """x + 4 x (dense, layer norm, swish)."""
    unit = {"dense": dense, "ln": layer_norm, "swish": swish}
    y, inner = chain({f"{name}_{i}": layer for i in range(4) for name, layer in unit.items()}, params["body"], x)

    def pull(dy: Array) -> tuple[Array, Tree]:
        dx, found = inner(dy)
        return dy + dx, {"body": found}

    return x + y, pull


def encoder(params: Tree, x: Array) -> tuple[Array, Pullback]:
    return chain({"dense_0": dense, "ln": layer_norm, "swish": swish, **blocks(params), "dense_1": dense}, params, x)


def actor(params: Tree, x: Array) -> tuple[Array, Pullback]:
    return chain({"dense": dense, "ln": layer_norm, "swish": swish, **blocks(params), "gaussian": gaussian}, params, x)


def blocks(params: Tree) -> dict[str, Layer]:
    """As many as there are parameters for: `res`, or `res_0`, `res_1`, … ."""
    names = [name for name in params if name.startswith("res")]
    return dict.fromkeys(sorted(names, key=lambda name: int(name.removeprefix("res_") if "_" in name else 0)), block)


# --- energies of all pairs: f64[batch, batch], and from their derivative to those of both embeddings --------------------

Pull = Callable[[Array], tuple[Array, Array]]


def differences(x: Array, y: Array) -> Array:
    return x[:, None, :] - y[None, :, :]


def both(d: Array) -> tuple[Array, Array]:
    """From the derivative by all differences."""
    return d.sum(axis=1), -d.sum(axis=0)


def norm(x: Array, y: Array) -> tuple[Array, Pull]:
    apart = differences(x, y)
    distance = np.sqrt((apart**2).sum(axis=2) + 1e-6)
    return -distance, lambda dz: both(-(dz / distance)[..., None] * apart)


def l2(x: Array, y: Array) -> tuple[Array, Pull]:
    apart = differences(x, y)
    return -(apart**2).sum(axis=2), lambda dz: both(-2 * dz[..., None] * apart)


def dot(x: Array, y: Array) -> tuple[Array, Pull]:
    return x @ y.T, lambda dz: (dz @ y, dz.T @ x)


def cosine(x: Array, y: Array) -> tuple[Array, Pull]:
    lengths = [np.linalg.norm(v, axis=1, keepdims=True) for v in (x, y)]
    u, v = x / lengths[0], y / lengths[1]

    def pull(dz: Array) -> tuple[Array, Array]:
        du, dv = dz @ v, dz.T @ u
        dx = (du - u * (u * du).sum(axis=1, keepdims=True)) / lengths[0]
        return dx, (dv - v * (v * dv).sum(axis=1, keepdims=True)) / lengths[1]

    return u @ v.T, pull


def mrn(x: Array, y: Array) -> tuple[Array, Pull]:
    half = x.shape[1] // 2
    leads = differences(x[:, :half], y[:, :half])
    most = leads.max(axis=2)
    at_most = (leads == np.maximum(most, 0)[..., None]).astype(float)
    symmetric, inner = norm(x[:, half:], y[:, half:])

    def pull(dz: Array) -> tuple[Array, Array]:
        pairs = zip(both(-dz[..., None] * at_most), inner(dz), strict=True)
        dx, dy = (np.concatenate(parts, axis=1) for parts in pairs)
        return dx, dy

    return symmetric - np.maximum(most, 0), pull


ENERGIES = {"norm": norm, "l2": l2, "dot": dot, "cosine": cosine, "mrn": mrn}

# --- losses, and their derivatives by the logits -------------------------------------------------------------------------


def softmax(z: Array) -> Array:
    powers = np.exp(z - z.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def penalty(z: Array) -> tuple[Array, Array]:
    partition = np.log(np.exp(z).sum(axis=1))
    return np.mean(partition**2), 2 * partition[:, None] * softmax(z) / len(z)


def forward(z: Array, weight: float) -> tuple[Array, Array]:
    extra, d_extra = penalty(z)
    value = -np.mean(np.log(np.diag(softmax(z))))
    return value + weight * extra, (softmax(z) - np.eye(len(z))) / len(z) + weight * d_extra


def backward(z: Array, weight: float) -> tuple[Array, Array]:
    value, d = forward(z.T, weight)
    return value, d.T


def symmetric(z: Array, weight: float) -> tuple[Array, Array]:
    (one, d_one), (other, d_other) = forward(z, weight), backward(z, weight)
    return one + other, d_one + d_other


def binary(z: Array, weight: float) -> tuple[Array, Array]:
    extra, d_extra = penalty(z)
    sigmoid, ahead = 1 / (1 + np.exp(-z)), np.eye(len(z))
    value = -np.mean(ahead * np.log(sigmoid) + (1 - ahead) * np.log(1 - sigmoid))
    return value + weight * extra, (sigmoid - ahead) / z.size + weight * d_extra


def flat(z: Array, weight: float) -> tuple[Array, Array]:
    extra, d_extra = penalty(z)
    negatives = np.exp(z) * (1 - np.eye(len(z)))
    total = negatives.sum(axis=1)
    value = np.mean(np.log(total) - np.diag(z))
    return value + weight * extra, (negatives / total[:, None] - np.eye(len(z))) / len(z) + weight * d_extra


LOSSES = {
    "forward_infonce": forward,
    "backward_infonce": backward,
    "symmetric_infonce": symmetric,
    "binary_nce": binary,
    "flatnce": flat,
}

# --- the update ----------------------------------------------------------------------------------------------------------


@dataclass
class Adam:
    """A tree of parameters, and what is remembered about them (Kingma & Ba 2015, algorithm 1)."""

    rate: float
    count: int
    params: Any
    mu: Any
    nu: Any

    def descend(self, gradient: Any) -> None:
        self.count += 1
        self.mu = over(lambda m, g: 0.9 * m + 0.1 * g, self.mu, gradient)
        self.nu = over(lambda v, g: 0.999 * v + 0.001 * g**2, self.nu, gradient)
        first, second = 1 - 0.9**self.count, 1 - 0.999**self.count
        step = over(lambda m, v: self.rate * (m / first) / (np.sqrt(v / second) + 1e-8), self.mu, self.nu)
        self.params = over(np.subtract, self.params, step)


def over(function: Callable[..., Array], *trees: Any) -> Any:
    """The function over the ends of trees of one form."""
    if isinstance(trees[0], dict):
        return {name: over(function, *(tree[name] for tree in trees)) for name in trees[0]}
    return function(*trees)


@dataclass
class ByHand:
    """Everything that is learned; `log_alpha` is None without an entropy term."""

    actor: Adam
    sa_encoder: Adam
    g_encoder: Adam
    log_alpha: Adam | None
    energy: str
    loss: str
    weight: float
    target_entropy: float

    def update(self, state: Array, action: Array, goal: Array, noise: Array) -> tuple[float, float]:
        """First the actor and α, then the critic; the actor's and the critic's loss."""
        return self.update_actor(state, goal, noise), self.update_critic(state, action, goal)

    def update_actor(self, state: Array, goal: Array, noise: Array) -> float:
        """mean[α log π - f(s, a, g)], a = tanh(u), u = mean + std · noise."""
        size, alpha = len(state), np.exp(self.log_alpha.params) if self.log_alpha else 0.0
        (mean, log_std), pull_actor = actor(self.actor.params, np.concatenate([state, goal], axis=1))
        std = np.exp(log_std)
        u = mean + std * noise
        a = np.tanh(u)
        log_normal = -0.5 * noise**2 - 0.5 * np.log(2 * np.pi) - log_std
        log_prob = (log_normal - np.log(1 - a**2)).sum(axis=1)

        reached, pull_encoder = encoder(self.sa_encoder.params, np.concatenate([state, a], axis=1))
        z, pull_energy = ENERGIES[self.energy](reached, encoder(self.g_encoder.params, goal)[0])
        d_reached, _ = pull_energy(-np.eye(size) / size)
        d_action = pull_encoder(d_reached)[0][:, state.shape[1] :]
        d_u = d_action * (1 - a**2) + alpha * 2 * a / size  # -log(1 - tanh²u) has the slope 2 tanh u
        d_log_std = d_u * std * noise - alpha / size
        self.actor.descend(pull_actor((d_u, d_log_std))[1])
        if self.log_alpha:
            self.log_alpha.descend(alpha * np.mean(-log_prob - self.target_entropy))
        return np.mean(alpha * log_prob - np.diag(z))

    def update_critic(self, state: Array, action: Array, goal: Array) -> float:
        sa, pull_sa = encoder(self.sa_encoder.params, np.concatenate([state, action], axis=1))
        g, pull_g = encoder(self.g_encoder.params, goal)
        z, pull_energy = ENERGIES[self.energy](sa, g)
        value, dz = LOSSES[self.loss](z, self.weight)
        d_sa, d_g = pull_energy(dz)
        self.sa_encoder.descend(pull_sa(d_sa)[1])
        self.g_encoder.descend(pull_g(d_g)[1])
        return value
