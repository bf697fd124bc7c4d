"""`archlang explain`: every code has an explanation, and every example does what the explanation says."""

from __future__ import annotations

import pickle
import re
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from archlang import DiagnosticError, load, plan, workload
from archlang.__main__ import main
from archlang.cli import app
from archlang.codes import CODES
from archlang.diagnostics import render
from archlang.explain import compact, diagnose, explanation
from archlang.explanations import EXPLANATIONS, Commands, Program, Text
from archlang.layers import NUMBER, LayerType, Plugins, argument, plugins

TEXTS = {code: about.example for code, about in EXPLANATIONS.items() if isinstance(about.example, Text)}
COMMANDS = {code: about.example for code, about in EXPLANATIONS.items() if isinstance(about.example, Commands)}
PROGRAMS = {code: about.example for code, about in EXPLANATIONS.items() if isinstance(about.example, Program)}
COLUMNS, LINES = 100, 32

# What no command can show in a test. The message is made by the function that makes it in a run.
NOT_TYPED = {
    "E0708": "an epoch of training comes before it",
    "E0709": "the memory of the machine would have to run out",
    "E0710": "no environment that is shipped does this",
}


def codes_in(text: str) -> set[str]:
    return set(re.findall(r"E\d{4}", text))


# --- the explanations -------------------------------------------------------------------------------------------------


def test_every_code_has_an_explanation() -> None:
    assert set(EXPLANATIONS) == set(CODES)


@pytest.mark.parametrize("code", EXPLANATIONS)
def test_the_printed_form_is_short_and_narrow(code: str) -> None:
    lines = explanation(code).splitlines()
    assert lines[0] == f"{code}: {CODES[code]}"
    assert 12 <= len(lines) <= LINES
    assert [line for line in lines if len(line) > COLUMNS or line != line.rstrip()] == []


@pytest.mark.parametrize("code", EXPLANATIONS)
def test_no_code_is_named_that_is_not_meant(code: str) -> None:
    about = EXPLANATIONS[code]
    assert codes_in(about.meaning + about.why) == set()
    assert code not in about.see
    assert codes_in(explanation(code)) == {code, *about.see} <= set(CODES)


@pytest.mark.parametrize("code", EXPLANATIONS)
def test_the_commands_that_are_named_exist(code: str, every_command: set[str]) -> None:
    assert set(re.findall(r"[$`] ?archlang ([a-z-]+)", explanation(code))) <= every_command


@pytest.fixture(scope="module")
def every_command() -> set[str]:
    own = {command.callback.__name__ for command in app.registered_commands if command.callback}
    return own | {name for runtime in workload.runtimes() for name in runtime.commands}


# --- texts ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", TEXTS)
def test_the_wrong_text_gives_the_code_and_no_other(code: str) -> None:
    assert [found.code for found in diagnose(TEXTS[code], TEXTS[code].wrong)] == [code]


@pytest.mark.parametrize("code", TEXTS)
def test_the_right_text_is_right(code: str) -> None:
    assert diagnose(TEXTS[code], TEXTS[code].right) == ()


@pytest.mark.parametrize("code", EXPLANATIONS)
def test_a_warning_is_called_a_warning(code: str) -> None:
    shown = TEXTS.get(code)
    warned = shown is not None and diagnose(shown, shown.wrong)[0].severity == "warning"
    assert ("Why it is a warning: " in explanation(code)) is warned
    assert ("Why it is an error: " in explanation(code)) is not warned


def test_the_message_is_that_of_the_compiler() -> None:
    assert """\
    error[E0301]: a stack must keep its width
    1 │ (dense256, ln)*4
      │ ^^^^^^^^^^^^^^ takes f32[29], gives f32[256]
      │  -------- this makes it f32[256]

Right:
""" in explanation("E0301")


# --- commands ---------------------------------------------------------------------------------------------------------


def no_file(folder: Path, _: pytest.MonkeyPatch) -> None:
    assert not (folder / "wang2025").exists()


def latin1(folder: Path, _: pytest.MonkeyPatch) -> None:
    (folder / "mine.arch").write_bytes("width = 256  # the naïve one\nnet = dense{width}\n".encode("latin-1"))


def long(folder: Path, _: pytest.MonkeyPatch) -> None:
    (folder / "long.arch").write_text("dense256, ln, swish,\n" * 4000 + "dense256")


def nothing(folder: Path, _: pytest.MonkeyPatch) -> None:
    assert list(folder.iterdir()) == []


def broken_runtime(folder: Path, patch: pytest.MonkeyPatch) -> None:
    (folder / "maze.py").write_text('raise ImportError("libGL.so.1")')
    info = folder / "maze-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: maze\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[archlang.runtime]\nmaze = maze:runtime\n")
    patch.syspath_prepend(str(folder))


def thesis(folder: Path, _: pytest.MonkeyPatch) -> None:
    (folder / "thesis").mkdir()
    (folder / "thesis" / "thesis.tex").write_text("ten years of work")


def other_format(folder: Path, _: pytest.MonkeyPatch) -> None:
    (folder / "runs" / "mine").mkdir(parents=True)
    (folder / "runs" / "mine" / "config.json").write_text('{"format": 0}')


def begun(folder: Path, _: pytest.MonkeyPatch) -> None:
    """A run of which no epoch is over."""
    from archlang_runtime.config import make_config
    from archlang_runtime.folder import Experiment, RunFolder

    RunFolder(folder / "runs" / "mine").write_experiment(
        Experiment(make_config("reacher"), load("reacher").bind(action_dim=2), {})
    )


def damaged(folder: Path, patch: pytest.MonkeyPatch) -> None:
    """A run with two checkpoints of an actor, of which one byte is changed."""
    import jax

    from archlang_runtime.checkpoint import Checkpoints
    from archlang_runtime.envs import find_task
    from archlang_runtime.networks import take_apart

    begun(folder, patch)
    actor = take_apart(plan("reacher", env="reacher"), find_task("reacher").environment)["actor"]
    shapes = jax.eval_shape(actor.init, jax.random.key(0))
    weights = jax.tree.map(lambda array: jax.numpy.zeros(array.shape, array.dtype), shapes)
    place = folder / "runs" / "mine" / "checkpoints"
    with Checkpoints(place) as checkpoints:
        for epoch in (11, 12):
            checkpoints.save(epoch, {"learners": {"actor": {"weights": weights}}})
    file = place / "12" / "arrays" / "manifest.ocdbt"
    file.write_bytes(file.read_bytes()[:-1] + b"!")


def notes(folder: Path, _: pytest.MonkeyPatch) -> None:
    (folder / "notes.txt").write_text("")


def in_use(folder: Path, _: pytest.MonkeyPatch) -> AbstractContextManager[None]:
    from archlang_runtime.folder import locked

    (folder / "runs" / "mine").mkdir(parents=True)
    return locked(folder / "runs" / "mine")


def star(folder: Path, patch: pytest.MonkeyPatch) -> None:
    """A layer of another package."""

    @dataclass(frozen=True)
    class Star(LayerType):
        name = "star"
        lowering = "archlang.lower.activation:activation"
        power: float = argument(NUMBER, default=2.0)

    patch.setattr("archlang.layers.load_plugins", lambda *_: Plugins({"star": Star}))
    plugins.cache_clear()


def no_compiler(folder: Path, patch: pytest.MonkeyPatch) -> None:
    patch.setattr("archlang.child.COMPILER", "no-such-package")


def without_wandb(folder: Path, patch: pytest.MonkeyPatch) -> None:
    patch.setattr("archlang_runtime.loggers.find_spec", lambda package: None if package == "wandb" else find_spec(package))


def pickled(folder: Path, _: pytest.MonkeyPatch) -> None:
    """Weights of the networks as a pickle, and as named arrays."""
    import numpy as np

    from archlang_runtime.envs import find_task
    from archlang_runtime.import_checkpoint import form_of, layers_of
    from archlang_runtime.networks import take_apart

    (folder / "final.pkl").write_bytes(pickle.dumps({}))
    networks = take_apart(plan("reacher", env="reacher"), find_task("reacher").environment)
    layers = [found for role, network in networks.items() for found in layers_of(role, network).items()]
    arrays: dict[str, Any] = {name: np.zeros(*form_of(shape)) for name, (_, shape) in layers}
    np.savez(folder / "weights.npz", **arrays)


Situation = Callable[[Path, pytest.MonkeyPatch], AbstractContextManager[None] | None]
SITUATIONS: dict[str, Situation] = {
    "E0001": no_file,
    "E0002": latin1,
    "E0003": long,
    "E0501": nothing,
    "E0502": nothing,
    "E0601": nothing,
    "E0602": broken_runtime,
    "E0603": nothing,
    "E0604": nothing,
    "E0701": thesis,
    "E0702": other_format,
    "E0703": begun,
    "E0704": damaged,
    "E0705": notes,
    "E0706": in_use,
    "E0707": begun,
    "E0708": nothing,
    "E0709": nothing,
    "E0710": nothing,
    "E0711": pickled,
    "E0712": begun,
    "E0713": without_wandb,
    "E0804": star,
    "E0805": no_compiler,
}


@pytest.fixture
def typed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Iterator[Any]:
    """Type commands in an empty folder, one after the other: exit codes, output, errors. To train is to do nothing."""
    monkeypatch.chdir(tmp_path)
    workload.runtimes.cache_clear()

    def type_one(command: str) -> int:
        words = shlex.split(command)
        if words[0] != "archlang":
            return subprocess.run(command, shell=True).returncode
        if words[1] == "train":
            monkeypatch.setattr("archlang_runtime.session.Session.run", lambda self: 0)
        monkeypatch.setattr(sys, "argv", words)
        with pytest.raises(SystemExit) as end:
            main()
        return int(end.value.code or 0)

    def type_all(commands: str) -> tuple[list[int], str, str]:
        capfd.readouterr()
        exits = [type_one(command) for command in commands.splitlines()]
        captured = capfd.readouterr()
        return exits, captured.out, captured.err

    yield type_all
    workload.runtimes.cache_clear()
    plugins.cache_clear()


def test_every_command_has_its_situation() -> None:
    assert set(SITUATIONS) == set(COMMANDS)
    assert set(NOT_TYPED) <= set(COMMANDS)


@pytest.mark.parametrize("code", [pytest.param(code, marks=pytest.mark.slow) if code == "E0711" else code for code in COMMANDS])
def test_the_wrong_command_says_the_message_and_the_right_one_nothing(
    code: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, typed: Any
) -> None:
    shown = COMMANDS[code]
    with SITUATIONS[code](tmp_path, monkeypatch) or nullcontext():
        if code not in NOT_TYPED:
            exits, _, said = typed(shown.wrong)
            assert exits == [1]
            assert compact(said) == shown.message
        exits, _, said = typed(shown.right)
        assert set(exits) == {0}
        assert said == ""


@pytest.mark.parametrize("code", PROGRAMS)
def test_the_wrong_program_says_the_message_and_the_right_one_nothing(code: str, monkeypatch: pytest.MonkeyPatch) -> None:
    import jax.numpy as jnp
    from flax import nnx

    import archlang

    names = {"archlang": archlang, "jnp": jnp, "nnx": nnx}
    narrow(names, monkeypatch)
    with pytest.raises(DiagnosticError) as refused:
        exec(PROGRAMS[code].wrong, names)
    assert compact(render(refused.value.diagnostics)) == PROGRAMS[code].message
    exec(PROGRAMS[code].right, names)
    plugins.cache_clear()


def narrow(names: dict[str, Any], patch: pytest.MonkeyPatch) -> None:
    """A layer of another package, lowered to what a program calls `Narrow`."""

    @dataclass(frozen=True)
    class NarrowLayer(LayerType):
        name = "narrow"
        lowering = "archlang.lower.activation:narrow"

    patch.setattr("archlang.lower.activation.narrow", lambda layer, x, rngs: names["Narrow"](), raising=False)
    patch.setattr("archlang.layers.load_plugins", lambda *_: Plugins({"narrow": NarrowLayer}))
    plugins.cache_clear()


def not_finite() -> None:
    from archlang_runtime.config import make_config
    from archlang_runtime.failures import refuse_bad_numbers

    config = make_config("reacher")
    refuse_bad_numbers(3, ["critic_loss"], "", config, 2, config.steps_after(2))


def out_of_memory() -> None:
    """The buffer of the example, on a machine of 16 GiB."""
    import jax

    from archlang_runtime import memory

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(memory, "capacity", lambda: 2**34)
        memory.refuse_oversize(jax.ShapeDtypeStruct((10**9, 128, 17), "float32"))


def all_blown_up() -> None:
    from archlang_runtime.config import make_config
    from archlang_runtime.failures import refuse_hopeless

    refuse_hopeless(128, make_config("reacher"), 2)


@pytest.mark.parametrize(("code", "happens"), [("E0708", not_finite), ("E0709", out_of_memory), ("E0710", all_blown_up)])
def test_the_message_of_what_is_not_typed(code: str, happens: Callable[[], None]) -> None:
    with pytest.raises(DiagnosticError) as refused:
        happens()
    assert compact(render(refused.value.diagnostics)) == COMMANDS[code].message


# --- the command ------------------------------------------------------------------------------------------------------


def test_a_code_in_lower_case_is_explained(typed: Any) -> None:
    assert typed("archlang explain e0301") == ([0], explanation("E0301") + "\n", "")


def test_without_a_code_all_are_listed(typed: Any) -> None:
    exits, out, _ = typed("archlang explain")
    assert (exits, out.splitlines()) == ([0], [f"{code}  {meaning}" for code, meaning in CODES.items()])


def test_a_code_that_does_not_exist_is_refused(typed: Any) -> None:
    exits, out, said = typed("archlang explain E9999")
    assert (exits, out) == ([2], "")
    assert "no code E9999" in said
