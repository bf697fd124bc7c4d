"""What a run says: plain lines in a pipe, a bar on a terminal, and numbers that are right before the start."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
import toy
from rich.console import Console

from archlang_runtime.plot import draw_learning_curve
from archlang_runtime.report import Report, clock

LINES = [
    {"epoch": 0, "env_steps": 0, "time_at_goal": 0.04, "reached_goal": 0.5, "elapsed_seconds": 3.2},
    {"epoch": 1, "env_steps": 96, "time_at_goal": 0.5, "reached_goal": 1.0, "elapsed_seconds": 3723.9, "critic_loss": 1.25},
]


def said(terminal: bool) -> str:
    console = Console(file=io.StringIO(), force_terminal=terminal, width=200)
    with Report(console) as report:
        report.schedule(toy.config(), 123_456, "cpu")
        report.begin(0, 2)
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
    assert "epoch 1 of 2" not in text


def test_a_terminal_gets_a_bar() -> None:
    assert "epoch 1 of 2" in said(terminal=True)


def test_no_color_means_plain_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    text = said(terminal=True)
    assert "epoch 1 of 2" not in text
    assert "\x1b[3" not in text


@pytest.mark.parametrize(("seconds", "shown"), [(0, "0:00:00"), (59.6, "0:01:00"), (86_400, "24:00:00")])
def test_clock(seconds: float, shown: str) -> None:
    assert clock(seconds) == shown


@pytest.mark.parametrize("count", [1, 2])
def test_a_learning_curve_is_a_picture(tmp_path: Path, count: int) -> None:
    draw_learning_curve(LINES[:count], "a title", tmp_path / "curve.png")
    assert (tmp_path / "curve.png").read_bytes().startswith(b"\x89PNG")
    assert [place.name for place in tmp_path.iterdir()] == ["curve.png"]
