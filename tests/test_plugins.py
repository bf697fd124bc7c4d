"""Layers of other packages: found by their entry points, used as built-in ones; broken ones are texts, not exceptions."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from hypothesis import given, settings

from archlang import ir
from archlang.layers import LAYERS, LayerType, Plugins, find_layer, make_layer, plugins
from archlang.lower import build
from archlang.testing import Sizes, networks

MODULE = '''
from dataclasses import dataclass
from archlang.layers import LayerType, argument
from archlang.layers.kinds import NUMBER

@dataclass(frozen=True)
class Star(LayerType):
    """`star2`: x to a power."""
    name = "star"
    lowering = "stars_lowered:star"
    power: float = argument(NUMBER, default=2.0)

@dataclass(frozen=True)
class Other(LayerType):
    name = "star"
    lowering = "stars_lowered:star"

@dataclass(frozen=True)
class Norm(LayerType):
    name = "ln"
    lowering = "stars_lowered:star"

@dataclass(frozen=True)
class Hyphen(LayerType):
    name = "not-a-name"
    lowering = "stars_lowered:star"

@dataclass(frozen=True)
class Nameless(LayerType):
    lowering = "stars_lowered:star"

@dataclass(frozen=True)
class Unlowered(LayerType):
    name = "unlowered"

@dataclass(frozen=True)
class Field(LayerType):
    name = "field"
    lowering = "stars_lowered:star"
    power: float = 2.0

def function(): ...
'''
LOWERED = """
from flax import nnx

class Star(nnx.Module):
    def __init__(self, power):
        self.power = power
    def __call__(self, x):
        return x ** self.power

def star(layer, x, rngs):
    return Star(layer.power)
"""
# Each entry point that cannot be used, and words of the reason.
BROKEN = {
    "absent": ("stars:Absent", "cannot be loaded: AttributeError"),
    "field": ("stars:Field", "`argument(kind)`"),
    "function": ("stars:function", "no subclass of archlang.layers.LayerType"),
    "hyphen": ("stars:Hyphen", "the name 'not-a-name'"),
    "missing": ("no_such_module:Star", "cannot be loaded: ModuleNotFoundError"),
    "nameless": ("stars:Nameless", "the name None"),
    "norm": ("stars:Norm", "the name `ln` is taken by archlang.layers.norm.LayerNorm"),
    "quits": ("stars_quits:Star", "cannot be loaded: SystemExit"),
    "twice": ("stars:Other", "the name `star` is taken by stars.Star"),
    "unlowered": ("stars:Unlowered", "has no `lowering`"),
}


@pytest.fixture
def found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Plugins]:
    """What is found beside a package with one good layer and every kind of bad one."""
    install(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    plugins.cache_clear()
    yield plugins()
    plugins.cache_clear()


def install(folder: Path) -> None:
    modules = {"stars": MODULE, "stars_lowered": LOWERED, "stars_quits": "raise SystemExit(3)"}
    for name, text in modules.items():
        (folder / f"{name}.py").write_text(text)
    entries = [f"{name} = {value}" for name, value in {"star": "stars:Star", **{n: v for n, (v, _) in BROKEN.items()}}.items()]
    info = folder / "stars-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: stars\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("\n".join(["[archlang.layers]", *entries]))


def test_a_plug_in_is_a_layer_like_any_other(found: Plugins) -> None:
    assert list(found.layers) == ["star"]
    assert find_layer("star") is found.layers["star"]
    assert make_layer("star", (("power", 3),)).arguments() == (("power", 3.0),)
    network = ir.Network(name="n", body=ir.Repeat(body=ir.Layer(name="star"), count=2, stacked=True))
    module = build(network, 3, rngs=nnx.Rngs(0))
    np.testing.assert_allclose(module(2 * jnp.ones((1, 3))), 16)


def test_the_strategy_draws_it(found: Plugins) -> None:
    assert "star" in Sizes().layers
    drawn: list[ir.Network] = []

    @settings(max_examples=20, database=None)
    @given(networks(Sizes(layers=("star",)), depth=0))
    def draw(network_and_width: tuple[ir.Network, int]) -> None:
        drawn.append(network_and_width[0])

    draw()
    assert any('"star"' in network.model_dump_json() for network in drawn)


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_one_is_a_text_that_says_whose_and_why(found: Plugins, name: str) -> None:
    value, why = BROKEN[name]
    about = [problem for problem in found.problems if problem.startswith(f"plug-in `{name} = {value}` of stars: ")]
    assert len(about) == 1
    assert why in about[0]
    assert len(found.problems) == len(BROKEN)


def test_what_nobody_offers_is_a_key_error(found: Plugins) -> None:
    with pytest.raises(KeyError):
        find_layer("comet")
    with pytest.raises(ValueError, match="no such layer"):
        ir.Layer(name="comet")


def test_built_in_layers_need_no_search() -> None:
    program = """
import sys
from archlang.layers import find_layer, make_layer, plugins
find_layer("dense"), make_layer("ln", ())
assert plugins.cache_info().currsize == 0
"""
    subprocess.run([sys.executable, "-c", program], check=True)


def test_every_layer_is_registered_under_its_name() -> None:
    assert all(issubclass(layer, LayerType) and layer.name == name for name, layer in LAYERS.items())
