"""Layers of other packages: found by their entry points, used as built-in ones; broken ones are texts, not exceptions."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from hypothesis import given, settings

import archlang
from archlang import ir
from archlang.layers import LAYERS, WORDS, LayerType, Plugins, find_layer, make_layer, plugins
from archlang.lower import build
from archlang.names import RESERVED
from archlang.testing import Sizes, networks

MODULE = '''
from dataclasses import dataclass
from archlang.layers import FLAG, NUMBER, Choice, LayerType, Number, Refused, Whole, argument

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

@dataclass(frozen=True)
class Even(LayerType):
    name = "even"
    lowering = "stars_lowered:even"

    def output(self, x):
        if x.width is not None and x.width % 2:
            raise Refused("an even width")
        return x

    def num_params(self, in_features):
        return 1 // (1 - in_features % 2)

@dataclass(frozen=True)
class Picky(LayerType):
    name = "picky"
    lowering = "stars_lowered:star"
    low: float = argument(Number(-3, 0))
    high: float = argument(Number(5))
    narrow: int = argument(Whole(300, 400))
    flag: bool = argument(FLAG)
    choice: str = argument(Choice(("one", "other")))

class Bare(LayerType):
    name = "bare"
    lowering = "stars_lowered:star"
    power: float = argument(NUMBER, default=2.0)

class Odd:
    expected = "an odd number"
    def accepts(self, value): return value % 2 == 1
    def canonical(self, value): return value

@dataclass(frozen=True)
class Unexampled(LayerType):
    name = "unexampled"
    lowering = "stars_lowered:star"
    count: int = argument(Odd())

def one(name, **methods):
    return dataclass(frozen=True)(type(name, (LayerType,), {"name": name, "lowering": "stars_lowered:star", **methods}))

Forgets = one("forgets", output=lambda self, x: x.with_width(2 * x.width))
Fails = one("fails", output=lambda self, x: x if x.width is None else x.with_width([][0]))
Typeless = one("typeless", output=lambda self, x: x.width)
Divides = one("divides", num_params=lambda self, in_features: in_features // (in_features - 8))
Halves = one("halves", num_params=lambda self, in_features: in_features / 2)
Negative = one("negative", flops=lambda self, in_features: -in_features)
Saves = one("saves", saved=lambda self, x: x.row_bytes)
Res, Par, Use, Yes, No = map(one, ("res", "par", "use", "true", "false"))

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
USABLE = {"even": "stars:Even", "picky": "stars:Picky", "star": "stars:Star"}
# Each entry point that cannot be used, and words of the reason.
BROKEN = {
    "a-par": ("stars:Par", "the name `par` is a word of the language"),
    "a-res": ("stars:Res", "the name `res` is a word of the language"),
    "a-use": ("stars:Use", "the name `use` is a word of the language"),
    "absent": ("stars:Absent", "cannot be loaded: AttributeError"),
    "bare": ("stars:Bare", "is no dataclass; write `@dataclass(frozen=True)`"),
    "divides": ("stars:Divides", "`num_params(8)` raises ZeroDivisionError: "),
    "fails": ("stars:Fails", "`output(f32[8])` raises IndexError: "),
    "field": ("stars:Field", "`argument(kind)`"),
    "forgets": ("stars:Forgets", "`output(f32[?])` raises TypeError: "),
    "function": ("stars:function", "no subclass of archlang.layers.LayerType"),
    "halves": ("stars:Halves", "`num_params(8)` gives 4.0; expected a whole number from 0"),
    "hyphen": ("stars:Hyphen", "the name 'not-a-name'"),
    "missing": ("no_such_module:Star", "cannot be loaded: ModuleNotFoundError"),
    "nameless": ("stars:Nameless", "the name None"),
    "negative": ("stars:Negative", "`flops(8)` gives -8; expected a whole number from 0"),
    "no": ("stars:No", "the name `false` is a word of the language"),
    "norm": ("stars:Norm", "the name `ln` is taken by archlang.layers.norm.LayerNorm"),
    "quits": ("stars_quits:Star", "cannot be loaded: SystemExit"),
    "saves": ("stars:Saves", "`saved(f32[8])` gives 32; expected a Saved"),
    "twice": ("stars:Other", "the name `star` is taken by stars.Star"),
    "typeless": ("stars:Typeless", "`output(f32[?])` gives None; expected a Type"),
    "unexampled": ("stars:Unexampled", "`example()` raises AttributeError: "),
    "unlowered": ("stars:Unlowered", "has no `lowering`"),
    "yes": ("stars:Yes", "the name `true` is a word of the language"),
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
    entries = [f"{name} = {value}" for name, value in {**USABLE, **{n: v for n, (v, _) in BROKEN.items()}}.items()]
    info = folder / "stars-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: stars\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("\n".join(["[archlang.layers]", *entries]))


def test_a_plug_in_is_a_layer_like_any_other(found: Plugins) -> None:
    assert found.layers.keys() == USABLE.keys()
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


def test_every_word_of_the_language_is_refused(found: Plugins) -> None:
    refused = {match[1] for problem in found.problems if (match := re.search("`([a-z]+)` is a word of the language", problem))}
    assert refused == WORDS == RESERVED - LAYERS.keys()


def test_an_example_has_what_must_be_given(found: Plugins) -> None:
    made = find_layer("picky").example()
    assert made == make_layer("picky", made.arguments())
    assert dict(made.arguments()) == {"low": -3.0, "high": 5.0, "narrow": 300, "flag": True, "choice": "one"}


def test_a_width_that_a_layer_refuses_is_told_with_its_place(found: Plugins) -> None:
    with pytest.raises(archlang.SpecError) as caught:
        archlang.check("(dense7, res(even))*3, dense4", in_features=7)
    ((code, message, label, span),) = [(d.code, d.message, d.label, d.span) for d in caught.value.diagnostics]
    assert (code, message, label) == ("E0306", "`even` needs an even width", "takes f32[7]")
    assert span is not None
    assert (span.text, span.column) == ("even", 14)
    assert archlang.check("dense8, even, dense4", in_features=7).networks["network"].params == 8 * 8 + 1 + 9 * 4
    assert archlang.parse("even").networks["network"]


def test_the_strategy_draws_no_width_that_a_layer_refuses(found: Plugins) -> None:
    drawn: set[str] = set()

    @settings(max_examples=100, database=None)
    @given(networks(Sizes(layers=("even",))))
    def draw(network_and_width: tuple[ir.Network, int]) -> None:
        network, width = network_and_width
        archlang.Network(name="n", body=network.body).num_params(width)
        drawn.update(layer for layer in ("even", "dense") if f'"{layer}"' in network.model_dump_json())

    draw()
    assert drawn == {"even", "dense"}


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
