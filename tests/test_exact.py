"""What XLA plans for a GPU that is not there, and what is kept of it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import archlang
from archlang import Diagnostic, DiagnosticError, Runtime, Workload
from archlang.analysis.memory import TERMS, memory
from archlang.exact import ExactPlan, exact_plan, made_by
from archlang.targets import GPUS, find_gpu
from archlang.types import Type

GPU = GPUS["h100-80gb"]
TEXT = "dense256, ln, swish, res(4x<dense256, ln, swish>)*4"
NUMBERS: dict[str, Any] = {"argument": 30, "output": 40, "temp": 5, "alias": 30, "terms": {"parameters": 10, "optimizer": 20}}
SMALL = Workload(batch_size=32)
PLAN = ExactPlan("h100-80gb", **NUMBERS)
Asked = list[tuple[Any, Any]]


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "archlang" / "plans"


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Asked:
    """What XLA was asked, which has one answer here."""
    questions: Asked = []

    def ask(question: Mapping[str, Any], gpu: Any) -> str:
        questions.append((question, gpu))
        return json.dumps(NUMBERS)

    monkeypatch.setattr("archlang.exact.ask", ask)
    return questions


def planned(text: str = TEXT, gpu: str | None = "h100-80gb", workload: Workload = SMALL) -> ExactPlan:
    networks = archlang.plan(text, in_features=8).networks
    return exact_plan(networks, {name: Type.of_input(8) for name in networks}, workload, None if gpu is None else find_gpu(gpu))


def error(refused: pytest.ExceptionInfo[DiagnosticError]) -> Diagnostic:
    (found,) = refused.value.diagnostics
    return found


# --- the cache ------------------------------------------------------------------------------------------------------------


def test_the_same_program_is_compiled_once(asked: Asked, cache: Path) -> None:
    assert [planned(), planned()] == [PLAN, PLAN]
    assert PLAN.total == 45
    assert len(asked) == 1
    assert len(list(cache.iterdir())) == 1


@pytest.mark.parametrize(
    "other",
    [
        {"text": TEXT.replace("256", "128")},
        {"text": TEXT.replace("res", "@remat(full) res")},
        {"gpu": "a100-80gb"},
        {"gpu": None},
        {"workload": Workload(batch_size=33)},
        {"workload": Workload(batch_size=32, optimizer="sgd")},
    ],
)
def test_another_program_is_another_entry(asked: Asked, other: dict[str, Any]) -> None:
    planned()
    planned(**other)
    assert len(asked) == 2


@pytest.mark.parametrize("changed", ["versions", "sources", "flags", "python"])
def test_what_makes_the_program_is_part_of_the_key(asked: Asked, changed: str, monkeypatch: pytest.MonkeyPatch) -> None:
    planned()
    monkeypatch.setattr("archlang.exact.made_by", lambda: {**made_by(), changed: "other"})
    planned()
    assert len(asked) == 2


def test_flags_of_the_compiler_are_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XLA_FLAGS", "--xla_gpu_autotune_level=0")
    monkeypatch.setenv("JAX_PLATFORMS", "cuda")
    flags = made_by.__wrapped__()["flags"]
    assert flags["XLA_FLAGS"] == "--xla_gpu_autotune_level=0"
    assert flags["JAX_PLATFORMS"] == "cpu"  # the child's own


@pytest.mark.parametrize(
    "spoil",
    [
        lambda entry: entry["result"].update(temp=-1),
        lambda entry: entry["result"].update(temp=True),
        lambda entry: entry["result"].update(temp="5"),
        lambda entry: entry["result"].pop("alias"),
        lambda entry: entry["result"].update(terms=[1]),
        lambda entry: entry.update(key="0" * 64),
    ],
)
def test_a_spoilt_entry_is_made_again_with_a_note(asked: Asked, cache: Path, spoil: Callable[[Any], Any]) -> None:
    planned()
    (place,) = cache.iterdir()
    entry = json.loads(place.read_text())
    spoil(entry)
    place.write_text(json.dumps(entry))
    again = planned()
    assert again == PLAN
    assert "cannot be used, and is made again" in again.notes[0]
    assert planned().notes == ()
    assert len(asked) == 2


def test_a_cache_that_cannot_be_written_is_a_note(asked: Asked, tmp_path: Path) -> None:
    (tmp_path / "archlang").write_text("a file in its place")
    plan = planned()
    assert plan == PLAN
    assert "cannot be cached" in plan.notes[-1]


def test_a_command_shows_the_note_beside_its_result(asked: Asked, cache: Path, archlang: Any) -> None:
    words = ("estimate", "dense8, dense8", "--in", "8", "--gpu", "h100-80gb", "--exact", "--json")
    assert archlang(*words).err == ""
    (place,) = cache.iterdir()
    place.write_text("{")
    outcome = archlang(*words)
    assert (outcome.code, json.loads(outcome.out)["memory"]["total"]) == (0, PLAN.total)
    assert outcome.err.startswith(f"note: the cached plan {place} cannot be used, and is made again: ")


# --- what cannot be -------------------------------------------------------------------------------------------------------


def test_of_a_custom_gpu_only_the_memory_is_known(asked: Asked) -> None:
    with pytest.raises(DiagnosticError) as refused:
        planned(gpu="custom:24GB")
    assert error(refused).code == "E0502"
    assert asked == []


def test_without_the_compiler_it_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("archlang.child.COMPILER", "no-such-package")
    with pytest.raises(DiagnosticError) as refused:
        planned()
    assert error(refused).code == "E0805"
    assert "archlang[gpu-check]" in (error(refused).help or "")


def test_a_runtime_without_a_program_is_an_error(asked: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    somewhere = archlang.Environment("somewhere", 4, 2, 2)
    monkeypatch.setattr("archlang.workload.runtimes", lambda: (Runtime(environments={"somewhere": somewhere}),))
    with pytest.raises(DiagnosticError) as refused:
        planned(workload=Workload(environment=somewhere))
    assert error(refused).code == "E0602"
    assert asked == []


def test_a_child_that_is_killed_leaves_no_entry(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("archlang.child.COMMAND", ("-c", "import os; os.kill(os.getpid(), 9)"))
    with pytest.raises(DiagnosticError) as refused:
        planned()
    assert error(refused).message == (
        "cannot compile for h100-80gb: the compiler was ended by SIGKILL; the memory of this machine may not do"
    )
    assert not cache.exists()


INTERRUPTED = """
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)  # a job in the background inherits that it is ignored
sys.path.insert(0, {tests!r})
import archlang.child
from test_exact import planned
archlang.child.COMMAND = ("-c", "import os, time; print(os.getpid(), file=open({pid!r}, 'w')); time.sleep(600)")
planned()
"""


def test_an_interrupt_ends_the_child(tmp_path: Path, cache: Path) -> None:
    pid = tmp_path / "pid"
    code = INTERRUPTED.format(tests=str(Path(__file__).parent), pid=str(pid))
    with subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.PIPE, text=True) as parent:
        while not (pid.exists() and pid.read_text()):
            assert parent.poll() is None
        parent.send_signal(signal.SIGINT)
        _, said = parent.communicate()
    assert "KeyboardInterrupt" in said
    with pytest.raises(ProcessLookupError):
        os.kill(int(pid.read_text()), 0)
    assert not cache.exists()


# --- real plans -----------------------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("gpu", ["h100-80gb", None])
def test_the_plan_of_an_update(gpu: str | None, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    """In the environment of somebody who set nothing; nothing of a GPU that is missing reaches them."""
    monkeypatch.delenv("JAX_PLATFORMS", raising=False)
    plan = planned(gpu=gpu, workload=Workload(batch_size=512))
    networks = archlang.plan(TEXT, in_features=8).networks
    instant = memory(networks, {"network": Type.of_input(8)}, Workload(batch_size=512))
    assert plan.target == (gpu or "cpu")
    assert plan.terms.keys() <= set(TERMS)
    assert plan.terms["parameters"] == instant.terms["parameters"]
    assert plan.total == pytest.approx(instant.total, rel=0.05 if gpu else 0.25)  # estimates are of GPUs
    assert capfd.readouterr() == ("", "")
    assert planned(gpu=gpu, workload=Workload(batch_size=512)) == replace(plan, notes=())


@pytest.mark.slow
def test_networks_are_updated_one_after_the_other() -> None:
    one, two = planned(f"a = {TEXT}", workload=Workload(512)), planned(f"a = {TEXT}\nb = {TEXT}", workload=Workload(512))
    assert two.argument == 2 * one.argument
    assert two.temp < 1.3 * one.temp
