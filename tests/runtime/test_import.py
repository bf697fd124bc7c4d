"""Weights from elsewhere: they come in as they are, a run goes on from them, and what does not fit is refused by name."""

from __future__ import annotations

import io
import json
import pickle
import re
import zipfile
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import by_hand
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import toy
from flax import nnx
from rich.console import Console

from archlang import DiagnosticError, load
from archlang.lower import unstack
from archlang_runtime import session
from archlang_runtime.energies import ENERGIES
from archlang_runtime.envs import find_task
from archlang_runtime.evaluate import restore_agent
from archlang_runtime.folder import Experiment, RunFolder
from archlang_runtime.import_checkpoint import LOG_ALPHA, begin_with_imported, fill, import_checkpoint, layers_of
from archlang_runtime.networks import Role, Weights, take_apart
from archlang_runtime.report import Report
from archlang_runtime.train import make_train

STATEFUL = """trunk = dense8, rsnorm, par(dense8; dense8, bn, dropout0.5), res(dense8, swish)*3
actor = trunk, gaussian
sa_encoder = trunk, dense4
g_encoder = rsnorm, dense4
"""
DOCUMENTED = (Path(__file__).parent.parent.parent / "docs" / "import.md").read_text()
Arrays = dict[str, Any]


def roles(experiment: Experiment) -> dict[str, Role]:
    return dict(take_apart(experiment.plan, find_task("toy").environment))


def paper(depth: int) -> Experiment:
    spec = load("wang2025/base", {"width": "8", "depth": str(depth)}).bind(action_dim=2)
    return Experiment(toy.config(), spec, {"width": "8", "depth": str(depth)})


def trained(networks: dict[str, Role]) -> dict[str, Weights]:
    """Weights of an agent; numbers that no initialization would give."""

    def shift(x: jax.Array) -> jax.Array:
        return x + 0.1 if jnp.issubdtype(x.dtype, jnp.floating) else x

    return {name: jax.tree.map(shift, jax.jit(role.init)(jax.random.key(7))) for name, role in networks.items()}


def export(networks: dict[str, Role]) -> Arrays:
    """All that they have learned, by the names of an .npz."""
    arrays = {}
    for name, weights in trained(networks).items():
        learned = nnx.merge_state(weights.params, nnx.filter_state(weights.variables, nnx.Not(nnx.RngState)))
        for path, variable in nnx.to_flat_state(unstack(networks[name].network, learned)):
            arrays[".".join(map(str, (name, *path)))] = np.asarray(variable.get_value())
    return arrays


def save(path: Path, arrays: Arrays) -> Path:
    np.savez(path, **arrays)
    return path


def refusal(experiment: Experiment, weights: Path, out: Path) -> tuple[str, str]:
    with pytest.raises(DiagnosticError) as refused:
        import_checkpoint(experiment, weights, out)
    (diagnostic,) = refused.value.diagnostics
    return diagnostic.code, "\n".join([diagnostic.message, *diagnostic.notes])


# --- they come in as they are ----------------------------------------------------------------------------------------


EXPERIMENTS = {"toy": toy.experiment, "paper": lambda: paper(8), "all sorts": lambda: toy.experiment(STATEFUL)}


@pytest.mark.slow
@pytest.mark.parametrize("make", EXPERIMENTS.values(), ids=EXPERIMENTS)
def test_imported_networks_are_those_that_were_exported(make: Callable[[], Experiment], tmp_path: Path) -> None:
    """Array by array, and so in their actions and energies."""
    experiment, folder = make(), RunFolder(tmp_path / "run")
    networks = roles(experiment)
    arrays = export(networks)
    found = import_checkpoint(experiment, save(tmp_path / "weights.npz", arrays), folder.path)
    assert (found.num_params, found.alpha) == (sum(array.size for array in arrays.values()), None)
    epoch, agent = restore_agent(folder, networks)
    assert epoch == 0
    for name, weights in trained(networks).items():
        x = jax.random.normal(jax.random.key(0), (5, networks[name].in_features))
        apply = jax.jit(networks[name].apply)
        jax.tree.map(np.testing.assert_array_equal, apply(agent[name], x), apply(weights, x))
        jax.tree.map(np.testing.assert_array_equal, agent[name].params, weights.params)


def flax_layers(rng: np.random.Generator, widths: list[int], heads: list[int]) -> dict[str, Any]:
    """What Flax would have: `Dense_i` and `LayerNorm_i` in the order of the paper's code, at random."""

    def draw(**shapes: Any) -> dict[str, Any]:
        return {name: np.float32(0.3 * rng.standard_normal(shape)) for name, shape in shapes.items()}

    dense = [*pairwise(widths), *((widths[-1], head) for head in heads)]
    made = {f"Dense_{i}": draw(kernel=shape, bias=shape[1]) for i, shape in enumerate(dense)}
    return {"params": made | {f"LayerNorm_{i}": draw(scale=width, bias=width) for i, width in enumerate(widths[1:])}}


def flax_forward(params: dict[str, Any], x: Any, depth: int) -> Any:
    """The trunk of the paper's code: one layer, then blocks of four with a skip around each."""

    def layer(i: int, x: Any) -> Any:
        y = by_hand.dense(params[f"Dense_{i}"], x)[0]
        return by_hand.swish({}, by_hand.layer_norm(params[f"LayerNorm_{i}"], y)[0])[0]

    x = layer(0, x)
    for block in range(depth // 4):
        skip = x
        for i in range(4):
            x = layer(1 + 4 * block + i, x)
        x = x + skip
    return x


@pytest.mark.slow
@pytest.mark.parametrize("depth", [4, 8])
def test_the_papers_pickles_come_in_as_documented(depth: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its parameters through the program in docs/import.md, against a forward pass in NumPy."""
    rng, trunk = np.random.default_rng(0), [8] * (depth + 1)
    actor, sa = flax_layers(rng, [6, *trunk], [2, 2]), flax_layers(rng, [6, *trunk], [64])
    g = flax_layers(rng, [2, *trunk], [64])
    monkeypatch.chdir(tmp_path)
    Path("final.pkl").write_bytes(pickle.dumps(({"log_alpha": np.float32(-3)}, actor, {"sa_encoder": sa, "g_encoder": g})))
    exec(re.findall(r"```python\n(.*?)```", DOCUMENTED, re.DOTALL)[0], {})
    found = import_checkpoint(paper(depth), Path("weights.npz"), Path("run"))
    assert found.alpha == pytest.approx(np.exp(-3))

    networks = roles(paper(depth))
    _, agent = restore_agent(RunFolder(Path("run")), networks)
    observation, pair, goal = (rng.standard_normal((5, width)) for width in (6, 6, 2))
    mean, log_std = jax.jit(networks["actor"].apply)(agent["actor"], jnp.float32(observation))
    hidden = flax_forward(actor["params"], observation, depth)
    heads = [by_hand.dense(actor["params"][f"Dense_{depth + 1 + i}"], hidden)[0] for i in range(2)]
    np.testing.assert_allclose(mean, heads[0], rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(log_std, -5 + 3.5 * (np.tanh(heads[1]) + 1), rtol=1e-4, atol=1e-5)
    embeddings = [
        by_hand.dense(layers["params"][f"Dense_{depth + 1}"], flax_forward(layers["params"], x, depth))[0]
        for layers, x in ((sa, pair), (g, goal))
    ]
    energies = ENERGIES["norm"](
        jax.jit(networks["sa_encoder"].apply)(agent["sa_encoder"], jnp.float32(pair)),
        jax.jit(networks["g_encoder"].apply)(agent["g_encoder"], jnp.float32(goal)),
    )
    np.testing.assert_allclose(energies, np.diag(by_hand.norm(*embeddings)[0]), rtol=1e-4)


def jaxgcrl_trunk(params: dict[str, Any], x: Any, depth: int, skip: int) -> Any:
    """As jaxgcrl/agents/crl/networks.py counts: behind every layer whose number `skip` divides, what was kept is added."""
    kept = None
    for i in range(depth):
        y = by_hand.dense(params[f"Dense_{i}"], x)[0]
        x = by_hand.swish({}, by_hand.layer_norm(params[f"LayerNorm_{i}"], y)[0])[0]
        if skip and i % skip == 0:
            kept = x = x if kept is None else x + kept
    return x


OWN = 'use "jaxgcrl.arch"\ntrunk(norm) = unit(norm), '
JAXGCRL = {  # depth and skip_connections, and the specification
    (2, 0): ("jaxgcrl", {"depth": "2"}),
    (4, 4): ("jaxgcrl", {"depth": "4"}),
    (4, 2): ("jaxgcrl_skip", {"depth": "4", "skip": "2"}),
    (5, 2): (OWN + "res(2x unit(norm))*2", {}),
    (4, 1): (OWN + "res(unit(norm))*3", {}),
}


@pytest.mark.slow
@pytest.mark.parametrize(("depth", "skip"), JAXGCRL)
def test_jaxgcrls_names_are_as_documented(depth: int, skip: int, tmp_path: Path) -> None:
    """With skip connections and without; and an encoder is the same function."""
    rng, trunk = np.random.default_rng(0), [8] * depth
    text, settings = JAXGCRL[depth, skip]
    spec = load(text, {"width": "8", "norm": "ln", **settings}).bind(action_dim=2)
    actor, sa, g = (flax_layers(rng, [width, *trunk], heads) for width, heads in ((6, [2, 2]), (6, [64]), (2, [64])))
    actor["params"] = {name: layer for name, layer in actor["params"].items() if name.startswith("Dense")}
    scope: dict[str, Any] = {"networks": {"actor": actor, "sa_encoder": sa, "g_encoder": g}}
    exec(re.findall(r"```python\n(.*?)```", DOCUMENTED, re.DOTALL)[1].replace("skip = 4", f"skip = {skip}"), scope)
    arrays = {
        f"{role}.{scope['place'](role, name.split('_')[0].lower().replace('layernorm', 'ln'), int(name[-1]), 0)}.{end}": array
        for role, network in scope["networks"].items()
        for name, layer in network["params"].items()
        for end, array in layer.items()
    }
    experiment, folder = Experiment(toy.config(), spec, {}), RunFolder(tmp_path / "run")
    assert import_checkpoint(experiment, save(tmp_path / "w.npz", arrays), folder.path).num_params
    encoder, x = roles(experiment)["g_encoder"], rng.standard_normal((5, 2))
    weights = fill(encoder, layers_of("g_encoder", encoder), arrays)
    wanted = by_hand.dense(g["params"][f"Dense_{depth}"], jaxgcrl_trunk(g["params"], x, depth, skip))[0]
    np.testing.assert_allclose(jax.jit(encoder.apply)(weights, jnp.float32(x)), wanted, rtol=1e-4, atol=1e-5)


# --- a run goes on from them -----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def imported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An imported run of the toy networks, with α."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("archlang_runtime.envs.TASKS", toy.tasks())
        path = tmp_path_factory.mktemp("imported")
        arrays = export(roles(toy.experiment())) | {LOG_ALPHA: np.float32(-2)}
        import_checkpoint(toy.experiment(), save(path / "weights.npz", arrays), path / "run")
    return path


def test_a_run_begins_with_them_and_fresh_optimizers(imported: Path) -> None:
    experiment = toy.experiment()
    program = make_train(experiment.config, roles(experiment))
    drawn = jax.jit(program.init)(jax.random.key(0))
    state = begin_with_imported(RunFolder(imported / "run"), drawn)
    for name, weights in trained(roles(experiment)).items():
        jax.tree.map(np.testing.assert_array_equal, state.learners.agent[name], weights)
    assert float(state.learners.alpha.weights.params) == -2
    for one, other in ((state.learners.actor, drawn.learners.actor), (state.learners.alpha, drawn.learners.alpha)):
        jax.tree.map(np.testing.assert_array_equal, one.opt_state, other.opt_state)
    jax.tree.map(np.testing.assert_array_equal, state.episodes, drawn.episodes)


def test_without_an_entropy_term_an_imported_alpha_is_left_aside(imported: Path) -> None:
    experiment = toy.experiment(entropy="off")
    drawn = jax.jit(make_train(experiment.config, roles(experiment)).init)(jax.random.key(0))
    learners = begin_with_imported(RunFolder(imported / "run"), drawn).learners
    assert not jax.tree.leaves(learners.alpha.weights)
    assert not np.array_equal(*(jax.tree.leaves(each.actor.weights)[0] for each in (learners, drawn.learners)))


def train(path: Path, **chosen: Any) -> str:
    console = Console(file=io.StringIO(), width=200)
    assert session.train(toy.experiment(**chosen), path, Report(console)) == 0
    return console.file.getvalue()  # pyright: ignore[reportAttributeAccessIssue]


def numbers(path: Path) -> list[dict[str, Any]]:
    lines = [json.loads(line) for line in (path / "metrics.jsonl").read_text().splitlines()]
    return [{k: v for k, v in line.items() if not k.endswith(("_seconds", "_per_second"))} for line in lines]


def copy_of(imported: Path, path: Path) -> Path:
    import_checkpoint(toy.experiment(), imported / "weights.npz", path)
    return path


def killed(self: object, place: object, *_: object) -> None:
    """In the middle of a checkpoint, or when it is whole."""
    if isinstance(place, Path):
        place.mkdir(parents=True)
        (place / "half").write_text("of an array")
    raise KeyboardInterrupt


@pytest.mark.parametrize("killed_in", ["checkpoint.Checkpoints.write", "folder.RunFolder.write_experiment"])
def test_an_import_that_was_killed_is_no_obstacle(
    killed_in: str, imported: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither for another import, nor for a run, which begins without any of it."""
    folder = RunFolder(tmp_path / "run")
    for comes_next in ("train", "import"):
        with monkeypatch.context() as patch:
            patch.setattr(f"archlang_runtime.{killed_in}", killed)
            patch.setattr(session.Session, "run", lambda self: 0)
            with pytest.raises(KeyboardInterrupt):
                copy_of(imported, folder.path)
            assert any(folder.imported.iterdir())
            assert not folder.exists()
            if comes_next == "train":
                train(folder.path)
                assert not folder.imported.exists()
    copy_of(imported, folder.path)
    assert folder.exists()
    assert restore_agent(folder, roles(toy.experiment()))[0] == 0


def test_only_what_an_import_leaves_is_left_over(tmp_path: Path) -> None:
    (tmp_path / "run" / "imported" / "photographs").mkdir(parents=True)
    with pytest.raises(DiagnosticError) as refused:
        train(tmp_path / "run")
    assert refused.value.diagnostics[0].code == "E0701"
    assert (tmp_path / "run" / "imported" / "photographs").is_dir()


@pytest.mark.slow
def test_a_run_trains_on_from_them_and_goes_on_exactly(imported: Path, tmp_path: Path) -> None:
    """Also with settings that are chosen with the first step; from then on they stay."""
    whole, parts = copy_of(imported, tmp_path / "whole"), copy_of(imported, tmp_path / "parts")
    assert "imported weights" in train(whole, steps=200, seed=3)
    train(parts, steps=1, seed=3)
    assert "going on from epoch 1" in train(parts, steps=200, seed=3)
    assert numbers(parts) == numbers(whole)
    with pytest.raises(DiagnosticError) as refused:
        train(whole, steps=200, seed=4)
    assert refused.value.diagnostics[0].code == "E0703"


@pytest.mark.parametrize(
    ("chosen", "words"),
    [
        ({"energy": "l2"}, "energy: norm in the run, l2 asked for"),
        ({"environment": "falling"}, "environment: toy in the run, falling asked for"),
        ({"spec": toy.SPEC.replace("dense8,ln", "dense9,ln")}, "other networks"),
    ],
)
def test_what_belongs_to_the_weights_stays(chosen: dict[str, Any], words: str, imported: Path) -> None:
    with pytest.raises(DiagnosticError) as refused:
        train(imported / "run", **chosen)
    (diagnostic,) = refused.value.diagnostics
    assert diagnostic.code == "E0703"
    assert words in " ".join(diagnostic.notes)


def test_nothing_is_imported_into_a_run(imported: Path) -> None:
    code, words = refusal(toy.experiment(), imported / "weights.npz", imported / "run")
    assert (code, "is a run already" in words) == ("E0711", True)


# --- what does not fit -----------------------------------------------------------------------------------------------

KERNEL = "actor.dense.kernel"


def without(arrays: Arrays, *names: str) -> Arrays:
    return {name: array for name, array in arrays.items() if name not in names}


MISFITS: dict[str, tuple[Callable[[Arrays], Arrays], str]] = {
    "missing": (lambda a: without(a, KERNEL), "actor.dense.kernel is missing: float32[6, 8]"),
    "extra": (lambda a: a | {"critic": np.zeros(3)}, "critic has no place: float64[3]"),
    "shape": (lambda a: a | {KERNEL: a[KERNEL].T}, "actor.dense.kernel is float32[8, 6]; it is to be float32[6, 8]"),
    "stacked": (lambda a: a | {KERNEL: a[KERNEL][None]}, "actor.dense.kernel is float32[1, 6, 8]"),
    "double": (lambda a: a | {KERNEL: np.float64(a[KERNEL])}, "actor.dense.kernel is float64[6, 8]"),
    "byte order": (lambda a: a | {KERNEL: a[KERNEL].astype(">f4")}, "actor.dense.kernel is >f4[6, 8]"),
    "text": (lambda a: a | {KERNEL: np.array("weights")}, "actor.dense.kernel is <U7[]"),
    "objects": (lambda a: a | {KERNEL: np.array([print, None])}, "actor.dense.kernel holds pickled objects"),
    "NaN": (lambda a: a | {KERNEL: a[KERNEL] * np.nan}, "holds numbers that are not finite: 48 of 48"),
    "infinite α": (lambda a: a | {LOG_ALPHA: np.float32(np.inf)}, "log_alpha of"),
    "α of each action": (lambda a: a | {LOG_ALPHA: np.zeros(2, np.float32)}, "log_alpha is float32[2]; it is to be float32[]"),
    "nothing": (lambda a: {}, "… and 14 more like it"),
}


@pytest.mark.parametrize(("change", "words"), MISFITS.values(), ids=MISFITS)
def test_what_does_not_fit_is_named_and_nothing_is_written(
    change: Callable[[Arrays], Arrays], words: str, imported: Path, tmp_path: Path
) -> None:
    with np.load(imported / "weights.npz") as whole:
        arrays = change(dict(whole))
    code, said = refusal(toy.experiment(), save(tmp_path / "weights.npz", arrays), tmp_path / "run")
    assert code == "E0711"
    assert words in said
    assert len(said.splitlines()) <= 12
    assert not (tmp_path / "run").exists()


def zipped(members: dict[str, bytes]) -> Callable[[bytes], bytes]:
    def write(_: bytes) -> bytes:
        content = io.BytesIO()
        with zipfile.ZipFile(content, "w") as archive:
            for name, data in members.items():
                archive.writestr(name, data)
        return content.getvalue()

    return write


def header(shape: str) -> bytes:
    """Of an .npy, without the numbers."""
    text = f"{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}}}\n".encode()
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text


DAMAGES: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "empty": (lambda _: b"", "File is not a zip file"),
    "pickle": (lambda _: pickle.dumps({"a": 1}), "File is not a zip file"),
    "cut": (lambda content: content[: len(content) // 2], "File is not a zip file"),
    "flipped": (lambda content: content.replace(b"\x3d", b"\x3e"), "Bad CRC-32"),
    "another archive": (zipped({"archive/data.pkl": b""}), "it holds archive/data.pkl, not arrays alone"),
    "no array": (zipped({"a.npy": b"weights"}), "magic string"),
    "a header that is a program": (zipped({"a.npy": header("print(1)")}), "malformed node"),
    "more than the memory": (zipped({f"{KERNEL}.npy": header("(1000000000000,)")}), "float32[1000000000000]"),
    "less than its header says": (zipped({"log_alpha.npy": header("()")}), "dense.kernel is missing"),
}


@pytest.mark.parametrize(("damage", "words"), DAMAGES.values(), ids=DAMAGES)
def test_a_file_that_cannot_be_read_is_refused(
    damage: Callable[[bytes], bytes], words: str, imported: Path, tmp_path: Path
) -> None:
    place = tmp_path / "weights.npz"
    place.write_bytes(damage((imported / "weights.npz").read_bytes()))
    code, said = refusal(toy.experiment(), place, tmp_path / "run")
    assert code == "E0711"
    assert words in said


@pytest.mark.parametrize("place", ["nowhere.npz", "."])
def test_a_file_that_is_not_there_is_refused(place: str, tmp_path: Path) -> None:
    code, words = refusal(toy.experiment(), tmp_path / place, tmp_path / "run")
    assert code == "E0705"
    assert words.endswith(("No such file or directory", "Is a directory"))
