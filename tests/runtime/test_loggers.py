"""Loggers: nothing is sent twice, nothing is missing, whatever happens to a run; and what goes wrong is said in time."""

from __future__ import annotations

import io
import json
import shutil
import socket
import struct
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import toy
from rich.console import Console
from tensorboardX.proto import event_pb2

from archlang import DiagnosticError
from archlang_runtime import session
from archlang_runtime.folder import RunFolder
from archlang_runtime.loggers import Loggers, find_loggers
from archlang_runtime.process import Process
from archlang_runtime.report import Report

Line = dict[str, Any]
ASKED = {"config": {"environment": "toy", "seed": 3}, "set": {"depth": "4"}, "networks": {"actor": "abc"}}


def lines(count: int) -> list[Line]:
    return [{"epoch": n, "env_steps": 48 * n, "time_at_goal": n / 10, "elapsed_seconds": 1.0 * n} for n in range(count)]


def send(run: Path, name: str, old: list[Line], new: list[Line]) -> str:
    """A process that goes on from `old` lines and makes `new` ones; what was said."""
    said: list[str] = []
    run.mkdir(exist_ok=True)
    with Loggers((name,), run, said.append) as loggers:
        loggers.begin(ASKED, old)
        for line in new:
            loggers.log(line)
        loggers.exit_code = 0
    return "\n".join(said)


# --- TensorBoard -----------------------------------------------------------------------------------------------------


Event: Any = getattr(event_pb2, "Event")  # noqa: B009 (made while it is imported: no type checker sees it)


def events(run: Path) -> Iterator[Any]:
    """Every event, as it is written: length, checksum, content, checksum."""
    for file in sorted((run / "tensorboard").iterdir()):
        content = file.read_bytes()
        while content:
            (length,) = struct.unpack("<Q", content[:8])
            yield Event.FromString(content[12 : 12 + length])
            content = content[16 + length :]


def series(run: Path, tag: str) -> list[tuple[int, float]]:
    """What TensorBoard shows: a start hides what was there from its step on."""
    shown: list[tuple[int, float]] = []
    for event in events(run):
        if event.HasField("session_log"):
            shown = [point for point in shown if point[0] < event.step]
        shown += [(event.step, round(value.simple_value, 6)) for value in event.summary.value if value.tag == tag]
    return shown


def written(run: Path, tag: str) -> list[int]:
    return [event.step for event in events(run) for value in event.summary.value if value.tag == tag]


def expected(count: int) -> list[tuple[int, float]]:
    return [(line["env_steps"], line["time_at_goal"]) for line in lines(count)]


def test_tensorboard_goes_on_with_its_series(tmp_path: Path) -> None:
    run = tmp_path / "run"
    assert "tensorboard --logdir" in send(run, "tensorboard", [], lines(3))
    send(run, "tensorboard", lines(3), lines(5)[3:])
    assert series(run, "time_at_goal") == expected(5)
    assert written(run, "time_at_goal") == [48 * n for n in range(5)]
    assert series(run, "epoch") == []
    assert len(series(run, "elapsed_seconds")) == 5


def test_what_tensorboard_has_of_lost_epochs_is_hidden(tmp_path: Path) -> None:
    run = tmp_path / "run"
    send(run, "tensorboard", [], lines(4))
    send(run, "tensorboard", lines(2), [line | {"time_at_goal": 0.9} for line in lines(4)[2:]])
    assert series(run, "time_at_goal") == [*expected(2), (96, 0.9), (144, 0.9)]
    send(run, "tensorboard", [], lines(2))
    assert series(run, "time_at_goal") == expected(2)


@pytest.mark.parametrize("name", ["tensorboard", "wandb"])
def test_a_logger_that_comes_late_gets_what_it_missed(name: str, tmp_path: Path, fake: Path) -> None:
    run = tmp_path / "run"
    send(run, name, lines(2), lines(3)[2:])
    send(run, name, lines(5), [])  # the last process worked without it
    steps = [told["step"] for told in told_to(fake, "log")] if name == "wandb" else written(run, "time_at_goal")
    assert steps == ([0, 1, 2, 3, 4] if name == "wandb" else [0, 48, 96, 144, 192])


# --- W&B -------------------------------------------------------------------------------------------------------------


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A module `wandb` that writes down what it is told; its server can be reached."""
    shutil.copy(Path(__file__).with_name("fake_wandb.py"), tmp_path / "wandb.py")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("FAKE_WANDB", str(tmp_path / "told.jsonl"))
    for name in ("WANDB_MODE", "WANDB_PROJECT", "http_proxy", "HTTP_PROXY"):
        monkeypatch.delenv(name, raising=False)
    with socket.create_server(("127.0.0.1", 0)) as server:
        monkeypatch.setenv("WANDB_BASE_URL", f"http://127.0.0.1:{server.getsockname()[1]}")
        yield tmp_path / "told.jsonl"
    for name in ("wandb", "archlang_runtime.log_wandb"):
        sys.modules.pop(name, None)


def told_to(fake: Path, kind: str) -> list[Line]:
    told = [json.loads(line) for line in fake.read_text().splitlines()] if fake.exists() else []
    return [each for each in told if each["kind"] == kind]


def unreachable(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    monkeypatch.setenv("WANDB_BASE_URL", f"http://127.0.0.1:{port}")


def test_wandb_goes_on_under_its_id(tmp_path: Path, fake: Path) -> None:
    run = tmp_path / "run"
    assert send(run, "wandb", [], lines(3)) == "W&B: https://wandb.invalid/run"
    send(run, "wandb", lines(2), lines(4)[2:])  # epoch 2 again, from a checkpoint before it
    first, second = told_to(fake, "init")
    assert first["id"] == second["id"] == json.loads((run / "loggers.json").read_text())["wandb"]["id"]
    assert (first["resume"], first["mode"], first["project"], first["name"]) == ("allow", None, "archlang", "run")
    assert first["config"] == {"environment": "toy", "seed": 3, "set": {"depth": "4"}, "networks": {"actor": "abc"}}
    assert all(first["limits"][f"{what}_timeout"] for what in ("login", "init", "finish"))
    assert [told["step"] for told in told_to(fake, "log")] == [0, 1, 2, 3]
    assert told_to(fake, "log")[3]["data"] == lines(4)[3]
    assert [told["exit_code"] for told in told_to(fake, "finish")] == [0, 0]
    send(tmp_path / "other", "wandb", [], [])
    assert told_to(fake, "init")[2]["id"] != first["id"]


def test_wandb_without_a_network_is_offline(tmp_path: Path, fake: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    unreachable(monkeypatch)
    said = send(tmp_path / "run", "wandb", [], lines(1))
    assert "cannot be reached: Connection refused" in said
    assert "wandb sync" in said
    assert told_to(fake, "init")[0]["mode"] == "offline"


def test_who_insists_on_a_network_is_told(tmp_path: Path, fake: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    unreachable(monkeypatch)
    monkeypatch.setenv("WANDB_MODE", "online")
    assert refusal(lambda: send(tmp_path / "run", "wandb", [], []))[0] == "E0713"


def test_nobody_is_called_who_is_not_asked_for(tmp_path: Path, fake: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setattr("socket.create_connection", lambda *_: pytest.fail("a connection"))
    assert "wandb sync" in send(tmp_path / "run", "wandb", [], lines(1))
    assert told_to(fake, "init")[0]["mode"] is None  # W&B reads the variable itself
    monkeypatch.setenv("WANDB_MODE", "disabled")
    assert "nothing is kept" in send(tmp_path / "run", "wandb", [], lines(1))


def test_a_proxy_is_the_door(tmp_path: Path, fake: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{server.getsockname()[1]}")
        monkeypatch.setenv("WANDB_BASE_URL", "http://wandb.invalid")
        send(tmp_path / "run", "wandb", [], lines(1))
    assert told_to(fake, "init")[0]["mode"] is None


def test_what_wandb_refuses_is_said(tmp_path: Path, fake: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAKE_WANDB_REFUSES", "1")
    code, message = refusal(lambda: send(tmp_path / "run", "wandb", [], []))
    assert (code, message) == ("E0713", "`--log wandb` cannot be used: No API key configured. Use `wandb login` to log in.")


def test_a_logger_that_fails_ends_no_run(tmp_path: Path, fake: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = tmp_path / "run"
    monkeypatch.setenv("FAKE_WANDB_FAILS", "1")
    assert "note: wandb failed" in send(run, "wandb", [], lines(3))
    monkeypatch.delenv("FAKE_WANDB_FAILS")
    send(run, "wandb", lines(3), lines(4)[3:])
    assert [told["step"] for told in told_to(fake, "log")] == [0, 1, 2, 3]


# --- names -----------------------------------------------------------------------------------------------------------


def refusal(act: Any) -> tuple[str, str]:
    with pytest.raises(DiagnosticError) as refused:
        act()
    (diagnostic,) = refused.value.diagnostics
    return diagnostic.code, diagnostic.message


def test_a_logger_is_used_once() -> None:
    assert find_loggers(["tensorboard", "tensorboard"]) == ("tensorboard",)
    assert find_loggers([]) == ()


UNKNOWN = "error[E0603]: there is no logger `tensorbord`\n  ┌─ --log\nhelp: did you mean `tensorboard`?\n"
MISSING = (
    "error[E0713]: `--log wandb` needs the package wandb, which is not installed\n"
    "  ┌─ --log\nhelp: pip install 'archlang[wandb]'\n"
)
PROGRAM = """
import importlib.util, sys
found = importlib.util.find_spec
importlib.util.find_spec = lambda name, *more: None if name == "wandb" else found(name, *more)
from archlang.__main__ import main
sys.argv = ["archlang", "train", "reacher", "--env", "reacher", "--out", sys.argv[1], "--log", sys.argv[2]]
try:
    main()
finally:
    print([name for name in ("jax", "wandb", "tensorboardX") if name in sys.modules])
"""


@pytest.mark.parametrize(("name", "said"), [("tensorbord", UNKNOWN), ("wandb", MISSING)])
def test_what_cannot_be_is_said_before_anything_is_loaded(name: str, said: str, tmp_path: Path) -> None:
    command = [sys.executable, "-c", PROGRAM, str(tmp_path / "run"), name]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stdout) == (1, "[]\n")
    assert done.stderr.strip() == said.strip()
    assert not (tmp_path / "run").exists()


# --- in a run --------------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_run_that_goes_on_is_one_series(tmp_path: Path, fake: Path) -> None:
    run = tmp_path / "run"
    for steps, log in ((1, ("tensorboard",)), (200, ("tensorboard", "wandb")), (200, ())):
        report = Report(Console(file=io.StringIO(), width=200))
        assert session.train(toy.experiment(steps=steps), run, report, Process(log=log)) == 0
    metrics = RunFolder(run).read_metrics()
    assert len(metrics) > 3
    assert series(run, "critic_loss") == [(m["env_steps"], pytest.approx(m["critic_loss"], 1e-4)) for m in metrics[1:]]
    assert written(run, "time_at_goal") == [line["env_steps"] for line in metrics]
    assert [told["data"] for told in told_to(fake, "log")] == metrics
    assert "log" not in json.loads((run / "config.json").read_text())["config"]
