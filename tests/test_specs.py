"""The shipped specs: each has the count that its head states, at every point, and the wiring of the code that it names."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import wirings
from flax import nnx
from unrolling import unrolled
from wirings import Array, Net

import archlang
from archlang import Environment, ir, resources
from archlang.lower import build

NAMES = resources.spec_names()
ROLES = ("actor", "sa_encoder", "g_encoder")
PAIR = r"\w+ = (?:\[[^\]]*\]|[\w.]*\w)"
STATED = re.compile(
    r"(?P<env>\w+) \(state (?P<state>\d+), action (?P<action>\d+), goal (?P<goal>\d+)\): (?P<params>[\d,]+) parameters"
    rf"(?P<others>(?:; [\d,]+ with {PAIR}(?:, {PAIR})*)*)\."
)
OTHER = re.compile(rf"([\d,]+) with ({PAIR}(?:, {PAIR})*)")


@dataclass(frozen=True)
class Head:
    """What the comments at the top of a file state: an environment, and the count at some points, the default first."""

    prose: str
    env: Environment
    counts: tuple[tuple[dict[str, str], int], ...]


def head_of(name: str) -> Head:
    path = resources.spec_path(name)
    assert path is not None
    head = re.match(r"(?:#.*\n)+", path.read_text(encoding="utf-8"))
    assert head, f"{name} does not open with comments"
    prose = " ".join(line.removeprefix("#").strip() for line in head[0].splitlines())
    stated = STATED.search(prose)
    assert stated, f"{name} states no count"
    state, goal, action = (int(stated[key]) for key in ("state", "goal", "action"))
    others = [(values(pairs), number(count)) for count, pairs in OTHER.findall(stated["others"])]
    return Head(prose, Environment(stated["env"].lower(), state, goal, action), (({}, number(stated["params"])), *others))


def number(written: str) -> int:
    return int(written.replace(",", ""))


def values(pairs: str) -> dict[str, str]:
    """`depth = 4, widths = [400, 300]` → what to bind."""
    return dict(pair.split(" = ", 1) for pair in re.findall(PAIR, pairs))


# --- counts -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_a_shipped_spec_has_the_counts_that_its_head_states(name: str) -> None:
    head, spec = head_of(name), archlang.load(name)
    counted = [archlang.check(spec.bind(chosen), env=head.env).params for chosen, _ in head.counts]
    assert counted == [count for _, count in head.counts]


@pytest.mark.parametrize("name", NAMES)
def test_a_head_names_its_source_and_an_environment_that_there_is(name: str) -> None:
    known = {"humanoid": Environment("humanoid", 268, 3, 17), "reacher": Environment("reacher", 10, 3, 2)}
    head = head_of(name)
    assert head.env == known[head.env.name]
    assert re.search(r"\([\w-]+/[\w-]+, [0-9a-f]{7}\)", head.prose) or "wang2025/base" in head.prose


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.slow
def test_every_point_counts_what_its_modules_have(name: str) -> None:
    env = head_of(name).env
    for point, report in archlang.expand(name, env=env):
        assert not report.diagnostics, point.values
        networks = point.spec.bind(action_dim=env.action_dim).networks
        for role in ROLES:
            lowered = lowered_params(networks[role].model_dump_json(), env.in_features(role))
            assert report.networks[role].params == lowered, (role, point.values)


@cache
def lowered_params(network: str, in_features: int) -> int:
    """How many parameters the module of a network has, given as JSON. What several points share is lowered once."""
    module = nnx.eval_shape(lambda: build(ir.Network.model_validate_json(network), in_features, rngs=nnx.Rngs(0)))
    return sum(leaf.size for leaf in jax.tree.leaves(nnx.state(module, nnx.Param)))


# --- the paper's numbers ----------------------------------------------------------------------------------------------

DEPTHS = {
    4: (355_392, 283_200, 344_098),
    8: (620_608, 548_416, 609_314),
    16: (1_151_040, 1_078_848, 1_139_746),
    32: (2_211_904, 2_139_712, 2_200_610),
    64: (4_333_632, 4_261_440, 4_322_338),
    256: (17_064_000, 16_991_808, 17_052_706),
    512: (34_037_824, 33_965_632, 34_026_530),
    1024: (67_985_472, 67_913_280, 67_974_178),
}
TOTALS: list[tuple[str, dict[str, Any], int]] = [
    *(("wang2025/depth", {"depth": depth}, sum(counts)) for depth, counts in DEPTHS.items()),
    ("wang2025/depth", {"depth": 128}, 25_647_778),
    ("wang2025/width", {"width": 128}, 294_818),
    ("wang2025/width", {"width": 512}, 3_538_082),
    ("wang2025/width", {"width": 1024}, 13_367_458),
    ("wang2025/width", {"width": 2048}, 51_900_578),
    ("wang2025/width", {"width": 4096}, 204_464_290),
    ("wang2025/asymmetric", {"actor_depth": 512, "critic_depth": 1024}, 169_925_282),
    ("wang2025/thousand", {}, 169_925_282),
]


@pytest.mark.parametrize(("depth", "counts"), DEPTHS.items())
def test_each_network_of_the_paper_has_its_count(depth: int, counts: tuple[int, int, int]) -> None:
    report = archlang.check(archlang.load("wang2025/depth").bind(depth=depth), env=head_of("wang2025/depth").env)
    assert tuple(report.networks[role].params for role in ("sa_encoder", "g_encoder", "actor")) == counts


@pytest.mark.parametrize(("name", "chosen", "params"), TOTALS)
def test_the_paper_s_counts_stand_in_the_heads(name: str, chosen: dict[str, Any], params: int) -> None:
    first = {axis.name: axis.options[0] for axis in archlang.load(name).axes}
    stated = [({**first, **other}, count) for other, count in head_of(name).counts]
    assert ({**first, **{key: str(value) for key, value in chosen.items()}}, params) in stated


# --- wiring -----------------------------------------------------------------------------------------------------------

Values = dict[str, Any]  # what was bound, what each axis is at a point, and the role


@dataclass(frozen=True)
class Case:
    """A shipped spec made small, and the trunk that its networks should have at each of its points."""

    name: str
    small: Values
    trunk: Callable[[Net, Array, Values], Array]
    act: str = "swish"
    norm: str = "ln"


def depth_of(at: Values) -> int:
    return int(at["actor_depth" if at["role"] == "actor" else "critic_depth"])


def jaxgcrl(net: Net, x: Array, at: Values) -> Array:
    """Its `use_ln` is not handed to the actor."""
    net.normed = net.normed and at["role"] != "actor"
    return wirings.jaxgcrl(net, x, int(at["depth"]), int(at.get("skip", 0)))


SIZES = {"actor_width": 8, "actor_blocks": 1, "critic_width": 12, "critic_blocks": 3}
CASES = [
    Case("wang2025/base", {"width": 8, "depth": 12}, lambda net, x, at: wirings.scaling_crl(net, x, 12)),
    Case("wang2025/depth", {"width": 8, "depth": "4 | 16"}, lambda net, x, at: wirings.scaling_crl(net, x, int(at["depth"]))),
    Case("wang2025/width", {"width": 8}, lambda net, x, at: wirings.scaling_crl(net, x, 4)),
    Case(
        "wang2025/asymmetric",
        {"width": 8, "actor_depth": 4, "critic_depth": 8},
        lambda net, x, at: wirings.scaling_crl(net, x, depth_of(at)),
    ),
    Case("wang2025/no_residual", {"width": 8, "depth": "4 | 8"}, lambda net, x, at: wirings.mlp(net, x, 1 + int(at["depth"]))),
    Case("wang2025/plain", {"width": 8}, lambda net, x, at: wirings.mlp(net, x, 1 + int(at["depth"]))),
    Case("wang2025/no_norm", {"width": 8, "depth": 8}, lambda net, x, at: wirings.scaling_crl(net, x, 8), norm="id"),
    Case("wang2025/relu", {"width": 8, "depth": 8}, lambda net, x, at: wirings.scaling_crl(net, x, 8), act="relu"),
    Case("wang2025/block", {"width": 8, "depth": 8}, lambda net, x, at: wirings.jaxgcrl(net, x, 9, int(at["block"]))),
    Case("reacher", {"width": 8}, lambda net, x, at: wirings.scaling_crl(net, x, 4)),
    Case("jaxgcrl", {"width": 8, "act": "swish | relu"}, jaxgcrl),
    Case("jaxgcrl_skip", {"width": 8, "skip": "4 | 3 | 2", "depth": 12, "norm": "ln"}, jaxgcrl),
    Case("simba", SIZES, lambda net, x, at: wirings.simba(net, x, 1 if at["role"] == "actor" else 3)),
    Case("bronet", SIZES, lambda net, x, at: wirings.bronet(net, x, 1 if at["role"] == "actor" else 3)),
    Case("d2rl", {"width": 8}, lambda net, x, at: wirings.d2rl(net, x, int(at["depth"])), act="relu", norm="id"),
    Case("mlp", {"widths": "[8, 6, 7]"}, lambda net, x, at: wirings.mlp(net, x, 3), act="relu", norm="id"),
]
SMALL = Environment("small", state_dim=7, goal_dim=2, action_dim=3)
ACTIVATIONS = {"swish": wirings.swish, "relu": wirings.relu}


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
@pytest.mark.slow
def test_the_networks_are_wired_as_the_code_that_the_head_names(case: Case) -> None:
    for point in archlang.load(case.name).bind(case.small, action_dim=SMALL.action_dim).expand():
        for role, network in point.spec.networks.items():
            at = {"act": case.act, "norm": case.norm, **case.small, **point.values, "role": role}
            module, x = drawn(network, SMALL.in_features(role))
            net = Net(wirings.layers(module), ACTIVATIONS[at["act"]], at["norm"] == "ln")
            expected = wirings.head(net, case.trunk(net, x, at), role)
            assert next(net.layers, None) is None, at
            for got, wanted in zip(jax.tree.leaves(module(jnp.asarray(x, jnp.float32))), expected, strict=True):
                np.testing.assert_allclose(got, wanted, rtol=2e-4, atol=2e-4, err_msg=str(at))


def drawn(network: archlang.Network, in_features: int) -> tuple[Any, Array]:
    """The network with its stacks written out, in evaluation, no parameter at 0 or 1; and rows to put in."""
    draw = np.random.default_rng(0)
    written_out = ir.Network(name=network.name, body=unrolled(network.body))
    module = nnx.eval_shape(lambda: build(written_out, in_features, rngs=nnx.Rngs(0)))
    module.eval()
    nnx.update(module, jax.tree.map(lambda leaf: number_like(leaf.shape, draw), nnx.state(module, nnx.Param)))
    nnx.update(module, jax.tree.map(lambda leaf: jnp.ones(leaf.shape), nnx.state(module, nnx.BatchStat)))
    return module, draw.normal(size=(4, in_features))


def number_like(shape: tuple[int, ...], draw: np.random.Generator) -> jax.Array:
    """A matrix that keeps the size of what it is multiplied with, or a vector."""
    return jnp.asarray(draw.normal(0.3, 1, shape) / np.sqrt(shape[0] if len(shape) == 2 else 1), jnp.float32)


def test_a_layer_more_of_jaxgcrl_is_a_block_of_the_paper() -> None:
    encoder = archlang.load("wang2025/base").bind(width=8, depth=8, action_dim=3).networks["sa_encoder"]
    module, x = drawn(encoder, 10)
    paper, other = (Net(wirings.layers(module), wirings.swish, normed=True) for _ in range(2))
    np.testing.assert_allclose(wirings.scaling_crl(paper, x, 8), wirings.jaxgcrl(other, x, 9, 4))


# --- kernels at the start ---------------------------------------------------------------------------------------------


def orthogonal(gain: float) -> Callable[[Array], bool]:
    def holds(kernel: Array) -> bool:
        square = kernel @ kernel.T if kernel.shape[0] <= kernel.shape[1] else kernel.T @ kernel
        return np.allclose(square, gain**2 * np.eye(len(square)), atol=1e-4)

    return holds


def he(kernel: Array) -> bool:
    return np.isclose(kernel.std(), np.sqrt(2 / len(kernel)), rtol=0.02)


def uniform(kernel: Array) -> bool:
    return 0.98 < np.abs(kernel).max() * np.sqrt(len(kernel)) <= 1 and np.isclose(kernel.var() * len(kernel), 1 / 3, rtol=0.1)


INITS = {
    "wang2025/depth": [uniform] * 10,
    "jaxgcrl": [uniform] * 3,
    "simba": [orthogonal(1), he, he, he, he, uniform],
    "bronet": [*[orthogonal(2**0.5)] * 5, uniform],
    "d2rl": [uniform] * 5,
    "mlp": [uniform] * 3,
}
NARROW = {"wang2025/depth": {"depth": 8}, "simba": {"critic_width": 64}, "bronet": {"critic_width": 64}}


@pytest.mark.slow
@pytest.mark.parametrize(("name", "laws"), INITS.items(), ids=INITS)
def test_kernels_and_biases_start_as_in_the_code_that_the_head_names(name: str, laws: list[Callable[[Array], bool]]) -> None:
    network = archlang.load(name, NARROW.get(name)).networks["sa_encoder"]
    module = build(ir.Network(name=network.name, body=unrolled(network.body)), 285, rngs=nnx.Rngs(0))
    matrices = [(first, bias) for first, bias in wirings.layers(module) if first.ndim == 2]
    assert [law(kernel) for law, (kernel, _) in zip(laws, matrices, strict=True)] == [True] * len(laws)
    assert not any(bias.any() for _, bias in matrices)


@pytest.mark.parametrize("ask", [archlang.check, archlang.plan, archlang.estimate])
def test_a_specification_is_a_text_a_path_or_itself(ask: Callable[..., Any], tmp_path: Path) -> None:
    file = tmp_path / "net.arch"
    file.write_text("net = dense8, ln\n")
    for spec in (file, str(file), archlang.load(str(file)), "net = dense8, ln"):
        ask(spec, in_features=4)
    with pytest.raises(TypeError, match="a specification is a text, a name, a path or a `Spec`; got int"):
        ask(5, in_features=4)
