"""Learning curves of many runs: what belongs together, what it is called, what its seeds say together, and what is drawn."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import toy

from archlang import load
from archlang.__main__ import main
from archlang_runtime.curves import Panel, Run, interquartile_mean, interval, make_panels, read_run
from archlang_runtime.folder import Experiment, RunFolder
from archlang_runtime.plot import draw, spread

GRID = "width = 8 | 16\n" + toy.SPEC.replace("dense8,ln", "dense{width},ln")


def make(path: Path, values: Sequence[float], spec: str = toy.SPEC, environment: str = "toy", **chosen: Any) -> Run:
    """A run's folder with these values of time_at_goal, one for each epoch."""
    width = {"width": chosen.pop("width")} if "width" in chosen else {}
    config = toy.config(environment, **chosen)
    folder = RunFolder(path)
    path.mkdir(parents=True)
    folder.spec.write_text(spec)
    asked = Experiment(config, load(spec, width, action_dim=2), width).as_json()
    (path / "config.json").write_text(json.dumps(asked))
    for epoch, value in enumerate(values):
        counts = {"epoch": epoch, "env_steps": config.steps_after(epoch), "updates": epoch * config.updates_per_epoch}
        clock = {"elapsed_seconds": epoch * (1.0 + config.seed)}
        folder.append(counts | {"time_at_goal": value} | clock | ({"critic_loss": 2.0 * value} if epoch else {}))
    return read_run(path)


def drawn(runs: Sequence[Run], metric: str = "time_at_goal", x: str = "env_steps") -> tuple[list[Panel], list[str]]:
    return make_panels(runs, metric, x)


def labels(runs: Sequence[Run]) -> list[str]:
    return [curve.label for panel in drawn(runs)[0] for curve in panel.curves]


# --- what belongs together -------------------------------------------------------------------------------------------


def test_seeds_of_one_setting_are_one_curve(tmp_path: Path) -> None:
    runs = [make(tmp_path / f"{seed}", [0.0, seed / 10], seed=seed, steps=100 * (1 + seed)) for seed in range(5)]
    (panel,), notes = drawn(runs)
    (curve,) = panel.curves
    assert (panel.title, curve.label, notes) == ("toy", "", [])
    assert curve.x.tolist() == [0, 96]
    assert curve.middle.tolist() == pytest.approx([0, 0.2])
    assert curve.low[1] < 0.2 < curve.high[1]
    assert curve.count.tolist() == [5, 5]


def test_labels_say_what_differs(tmp_path: Path) -> None:
    small, large = (make(tmp_path / width, [0.5], GRID, width=width) for width in ("8", "16"))
    default = make(tmp_path / "default", [0.5], GRID, seed=1)
    assert labels([large, small, default]) == ["width 8", "width 16"]
    assert [len(curve.runs) for curve in drawn([large, small, default])[0][0].curves] == [2, 1]
    assert labels([small, make(tmp_path / "batch", [0.5], GRID, batch_size=4)]) == ["batch size 4", "batch size 8"]
    rate = make(tmp_path / "rate", [0.5], GRID, width="16", actor_learning_rate=1e-3)
    assert labels([small, rate]) == ["width 8, actor learning rate 0.0003", "width 16, actor learning rate 0.001"]


def test_where_few_words_do_not_tell_the_folder_does(tmp_path: Path) -> None:
    other = toy.SPEC.replace("<dense8,ln,swish>, dense4", "<dense8,rms,swish>, <dense4,ln>")
    mine = [make(tmp_path / f"plain-{seed}", [0.5], seed=seed) for seed in (0, 1)]
    theirs = [make(tmp_path / f"normed-{seed}", [0.5], other, seed=seed) for seed in (0, 1)]
    assert labels([*mine, *theirs]) == ["normed", "plain"]
    assert labels([mine[0], make(tmp_path / "again" / "plain-0", [0.5], other)]) == [
        str(tmp_path / "again" / "plain-0"),
        str(tmp_path / "plain-0"),
    ]


def test_every_environment_has_a_panel(tmp_path: Path) -> None:
    runs = [make(tmp_path / name, [0.5], environment=name) for name in ("toy", "still", "falling")]
    assert [(panel.title, len(panel.curves)) for panel in drawn(runs)[0]] == [("toy", 1), ("still", 1), ("falling", 1)]


def test_a_seed_counts_once(tmp_path: Path) -> None:
    short, whole = make(tmp_path / "short", [0.1], seed=3), make(tmp_path / "whole", [0.1, 0.2], seed=3)
    (panel,), (note,) = drawn([short, whole])
    assert panel.curves[0].runs == (whole,)
    assert note == f"{short.path} repeats {whole.path} (seed 3); it is left out"


def test_seeds_that_end_at_different_steps(tmp_path: Path) -> None:
    runs = [make(tmp_path / f"{n}", [0.1 * n] * n, seed=n) for n in (2, 3, 4)]
    (panel,), (note,) = drawn(runs)
    curve = panel.curves[0]
    assert curve.count.tolist() == [3, 3, 2, 1]
    assert [math.isnan(low) for low in curve.low] == [False, False, False, True]
    assert curve.middle.tolist() == pytest.approx([0.3, 0.3, 0.35, 0.4])
    assert note == "toy: seeds end at epochs 1 to 3; its last point is of 1 of 3 seeds"


def test_other_axes_and_metrics(tmp_path: Path) -> None:
    runs = [make(tmp_path / f"{seed}", [0.0, 0.5], seed=seed) for seed in (0, 1)]
    assert drawn(runs, x="updates")[0][0].curves[0].x.tolist() == [0, 6]
    assert drawn(runs, x="elapsed_seconds")[0][0].curves[0].x.tolist() == [0, 1.5]  # the mean of 1 s and 2 s
    loss = drawn(runs, metric="critic_loss")[0][0].curves[0]
    assert (loss.x.tolist(), loss.middle.tolist()) == ([96], [1.0])


# --- statistics ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "mean"), [([7], 7), ([1, 2, 6], 3), ([0, 1, 3, 100], 2), ([9, 1, 2, 3, 4, 5, 6, -50], 3.5), ([1] * 9, 1)]
)
def test_the_interquartile_mean_is_that_of_the_middle_half(values: list[float], mean: float) -> None:
    assert interquartile_mean(np.array(values, float)) == mean


def test_an_interval_covers_the_mean_as_often_as_it_says() -> None:
    """Of 300 samples of 20 from a normal distribution: nearly 95 %, for a bootstrapped interval is a little too narrow."""
    samples = np.random.default_rng(1).normal(size=(300, 20))
    covered = [low < 0 < high for low, high in map(interval, samples)]
    assert 0.86 < np.mean(covered) < 0.98


def test_an_interval_needs_two() -> None:
    assert all(map(math.isnan, interval(np.array([0.5]))))
    assert interval(np.array([0.5, 0.5])) == (0.5, 0.5)


# --- what is wrong ---------------------------------------------------------------------------------------------------


def test_a_run_without_lines_is_left_out_and_said(tmp_path: Path) -> None:
    runs = [make(tmp_path / "one", [0.5]), make(tmp_path / "empty", [], seed=1)]
    (panel,), (note,) = drawn(runs)
    assert len(panel.curves[0].runs) == 1
    assert note == f"{tmp_path / 'empty'} has no metrics yet; it is left out"


@pytest.fixture
def typed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    """Type `archlang plot …` where there are a run, an empty run, and a folder that is none: exit code, output, errors."""
    make(tmp_path / "run", [0.25, 0.75])
    make(tmp_path / "empty", [])
    monkeypatch.chdir(tmp_path)

    def type_one(*words: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["archlang", "plot", *words])
        with pytest.raises(SystemExit) as end:
            main()
        captured = capsys.readouterr()
        return int(end.value.code or 0), captured.out, captured.err

    return type_one


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["."], "E0701"),
        (["nowhere"], "E0701"),
        (["empty"], "E0712"),
        (["run", "--metric", "time_at_gaol"], "did you mean `time_at_goal`?"),
        (["run", "--metric", "joy"], "there are: epoch, env_steps, updates, time_at_goal, elapsed_seconds, critic_loss"),
        (["run", "--x", "env_step"], "did you mean `env_steps`?"),
        (["run", "--out", "curve.jpg"], "--out takes .png, .svg, .pdf; got '.jpg'"),
        (["run", "--out", "nowhere/curve.png"], "E0705"),
    ],
)
def test_what_cannot_be_plotted_is_refused(words: list[str], said: str, typed: Any) -> None:
    code, _, errors = typed(*words)
    assert (code, said in errors) == (1, True), errors
    assert not Path("curves.png").exists()


# --- what comes out --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "begins"), [("a.png", b"\x89PNG"), ("a.svg", b"<?xml"), ("a.PDF", b"%PDF")])
def test_a_picture_is_of_the_kind_of_its_name(name: str, begins: bytes, typed: Any) -> None:
    assert typed("run", "run/", "--out", name) == (0, f"{name}\n", "")
    content = Path(name).read_bytes()
    assert content.startswith(begins)
    typed("run", "--out", name)
    assert Path(name).read_bytes() == content  # the same numbers, the same bytes
    assert sorted(place.name for place in Path().iterdir()) == sorted([name, "empty", "run"])


def test_the_numbers_as_json(typed: Any) -> None:
    code, out, _ = typed("run", "empty", "--json")
    assert code == 0
    assert json.loads(out) == {
        "metric": "time_at_goal",
        "x": "env_steps",
        "panels": [
            {
                "environment": "toy",
                "curves": [
                    {
                        "label": "",
                        "runs": ["run"],
                        "seeds": [0],
                        "iqm": [0.25, 0.75],
                        "x": [0, 96],
                        "low": [None, None],
                        "high": [None, None],
                        "count": [1, 1],
                    }
                ],
            }
        ],
        "notes": ["empty has no metrics yet; it is left out"],
    }
    assert not Path("curves.png").exists()


def test_a_picture_says_what_its_lines_are(tmp_path: Path) -> None:
    runs = [make(tmp_path / f"{w}-{seed}", [0.1, 0.5], GRID, width=w, seed=seed) for w in ("8", "16") for seed in (0, 1)]
    panels, _ = drawn([*runs, make(tmp_path / "still", [0.5], environment="still")])
    draw(panels, "time_at_goal", "env_steps", tmp_path / "a.svg")
    text = (tmp_path / "a.svg").read_text()
    for word in ("width 8", "width 16", "toy", "still", "time at the goal", "environment steps", "over 1 to 2 seeds", "95%"):
        assert f">{word}<" in text or word in text.partition("line: ")[2]


@pytest.mark.parametrize("wanted", [[5.0], [0, 0, 0], [30, 10, 20], [12, 10, 40, 11, 43], [1] * 9])
def test_labels_keep_apart_and_in_order(wanted: list[float]) -> None:
    heights = np.array(wanted, float)
    placed = spread(heights, 10)
    order = np.argsort(heights, kind="stable")
    assert np.all(np.diff(placed[order]) >= 10 - 1e-9)
    assert placed.mean() == pytest.approx(heights.mean())
    if np.all(np.diff(heights[order]) >= 10):
        assert placed.tolist() == heights.tolist()
