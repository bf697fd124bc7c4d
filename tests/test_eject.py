"""An ejected file computes what the lowered module computes, from the same parameters at the same places, without archlang."""

from __future__ import annotations

import ast
import doctest
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.util import module_from_spec, spec_from_file_location
from itertools import count
from pathlib import Path
from typing import Any, get_args

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

import archlang
from archlang import Environment, ir
from archlang.eject import expressions, flax_source, identifiers
from archlang.eject.blocks import BIASES, BUILDERS, DTYPES, SUMS
from archlang.eject.layers import WRITERS
from archlang.layers import LAYERS, plugins
from archlang.lower import build
from archlang.resources import spec_names
from archlang.testing import Sizes, networks
from archlang.unparse import unparse

REACHER = Environment("reacher", state_dim=10, goal_dim=3, action_dim=2)
pytestmark = pytest.mark.usefixtures("quickly_compiled")
WITHOUT_SHRINKING = (Phase.explicit, Phase.reuse, Phase.generate)  # every example compiles programs
RUFF = [sys.executable, "-m", "ruff"]


def network(text: str) -> archlang.Network:
    return archlang.parse(text).networks["network"]


def source(text: str, in_features: int = 8) -> str:
    return flax_source({"network": network(text)}, {"network": in_features})


def shipped(name: str) -> str:
    networks = archlang.load(name, action_dim=REACHER.action_dim).networks
    return flax_source(networks, {role: REACHER.in_features(role) for role in networks})


@dataclass(frozen=True)
class Files:
    """Writes ejected files to a folder and imports them."""

    folder: Path
    numbers: Iterator[int]

    def networks(self, text: str) -> dict[str, Any]:
        """The classes of the networks in a file, by their names."""
        path = self.folder / f"ejected_{next(self.numbers)}.py"
        path.write_text(text, encoding="utf-8")
        spec = spec_from_file_location(path.stem, path)
        assert spec is not None
        assert spec.loader is not None
        module = module_from_spec(spec)
        spec.loader.exec_module(module)
        return module.NETWORKS

    def pair(self, net: ir.Network, in_features: int) -> tuple[nnx.Module, nnx.Module]:
        """A network ejected and lowered, from one seed."""
        (made,) = self.networks(flax_source({net.name: net}, {net.name: in_features})).values()
        return made(rngs=nnx.Rngs(0)), build(net, in_features, rngs=nnx.Rngs(0))


@pytest.fixture(scope="session")
def files(tmp_path_factory: pytest.TempPathFactory) -> Files:
    return Files(tmp_path_factory.mktemp("ejected"), count())


# --- comparing --------------------------------------------------------------------------------------------------------


def numbers(state: Any) -> dict[str, Any]:
    """The arrays of a state by their paths; keys of random numbers as numbers."""
    pure = jax.tree_util.tree_leaves_with_path(nnx.to_pure_dict(state))
    return {jax.tree_util.keystr(path): plain(leaf) for path, leaf in pure}


def plain(leaf: Any) -> Any:
    return jax.random.key_data(leaf) if jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key) else leaf


def assert_same(got: nnx.Module, expected: nnx.Module) -> None:
    """One state: the same paths, shapes and dtypes, and the same values bit for bit."""
    ours, theirs = numbers(nnx.state(got)), numbers(nnx.state(expected))
    assert ours.keys() == theirs.keys()
    for path, leaf in theirs.items():
        assert (ours[path].shape, ours[path].dtype) == (leaf.shape, leaf.dtype), path
        np.testing.assert_array_equal(ours[path], leaf, err_msg=path)
    kinds = [{path: type(variable) for path, variable in nnx.to_flat_state(nnx.state(module))} for module in (got, expected)]
    assert kinds[0] == kinds[1]


def assert_close(got: Any, expected: Any, tolerance: float) -> None:
    """Trees that agree, each array measured by its largest number."""
    ours, theirs = (jax.tree_util.tree_leaves_with_path(tree) for tree in (got, expected))
    assert [path for path, _ in ours] == [path for path, _ in theirs]
    for (path, leaf), (_, other) in zip(ours, theirs, strict=True):
        assert (leaf.shape, leaf.dtype) == (other.shape, other.dtype)
        largest = max(float(jnp.max(jnp.abs(other))), 1.0) if other.size else 1.0
        np.testing.assert_allclose(leaf, other, rtol=0, atol=tolerance * largest, err_msg=jax.tree_util.keystr(path))


def behaviour(module: Any) -> Callable[[jax.Array], Any]:
    """The outputs of two calls in training and one in evaluation, and the state after them."""
    module.train()
    training, state = nnx.split(module)
    module.eval()
    evaluating, _ = nnx.split(module)

    def behave(state: Any, x: jax.Array) -> Any:
        trained: Any = nnx.merge(training, state)
        outputs = [trained(x), trained(2 * x + 1)]
        after = nnx.state(trained)
        return outputs, nnx.merge(evaluating, after)(x), numbers(after)

    return lambda x: jax.jit(behave)(state, x)


def inputs(width: int, rows: int = 5) -> jax.Array:
    return jnp.asarray(np.random.default_rng(0).normal(size=(rows, width)), jnp.float32)


# --- the same network -------------------------------------------------------------------------------------------------

WITHOUT_ARCHLANG = """
import runpy, sys
sys.modules["archlang"] = None
import jax, numpy as np
from flax import nnx
found = runpy.run_path("ejected.py")["NETWORKS"]
outputs = {}
for name, network in found.items():
    y = jax.jit(network(rngs=nnx.Rngs(0)).__call__)(np.load(f"{name}.npy"))
    outputs |= {f"{name}_{i}": leaf for i, leaf in enumerate(jax.tree.leaves(y))}
np.savez("outputs.npz", **outputs)
assert not [name for name in sys.modules if name.startswith("archlang.")]
"""


@pytest.mark.slow
def test_the_paper_s_networks_give_the_same_bits_without_archlang(tmp_path: Path) -> None:
    networks = archlang.load("wang2025/base", action_dim=REACHER.action_dim).networks
    (tmp_path / "ejected.py").write_text(shipped("wang2025/base"), encoding="utf-8")
    given = {name: inputs(REACHER.in_features(name) or 0, rows=16) for name in networks}
    for name, x in given.items():
        np.save(tmp_path / f"{name}.npy", x)
    subprocess.run([sys.executable, "-c", WITHOUT_ARCHLANG], cwd=tmp_path, check=True)
    found = np.load(tmp_path / "outputs.npz")
    for name, x in given.items():
        module = build(networks[name], x.shape[-1], rngs=nnx.Rngs(0))
        for i, leaf in enumerate(jax.tree.leaves(jax.jit(lambda x, module=module: module(x))(x))):
            np.testing.assert_array_equal(found[f"{name}_{i}"], leaf)
    assert len(found.files) == 4


@pytest.mark.slow
def test_a_file_is_a_program_that_counts_its_parameters(tmp_path: Path) -> None:
    (tmp_path / "ejected.py").write_text(shipped("reacher"), encoding="utf-8")
    done = subprocess.run([sys.executable, "ejected.py"], cwd=tmp_path, check=True, capture_output=True, text=True)
    report = archlang.check(archlang.load("reacher", action_dim=2), env=REACHER)
    assert done.stdout.splitlines() == [f"{name}: {net.params:,} parameters" for name, net in report.networks.items()]


@pytest.mark.slow
@settings(max_examples=8, phases=WITHOUT_SHRINKING)
@given(drawn=networks(Sizes(casts=True, heads=True, layers=tuple(LAYERS))), data=st.data())
def test_an_ejected_network_is_the_lowered_one(drawn: tuple[ir.Network, int], data: st.DataObject, files: Files) -> None:
    ejected, lowered = files.pair(*drawn)
    assert_same(ejected, lowered)
    tolerance = 0.02 if "bf16" in drawn[0].model_dump_json() else 1e-6
    assert_close(behaviour(ejected)(inputs(drawn[1])), behaviour(lowered)(inputs(drawn[1])), tolerance)


ALONE = ["{}", "@dtype(bf16) {}", "res({}, dense8, scale=0.5), {}"]


@pytest.mark.slow
@pytest.mark.parametrize("text", ALONE)
@pytest.mark.parametrize("layer", LAYERS.values(), ids=LAYERS.keys())
def test_every_layer_alone(layer: Any, text: str, files: Files) -> None:
    """One operation after the other, and so bit for bit, but where a whole program is fused."""
    name = unparse(ir.Layer(name=layer.name, arguments=layer.example().arguments()))
    if layer.name == "gaussian" and "res" in text:
        text = "res(dense8, post={})"
    ejected, lowered = files.pair(network(text.format(name, name)), 8)
    assert_same(ejected, lowered)
    x = inputs(8) * jnp.asarray([[0.0], [1e-8], [1e-3], [1.0], [10.0]])
    for mode in ("train", "eval"):
        for module in (ejected, lowered):
            getattr(module, mode)()
        assert_close(ejected(x), lowered(x), 1e-6)
    assert_same(ejected, lowered)


# --- stacks -----------------------------------------------------------------------------------------------------------

BODIES = {
    "plain": "res(dense8, ln, swish)",
    "gated": "res(dense8, tanh, gate=highway, post=rms)",
    "rooted": "res((concat_input, dense8)*2, scale=0.5), swish",
    "stateful": "bn, dropout0.5, rsnorm, dense8",
    "half": "@dtype(bf16) (dense8, ln)",
}
STACKS = [("none", 4), ("dots", 4), ("full", 4), ("nested", 1), ("nested", 5), ("nested", 9)]


@pytest.mark.slow
@pytest.mark.parametrize("body", BODIES)
@pytest.mark.parametrize(("remat", "copies"), STACKS)
def test_stacks_under_every_policy(body: str, remat: str, copies: int, files: Files) -> None:
    """Outputs in training and evaluation, what training changes, and gradients."""
    ejected, lowered = files.pair(network(f"@remat({remat}) ({BODIES[body]})*{copies}"), 8)
    assert_same(ejected, lowered)
    tolerance = 0.02 if body == "half" else 1e-6
    assert_close(behaviour(ejected)(inputs(8)), behaviour(lowered)(inputs(8)), tolerance)
    assert_close(gradients(ejected), gradients(lowered), 0.05 if body == "half" else 1e-5)


def gradients(module: nnx.Module) -> Any:
    """Of a loss of the outputs in training, by the parameters and the input."""
    module.train()
    graph, params, rest = nnx.split(module, nnx.Param, ...)

    def loss(params: Any, x: jax.Array, rest: Any) -> jax.Array:
        merged: Any = nnx.merge(graph, params, rest, copy=True)  # whose statistics may change in here
        y = merged(x)
        return jnp.sum(y * jnp.cos(jnp.arange(1.0, y.size + 1)).reshape(y.shape))

    by_params, by_input = jax.jit(jax.grad(loss, argnums=(0, 1)))(params, inputs(8), rest)
    return nnx.to_pure_dict(by_params), by_input


@pytest.mark.slow
@pytest.mark.parametrize(("remat", "products"), [("none", 3), ("dots", 3), ("full", 4), ("nested", 4)])
def test_policies_say_what_is_computed_again(remat: str, products: int, files: Files) -> None:
    """A copy has one matrix product; its gradient has two, and one for each time that the copy is run again."""
    assert equations(remat, 9, files).count("dot_general") == products


@pytest.mark.slow
@pytest.mark.parametrize(("copies", "lengths"), [(9, {3}), (12, {3, 4}), (5, {1, 5}), (2, {1, 2})])
def test_a_nested_stack_is_a_scan_of_scans(copies: int, lengths: set[int], files: Files) -> None:
    """In segments of which each is run again; where the count is a prime, the only one is all of it."""
    scans = [int(name.removeprefix("scan")) for name in equations("nested", copies, files) if name.startswith("scan")]
    assert set(scans) == lengths


def equations(remat: str, copies: int, files: Files) -> list[str]:
    """The operations of a stack's gradient, scans with their length."""
    module, _ = files.pair(network(f"@remat({remat}) res(dense8, ln, swish)*{copies}"), 8)
    graph, state = nnx.split(module)
    closed = jax.make_jaxpr(jax.grad(lambda state, x: nnx.merge(graph, state)(x).sum()))(state, inputs(8))
    return list(operations(closed.jaxpr))


def operations(jaxpr: Any) -> Iterator[str]:
    for equation in jaxpr.eqns:
        yield f"{equation.primitive.name}{equation.params.get('length', '')}"
        for value in equation.params.values():
            inner = getattr(value, "jaxpr", value)
            if hasattr(inner, "eqns"):
                yield from operations(inner)


@pytest.mark.slow
def test_an_unrolled_stack_has_several_copies_in_a_step(files: Files) -> None:
    module: Any = files.pair(network("@unroll(2) (dense8)*4, @remat(nested) @unroll(3) (dense8)*9, dense8*3"), 8)[0]
    text = str(jax.make_jaxpr(lambda x: module(x))(inputs(8)))
    assert [line.strip() for line in text.splitlines() if "unroll=" in line and "unroll=1" not in line] == [
        "unroll=2",
        "unroll=3",
    ]


@pytest.mark.slow
@pytest.mark.parametrize("text", ["(dense8, ln)*3", "id, l2*3", "@remat(nested) (bn, dropout0.5, rsnorm)*4", BODIES["rooted"]])
def test_any_transform_of_jax_may_close_over_a_module(text: str, files: Files) -> None:
    module: Any = files.pair(network(text), 8)[0]
    module.eval()
    x = inputs(8)
    y = module(x)
    np.testing.assert_allclose(jax.jit(lambda x: module(x))(x), y, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(jax.vmap(lambda row: module(row[None])[0])(x), y, rtol=1e-5, atol=1e-6)
    assert jax.grad(lambda x: module(x).sum())(x).shape == x.shape


@pytest.mark.slow
def test_parameters_of_the_lowered_module_can_be_put_in(files: Files) -> None:
    net = network("dense8, ln, res(4x<dense8, ln, swish>, gate=sigmoid)*3, par(dense4; id, dense4), gaussian2")
    ejected, _ = files.pair(net, 8)
    trained: Any = build(net, 8, rngs=nnx.Rngs(7))
    nnx.update(ejected, nnx.state(trained))
    assert_same(ejected, trained)
    assert_close(ejected(inputs(8)), trained(inputs(8)), 1e-6)


# --- what the file is like --------------------------------------------------------------------------------------------


def test_the_paper_s_file_is_short_and_names_archlang_in_its_docstring_alone() -> None:
    text = shipped("wang2025/base")
    assert len(text.splitlines()) <= 130
    assert "archlang" in (ast.get_docstring(ast.parse(text)) or "")
    assert "archlang" not in code(text)


def code(text: str) -> str:
    """A file without comments and without its docstring."""
    return ast.unparse(ast.Module(ast.parse(text).body[1:], []))


def test_the_paper_s_classes_read_as_if_written_by_hand() -> None:
    lines = shipped("wang2025/base").splitlines()
    start = lines.index("class Actor(nnx.Module):")
    assert [line.strip() for line in lines[start : start + 14]] == [
        "class Actor(nnx.Module):",
        '"""[…, 13] → mean and log_std […, 2]: dense256, ln, swish, res(4x<dense256, ln, swish>)*16, gaussian2"""',
        "",
        "def __init__(self, *, rngs: nnx.Rngs):",
        "self.dense = nnx.Linear(13, 256, kernel_init=LECUN_UNIFORM, rngs=rngs)",
        "self.ln = nnx.LayerNorm(256, rngs=rngs)",
        "self.stack = Stack(Block, 16, rngs=rngs)",
        "self.gaussian = Gaussian(256, 2, kernel_init=LECUN_UNIFORM, rngs=rngs)",
        "",
        "def __call__(self, x: jax.Array) -> tuple[jax.Array, jax.Array]:",
        "x = nnx.swish(self.ln(self.dense(x)))",
        "x = self.stack(x)",
        "return self.gaussian(x)",
        "",
    ]


ODD = [
    "res(dense8, concat_input, dense8, scale=-0.5, gate=sigmoid, post=<ln, swish>)*3, @unroll(2) (dense8)*4",
    "@remat(nested) (bn, @remat(none) (swish)*2, dropout0.1)*4, "
    "@dtype(bf16) (bn, dense(8, bias=false, init=orthogonal(1.25)))*3",
    "par(" + "; ".join(["dense8", "id", "l2*2", "concat_input, dense8", "crelu, leaky0.2, dense(8, init=he)"] * 3) + ")",
    "par(dense8; dense8; dense8; dense8), par(swish; l2, join=concat), @dtype(bf16) (scale0.1, rezero, rms, gaussian3)",
    "@remat(full) (@remat(full) (@unroll(2) (dense(8, init=zeros))*2)*2)*2, mish, gelu, elu, tanh, relu, id, rsnorm",
    "id",
]


def test_files_are_as_ruff_would_have_them(tmp_path: Path) -> None:
    """Formatted, no line too long, every import used, every name there."""
    texts = [shipped(name) for name in spec_names()] + [source(text) for text in ODD]
    for i, text in enumerate(texts):
        (tmp_path / f"ejected_{i}.py").write_text(text, encoding="utf-8")
        assert unused(text) == set()
    for words in (["check", "--select", "E,F,I,B,UP"], ["format", "--check"]):
        done = subprocess.run([*RUFF, *words, "--isolated", "--line-length", "120", "."], cwd=tmp_path, capture_output=True)
        assert done.returncode == 0, done.stdout.decode()


def unused(text: str) -> set[str]:
    """What a file defines at its top and nowhere uses."""
    tree = ast.parse(text)
    defined = {node.name for node in tree.body if isinstance(node, ast.ClassDef | ast.FunctionDef)}
    assigned = [target for node in tree.body if isinstance(node, ast.Assign) for target in node.targets]
    defined |= {target.id for target in assigned if isinstance(target, ast.Name)}
    return defined - {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)}


def written_in(text: str) -> dict[str, str]:
    """The hashes of the networks that the docstring of a file has in the language."""
    docstring = ast.get_docstring(ast.parse(text)) or ""
    assert max(map(len, docstring.splitlines())) <= 120
    return {name: net.hash for name, net in archlang.parse(docstring.split("\n\n")[1]).networks.items()}


@pytest.mark.parametrize("name", spec_names())
def test_the_docstring_holds_the_networks_in_the_language(name: str) -> None:
    expected = archlang.load(name, action_dim=REACHER.action_dim).networks
    assert written_in(shipped(name)) == {name: net.hash for name, net in expected.items()}


def test_a_docstring_of_many_lines_is_read_as_the_same_network() -> None:
    text = ", ".join(f"res({'ln, ' * (i % 3)}dense8, scale=0.{i})" for i in range(1, 99))
    assert written_in(source(text)) == {"network": network(text).hash}


def test_choices_of_the_plan_that_hold_anyway_are_not_written() -> None:
    planned = archlang.plan("wang2025/base", env=REACHER).networks
    assert "@remat(dots)" in str(planned["actor"])
    assert flax_source(planned, {name: REACHER.in_features(name) or 0 for name in planned}) == shipped("wang2025/base")


def test_an_annotation_that_holds_loops_apart_is_kept() -> None:
    """`(dense8*2)*2` is a loop of four copies, and one copy without annotations no loop."""
    assert code(source("(dense8*2)*2")).count("Stack(lambda") == 1
    assert code(source("@remat(dots) (@remat(dots) dense8*2)*2")).count("Stack(lambda") == 2
    assert "network = @remat(dots) dense8*2*2" in source("@remat(dots) (@remat(dots) dense8*2)*2")
    assert code(source("@remat(dots) dense8*1")).count("Stack(lambda") == 1
    assert "network = @remat(dots) dense8*1" in source("@remat(dots) dense8*1")


def classes(text: str) -> list[str]:
    return [node.name for node in ast.parse(text).body if isinstance(node, ast.ClassDef)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("res(dense8, ln), res(dense8, ln)", ["Body", "Residual", "Network"]),
        ("res(dense8, ln), res(dense8, rms)", ["Body", "Residual", "Body2", "Residual2", "Network"]),
        ("res(dense4, dense8), dense4, res(dense4, dense8, dense4)", ["Body", "Residual", "Body2", "Residual2", "Network"]),
        ("res(2x dense8), res(dense8, dense8)", ["Body", "Residual", "Network"]),
        ("res((dense8, ln)*2), res(@remat(full) (dense8, ln)*2)", ["Stack", "Block", "Residual", "Residual2", "Network"]),
        ("dense4, res(ln, tanh), dense8, res(ln, tanh)", ["Body", "Residual", "Body2", "Residual2", "Network"]),
        ("res(dense8, swish), @dtype(bf16) res(dense8, swish)", ["Body", "Residual", "Body2", "Residual2", "Cast", "Network"]),
        ("dense8, ln", ["Network"]),
        ("@remat(nested) (dense8)*4", ["Stack", "NestedStack", "Network"]),
        ("par(swish; dense8)", ["Swish", "Parallel", "Network"]),
    ],
)
def test_equal_bodies_share_a_class(text: str, expected: list[str]) -> None:
    assert classes(source(text)) == expected


def test_a_stack_has_only_the_options_that_are_used() -> None:
    plain, all_of_them = source("(dense8)*3"), source(ODD[1] + ", (dense8)*2, @unroll(2) (concat_input, dense8)*2")
    for sign in ("policy: Any", "unroll", "root", "changed", "isqrt", "def scan"):
        assert sign not in plain
        assert sign in all_of_them


def test_every_layer_and_combinator_can_be_written() -> None:
    assert WRITERS.keys() == LAYERS.keys()
    assert BUILDERS.keys() == set(get_args(get_args(ir.Expression)[0]))
    assert BIASES.keys() == SUMS.keys() - {None} == set(get_args(ir.Gate))
    assert DTYPES.keys() == set(get_args(ir.Dtype))


# --- names, plug-ins, sizes -------------------------------------------------------------------------------------------

NAMES = ["actor", "Actor", "sa_encoder", "stack", "gaussian", "none", "block", "exception", "any", "2nd", "", "x y", "ключ"]
EVIL = [
    '"""\nraise SystemExit(3)\n"""',
    "a'); raise SystemExit(3) #",
    "\\",
    '"',
    "\ud800",
    "a\nraise SystemExit(3)",
    "nnx",
    "'''",
]


def test_no_name_breaks_a_file_or_gets_into_its_code(files: Files) -> None:
    body = network("res(dense8, ln)*2").body
    named = {name: ir.Network(name=name, body=body) for name in [*NAMES, *EVIL]}
    text = flax_source(named, dict.fromkeys(named, 8))
    assert not [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Raise)]
    found = files.networks(text)
    assert list(found) == list(named)
    assert len({made.__name__ for made in found.values()}) == len(named)
    assert [found[name].__name__ for name in NAMES[:7]] == [
        "Actor",
        "Actor2",
        "SaEncoder",
        "Stack2",
        "Gaussian2",
        "None2",
        "Block",
    ]
    for made in found.values():
        assert nnx.eval_shape(lambda made=made: made(rngs=nnx.Rngs(0)))


PLUGIN = '''
from dataclasses import dataclass
from archlang.layers import LayerType

@dataclass(frozen=True)
class Star(LayerType):
    """`star`"""
    name = "star"
    lowering = "nowhere:star"
'''


@pytest.fixture
def star(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A layer of another package."""
    (tmp_path / "star_layer.py").write_text(PLUGIN)
    info = tmp_path / "star-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: star\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[archlang.layers]\nstar = star_layer:Star\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    plugins.cache_clear()
    yield
    plugins.cache_clear()


def test_a_layer_of_another_package_is_refused_with_its_place(star: None) -> None:
    spec = archlang.parse("a = dense8, res(star)*2, star\nb = (star, ln)*2")
    with pytest.raises(archlang.SpecError) as caught:
        flax_source(spec.networks, {"a": 8, "b": 8})
    places = [(d.code, d.span.text, d.span.line, d.span.column) for d in caught.value.diagnostics if d.span]
    assert places == [("E0804", "star", 1, 17), ("E0804", "star", 2, 6)]
    assert "`star` is a layer of another package" in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        "res(" * 46 + "dense8" + ")" * 46,
        "res(dense8, ln, " * 23 + "dense8" + ")*2" * 23,
        "@remat(full) (" * 16 + "dense8" + ")*2" * 16,
        "@dtype(bf16) @dtype(f32) " * 20 + "dense8",
        "par(dense8; " * 45 + "dense8" + ")" * 45,
        "9990x dense8",
        ", ".join(["tanh"] * 9000),
        "par(" + "; ".join(["ln"] * 9000) + ")",
        f"res({', '.join(['dense8, ln'] * 100)}, " * 40 + "dense8" + ")" * 40,
        "(dense8)*9223372036854775807, @remat(nested) (dense8)*9223372036854775807",
    ],
    ids=["residuals", "blocks", "stacks", "casts", "branches", "copies", "functions", "wide", "deep and wide", "many"],
)
def test_large_networks_are_written(text: str) -> None:
    """Without deep recursion of Python, here or in the reader of the file."""
    assert compile(source(text), "ejected.py", "exec")


@pytest.mark.parametrize("module", [expressions, identifiers])
def test_examples(module: Any) -> None:
    failed, attempted = doctest.testmod(module)
    assert (failed, attempted > 0) == (0, True)
