"""What a run says: plain lines in a pipe, a panel on a terminal, and numbers that are right before the start."""

from __future__ import annotations

import io
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import toy
from rich.console import Console

from archlang_runtime import memory
from archlang_runtime.live import Progress, clock, sparkline
from archlang_runtime.plot import draw_learning_curve
from archlang_runtime.report import Report

LINES = [
    {"epoch": 0, "env_steps": 0, "time_at_goal": 0.04, "reached_goal": 0.5, "elapsed_seconds": 3.2},
    {"epoch": 1, "env_steps": 96, "time_at_goal": 0.5, "reached_goal": 1.0, "elapsed_seconds": 3723.9, "critic_loss": 1.25},
]


def said(terminal: bool) -> str:
    console = Console(file=io.StringIO(), force_terminal=terminal, width=200)
    with Report(console) as report:
        report.schedule(toy.config(), 123_456, "cpu")
        report.begin(toy.config(), 0, ())
        for line in LINES:
            report.epoch(line, 2)
        report.finished(LINES, Path("curve.png"))
    return console.file.getvalue()  # pyright: ignore[reportAttributeAccessIssue]


def test_a_pipe_gets_plain_lines() -> None:
    text = said(terminal=False)
    assert "\x1b" not in text
    assert "123,456 parameters, seed 0, on cpu" in text
    assert "336 (300 asked for): 48 before the first update, then" in text
    assert "6 epochs of 48" in text
    assert "1 update per 8 steps" in text
    assert "  1/2          96    50.0%   100.0%        1.250" in text
    assert "1:02:04" in text
    assert "at goal 4.0% of the time before training, 50.0% after it" in text
    assert "GiB" not in text


def test_a_terminal_gets_a_panel_that_is_gone_in_the_end() -> None:
    text = said(terminal=True)
    assert "GiB" in text
    assert text.count("\x1b[?25l") == text.count("\x1b[?25h") == 1  # the cursor is back


def test_no_color_means_plain_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    assert Report().console.color_system is not None
    monkeypatch.setenv("NO_COLOR", "1")
    assert Report().console.color_system is None  # not even bold
    text = said(terminal=True)
    assert "GiB" not in text
    assert "\x1b[3" not in text


# --- the panel -------------------------------------------------------------------------------------------------------

RATES = {"env_steps_per_second": 1234.4, "updates_per_second": 56.78}


class Clock:
    """A clock that is set."""

    time = 0.0

    def __call__(self) -> float:
        return self.time


@pytest.fixture
def clock_() -> Clock:
    return Clock()


def shown(progress: Progress, encoding: str = "utf-8") -> str:
    content = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    Console(file=content, width=100, color_system=None).print(progress)
    content.seek(0)
    return content.read()


def line(epoch: int, share: float, **more: float) -> dict[str, float]:
    return {"epoch": epoch, "env_steps": 48 * (epoch + 1), "time_at_goal": share, "elapsed_seconds": 10.0 * epoch} | more


def test_the_panel_shows_what_is_known(clock_: Clock) -> None:
    progress = Progress(toy.config(), 0, (), clock_)
    assert "compiling" in shown(progress)
    assert "at goal" not in shown(progress)
    progress.epoch(line(0, 0.1))
    progress.epoch(line(1, 0.5, critic_loss=1.25, actor_loss=-2.0, entropy=0.5, **RATES))
    text = shown(progress)
    for words in ("toy", "epoch 1 of 6", "96 of 336   1,234 steps/s   56.8 updates/s", "50.0%  ▂█", "memory", "host"):
        assert words in text
    assert "critic 1.250   actor -2.000   entropy 0.50" in text


def test_time_goes_on_while_an_epoch_runs(clock_: Clock) -> None:
    progress = Progress(toy.config(), 0, (), clock_)
    for clock_.time, epoch in ((5, 0), (65, 1), (75, 2), (85, 3)):  # the second is compiled
        progress.epoch(line(epoch, 0.5))
    assert (progress.completed, progress.to_go) == (3, pytest.approx(30))
    clock_.time = 90
    assert (progress.completed, progress.to_go) == (3.5, pytest.approx(25))
    assert "0:00:35, about 0:00:25 to go" in shown(progress)
    clock_.time = 1000
    assert progress.completed == 3.99


def test_a_run_that_goes_on_has_its_past(clock_: Clock) -> None:
    progress = Progress(toy.config(), 4, [line(epoch, epoch / 10) for epoch in range(5)], clock_)
    clock_.time = 2
    text = shown(progress)
    assert "epoch 4 of 6" in text
    assert "0:00:42, compiling" in text
    assert "▁▃▅▆█" in text


def test_a_terminal_that_knows_ascii_alone_gets_a_panel(clock_: Clock) -> None:
    assert "50.0%  _@" in shown(Progress(toy.config(), 1, [line(0, 0.0), line(1, 0.5)], clock_), "ascii")


def test_a_sparkline_is_of_the_last_values() -> None:
    assert sparkline([], "01") == ""
    assert sparkline([0, 0], "01") == "00"
    assert sparkline([9] + [0, 1] * 15, "01") == "01" * 15


def test_memory_is_that_of_the_process_and_of_a_device_that_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    ((name, used, limit),) = memory.memory_in_use()
    assert (name, 10 * 2**20 < used < limit) == ("host", True)
    device = SimpleNamespace(memory_stats=lambda: {"bytes_in_use": 3, "bytes_limit": 5})
    monkeypatch.setattr(memory.jax, "devices", lambda: [device])
    assert memory.memory_in_use()[1] == ("device", 3, 5)


@pytest.mark.parametrize(("seconds", "shown"), [(0, "0:00:00"), (59.6, "0:01:00"), (86_400, "24:00:00")])
def test_clock(seconds: float, shown: str) -> None:
    assert clock(seconds) == shown


@pytest.mark.parametrize("count", [1, 2])
def test_a_learning_curve_is_a_picture(tmp_path: Path, count: int) -> None:
    draw_learning_curve(LINES[:count], "a title", tmp_path / "curve.png")
    assert (tmp_path / "curve.png").read_bytes().startswith(b"\x89PNG")
    assert [place.name for place in tmp_path.iterdir()] == ["curve.png"]
