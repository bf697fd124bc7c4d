"""Runs and their folders: going on, refusing, ending. A run that was stopped gives the numbers of one that was not."""

from __future__ import annotations

import io
import json
import math
import os
import shutil
import time
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import pytest
import toy
from rich.console import Console

from archlang import DiagnosticError
from archlang_runtime import session
from archlang_runtime.checkpoint import Checkpoints
from archlang_runtime.envs import find_task
from archlang_runtime.evaluate import evaluate_run, find_checkpoint
from archlang_runtime.folder import RunFolder, differences, locked
from archlang_runtime.networks import take_apart
from archlang_runtime.process import FRACTIONS, OUT_OF_TIME, Process, duration, take_memory
from archlang_runtime.report import Report
from archlang_runtime.train import make_train

pytestmark = pytest.mark.slow
Line = dict[str, Any]
FILES = {"config.json", "spec.arch", "versions.json", "metrics.jsonl", "checkpoints", "learning_curve.png", ".lock"}


def train(path: Path, spec: str = toy.SPEC, process: Process | None = None, exit_code: int = 0, **chosen: Any) -> str:
    """Train; what was said."""
    console = Console(file=io.StringIO(), width=200)
    assert session.train(toy.experiment(spec, **chosen), path, Report(console), process) == exit_code
    return console.file.getvalue()  # pyright: ignore[reportAttributeAccessIssue]


def numbers(path: Path) -> list[Line]:
    """The metrics without the clock."""
    lines = [json.loads(line) for line in (path / "metrics.jsonl").read_text().splitlines()]
    return [{k: v for k, v in line.items() if not k.endswith(("_seconds", "_per_second"))} for line in lines]


def refusal(path: Path, **chosen: Any) -> tuple[str, str]:
    with pytest.raises(DiagnosticError) as refused:
        train(path, **chosen)
    (diagnostic,) = refused.value.diagnostics
    return diagnostic.code, " ".join([diagnostic.message, *diagnostic.notes])


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("archlang_runtime.envs.TASKS", toy.tasks())
        path = tmp_path_factory.mktemp("runs") / "deep" / "finished"
        train(path)
    return path


@pytest.fixture
def run(finished: Path, tmp_path: Path) -> Path:
    """A copy of a finished run, to do things to."""
    return Path(shutil.copytree(finished, tmp_path / "run"))


# --- what comes out --------------------------------------------------------------------------------------------------


def test_a_run_is_a_plain_folder(finished: Path) -> None:
    assert {place.name for place in finished.iterdir()} == FILES
    assert (finished / "spec.arch").read_text() == toy.SPEC
    assert (finished / "learning_curve.png").read_bytes().startswith(b"\x89PNG")
    versions = json.loads((finished / "versions.json").read_text())
    assert {"python", "archlang", "jax", "brax", "orbax-checkpoint"} <= versions.keys()


def test_there_is_a_line_of_metrics_per_epoch(finished: Path) -> None:
    config, lines = toy.config(), numbers(finished)
    assert [line["epoch"] for line in lines] == list(range(config.epochs + 1))
    assert [line["env_steps"] for line in lines] == [config.steps_after(epoch) for epoch in range(config.epochs + 1)]
    assert "critic_loss" not in lines[0]
    assert all(0 <= line["time_at_goal"] <= 1 for line in lines)
    assert lines[-1]["updates"] == config.total_updates


def test_the_same_seed_gives_the_same_numbers(finished: Path, tmp_path: Path) -> None:
    train(tmp_path / "again")
    assert numbers(tmp_path / "again") == numbers(finished)


# --- going on --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("chosen", [{"environment": "falling"}, {"optimizer": "lion", "weight_decay": 0.1}], ids=str)
def test_a_longer_run_is_a_shorter_one_that_went_on(chosen: dict[str, Any], tmp_path: Path) -> None:
    train(tmp_path / "whole", steps=200, **chosen)
    train(tmp_path / "parts", steps=1, **chosen)
    assert "going on from epoch 1" in train(tmp_path / "parts", steps=200, **chosen)
    assert len(numbers(tmp_path / "whole")) > 3
    assert numbers(tmp_path / "parts") == numbers(tmp_path / "whole")


def test_a_run_with_stacks_goes_on(tmp_path: Path) -> None:
    trunk = "trunk = dense8, res(dense8, ln, swish)*3\n"
    spec = trunk + "actor = trunk, gaussian\nsa_encoder = trunk, dense4\ng_encoder = trunk, dense4\n"
    train(tmp_path / "whole", spec, steps=150)
    train(tmp_path / "parts", spec, steps=1)
    train(tmp_path / "parts", spec, steps=150)
    assert numbers(tmp_path / "parts") == numbers(tmp_path / "whole")


def test_a_finished_run_says_so(run: Path) -> None:
    before = (run / "metrics.jsonl").read_text()
    assert "This run is finished" in train(run)
    assert "This run is finished" in train(run, steps=1)
    assert (run / "metrics.jsonl").read_text() == before
    assert json.loads((run / "config.json").read_text())["config"]["steps"] == toy.config().steps


def test_what_was_computed_after_the_checkpoint_is_not_doubled(run: Path) -> None:
    """As after a crash between a line of metrics and its checkpoint, and in the middle of a line."""
    expected, last = numbers(run), toy.config().epochs
    shutil.rmtree(run / "checkpoints" / str(last))
    with (run / "metrics.jsonl").open("a") as file:
        file.write('{"epoch": 99, "env_st')
    train(run)
    assert numbers(run) == expected


def test_a_run_that_never_got_to_a_checkpoint_starts_over(run: Path) -> None:
    expected = numbers(run)
    shutil.rmtree(run / "checkpoints")
    train(run)
    assert numbers(run) == expected


def test_other_versions_are_said(run: Path) -> None:
    versions = json.loads((run / "versions.json").read_text())
    (run / "versions.json").write_text(json.dumps(versions | {"jax": "0.0.1", "environment toy": "another"}))
    said = train(run, steps=500)
    assert "was 0.0.1" in said
    assert f"environment toy {versions['environment toy']}, was another" in said


# --- what a process decides ------------------------------------------------------------------------------------------


def stored(path: Path) -> list[int]:
    return sorted(int(place.name) for place in (path / "checkpoints").iterdir())


def test_the_newest_checkpoints_are_kept_and_the_best(tmp_path: Path) -> None:
    """The best over all processes: it is that with the highest time at goal in metrics.jsonl."""
    path = tmp_path / "run"
    for keep, steps in ((2, 200), (1, 600), (3, 1100)):
        said = train(path, process=Process(keep=keep), steps=steps)
        lines = numbers(path)[1:]
        best = max(lines, key=lambda line: (line["time_at_goal"], line["epoch"]))["epoch"]
        newest = [line["epoch"] for line in lines[-keep:]]
        assert stored(path) == sorted({best, *newest})
    assert best not in newest  # else this test shows nothing
    assert f"after epoch {best}: its checkpoint is kept" in said
    found = [find_checkpoint(RunFolder(path), which)[1] for which in ("newest", "best", str(newest[0]))]
    assert found == [newest[-1], best, newest[0]]
    with pytest.raises(DiagnosticError) as refused:
        find_checkpoint(RunFolder(path), "1")
    (diagnostic,) = refused.value.diagnostics
    expected = f"there are: newest, best, {', '.join(map(str, stored(path)))}"
    assert (diagnostic.code, diagnostic.help) == ("E0707", expected)


@pytest.mark.parametrize("limit", [0.001, 3_000.0])
def test_a_process_stops_before_an_epoch_that_there_is_no_time_for(limit: float, finished: Path, tmp_path: Path) -> None:
    """Each takes one epoch, however short the time is: so that who repeats the command gets to the end."""
    path, process = tmp_path / "run", Process(stop_after=limit, began=time.monotonic() - 3_000)  # it began so long ago
    for epoch in (1, 2):
        said = train(path, process=process, exit_code=OUT_OF_TIME, steps=150)
        assert f"Stopped after epoch {epoch} of 3" in said
        assert "there is no time for another. The same command goes on from there." in said
    train(path, process=process, steps=150)
    assert numbers(path) == numbers(finished)[:4]


def test_a_process_with_time_enough_goes_to_the_end(tmp_path: Path) -> None:
    train(tmp_path / "run", process=Process(stop_after=86_400))


@pytest.mark.parametrize(("given", "then"), [({}, "0.9"), ({FRACTIONS[0]: "0.5"}, "0.5"), ({FRACTIONS[1]: "0.5"}, None)])
def test_a_run_takes_the_memory_that_estimates_count_on(
    given: dict[str, str], then: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both variables at once make JAX raise."""
    monkeypatch.setattr("os.environ", dict(given))
    take_memory()
    assert os.environ.get(FRACTIONS[0]) == then


@pytest.mark.parametrize(("text", "seconds"), [("45s", 45), ("90m", 5_400), ("2h30m", 9_000), ("1d1s", 86_401)])
def test_durations(text: str, seconds: int) -> None:
    assert duration(text) == seconds


@pytest.mark.parametrize(
    "text", ["", "90", "0s", "0h0m", "1.5h", "-1h", "2h 30m", "30m2h", "1h1h", "h", "2H", "\u0663h", "9" * 5_000 + "h"]
)
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(DiagnosticError) as refused:
        duration(text)
    (diagnostic,) = refused.value.diagnostics
    assert diagnostic.code == "E0603"
    assert "--stop-after" in str(refused.value)


# --- without the replay buffer ---------------------------------------------------------------------------------------


def test_a_buffer_that_is_left_out_is_filled_again(finished: Path, tmp_path: Path) -> None:
    config, path = toy.config(), tmp_path / "run"
    said = train(path, checkpoint_replay="no", steps=1)
    assert f"checkpoints are without the replay buffer: going on takes {config.prefill_steps} steps more" in said
    arrays = json.loads((path / "checkpoints" / "1" / "contents.json").read_text())["arrays"]
    assert [name for name in arrays if name.startswith("replay.")] == ["replay.time"]
    said = train(path, checkpoint_replay="no")
    assert f"the replay buffer is lost: {config.prefill_steps} steps more fill it before the next update" in said
    lines, whole = numbers(path), numbers(finished)
    assert lines[:2] == whole[:2]
    assert [line["env_steps"] for line in lines[2:]] == [line["env_steps"] + config.prefill_steps for line in whole[2:]]
    assert [line["updates"] for line in lines] == [line["updates"] for line in whole]
    assert lines[2]["critic_loss"] != whole[2]["critic_loss"]
    assert f"This run is finished: {lines[-1]['env_steps']} steps" in train(path, checkpoint_replay="no")
    assert evaluate_run(RunFolder(path), 4, 0)["env_steps"] == lines[-1]["env_steps"]


def test_without_a_stop_a_buffer_that_is_left_out_makes_no_difference(finished: Path, tmp_path: Path) -> None:
    train(tmp_path / "run", checkpoint_replay="no")
    assert numbers(tmp_path / "run") == numbers(finished)


def test_two_runs_that_lose_their_buffers_alike_are_alike(tmp_path: Path) -> None:
    for name in ("one", "other"):
        for steps in (100, 200):
            train(tmp_path / name, checkpoint_replay="no", steps=steps)
    assert numbers(tmp_path / "one") == numbers(tmp_path / "other")


# --- options ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "option",
    [
        {"explore_best_of": 3},
        {"eval_best_of": 3},
        {"eval_environment": "still"},
        {"replay_dtype": "bfloat16"},
    ],
    ids=str,
)
def test_an_option_has_an_effect(option: dict[str, Any], finished: Path, tmp_path: Path) -> None:
    train(tmp_path / "other", **option)
    assert numbers(tmp_path / "other") != numbers(finished)


def test_without_an_entropy_term_there_is_no_alpha(finished: Path, tmp_path: Path) -> None:
    train(tmp_path / "run", entropy="off")
    with_it, without = numbers(finished)[-1], numbers(tmp_path / "run")[-1]
    assert with_it.keys() - without.keys() == {"alpha", "alpha_loss"}
    assert with_it["actor_loss"] != without["actor_loss"]
    train(tmp_path / "run", entropy="off", steps=400)  # from a checkpoint without α


def test_what_cannot_fit_is_said_before_it_is_a_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("archlang_runtime.memory.capacity", lambda: 1000)
    code, message = refusal(tmp_path / "run")
    assert (code, "not enough memory: what is kept takes" in message) == ("E0709", True)
    monkeypatch.undo()
    monkeypatch.setattr("archlang_runtime.envs.TASKS", toy.tasks())
    train(tmp_path / "run", batch_size=4)


def test_the_copy_for_checkpoints_must_fit_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The buffer takes 16 MB, once on the device, which is the host here, and once in the copy."""
    monkeypatch.setattr("archlang_runtime.memory.host_capacity", lambda: 24_000_000)
    code, message = refusal(tmp_path / "run", replay_rows=100_000)
    assert (code, "with the copy that checkpoints are written from" in message) == ("E0709", True)
    train(tmp_path / "run", replay_rows=100_000, checkpoint_replay="no", steps=1)


def test_what_blows_up_never_enters_the_buffer(tmp_path: Path) -> None:
    train(tmp_path / "run", environment="bursting")
    lines = numbers(tmp_path / "run")
    assert lines[-1]["blown_up"] > 0
    assert all(math.isfinite(value) for line in lines for value in line.values())


def test_an_environment_that_never_works_ends_the_run(tmp_path: Path) -> None:
    assert refusal(tmp_path / "run", environment="hopeless") == (
        "E0710",
        "4 of 4 environments of hopeless blew up 4 times in a row",
    )


def test_any_checkpoint_that_is_kept_can_be_evaluated(run: Path) -> None:
    last = toy.config().epochs
    results = [evaluate_run(RunFolder(run), 128, 0, which=str(epoch)) for epoch in (last - 1, last)]
    assert [result["epoch"] for result in results] == [last - 1, last]
    assert [result["env_steps"] for result in results] == [toy.config().steps_after(epoch) for epoch in (last - 1, last)]
    assert results[0]["time_at_goal"] != results[1]["time_at_goal"]


def test_a_run_is_evaluated_as_it_was_or_by_more_actions(run: Path) -> None:
    plain, again, best = (evaluate_run(RunFolder(run), 128, 0, k) for k in (None, 1, 5))
    assert plain == again
    assert best["best_of"] == 5
    assert best["time_at_goal"] != plain["time_at_goal"]


# --- refusing --------------------------------------------------------------------------------------------------------


def test_another_configuration_is_refused(run: Path) -> None:
    code, words = refusal(run, batch_size=4, seed=3, checkpoint_replay="no")
    assert code == "E0703"
    assert "batch_size: 8 in the run, 4 asked for" in words
    assert "seed: 0 in the run, 3 asked for" in words
    assert "checkpoint_replay: yes in the run, no asked for" in words


def test_a_setting_that_is_newer_than_the_run_is_its_default(run: Path) -> None:
    written = json.loads((run / "config.json").read_text())
    for name in ("checkpoint_replay", "optimizer", "weight_decay"):
        del written["config"][name]
    (run / "config.json").write_text(json.dumps(written))
    assert "checkpoint_replay: yes in the run, no asked for" in refusal(run, checkpoint_replay="no")[1]
    assert "optimizer: adam in the run, lion asked for" in refusal(run, optimizer="lion")[1]
    train(run, steps=400)


def test_another_specification_is_refused(run: Path) -> None:
    code, words = refusal(run, spec=toy.SPEC.replace("dense8,ln", "dense9,ln"))
    assert (code, "actor, sa_encoder" in words) == ("E0703", True)


STACKED = toy.SPEC.replace("<dense8,ln,swish>", "<dense8,ln,swish>, res(dense8,swish)*4")


def test_how_stacks_are_run_belongs_to_the_run(tmp_path: Path) -> None:
    """It changes no number but by rounding, and so it must not change within a run."""
    path = tmp_path / "run"
    train(path, STACKED, remat="full", unroll=2)
    written = json.loads((path / "config.json").read_text())["plan"]["actor"]
    assert written == [{"remat": "full", "unroll": 2, "dtype": "f32"}]
    code, words = refusal(path, spec=STACKED)
    assert (code, "remat: full in the run, None asked for" in words) == ("E0703", True)
    annotated = STACKED.replace("res(", "@remat(dots) res(")
    assert "finished" in train(path, annotated, remat="full", unroll=2)  # what is forced holds before what is written
    other = RunFolder(tmp_path / "other")
    other.write_experiment(toy.experiment(STACKED))
    assert differences(other.read_experiment(), toy.experiment(annotated).as_json()) == ()  # which is the plan anyway
    code, words = refusal(other.path, spec=STACKED.replace("res(", "@remat(full) res("))
    assert (code, "the stacks of the networks are run otherwise" in words) == ("E0703", True)


def test_a_plan_that_cannot_be_had_is_refused_before_the_start(tmp_path: Path) -> None:
    code, words = refusal(tmp_path / "run", spec=STACKED, unroll=5)
    assert (code, "more than the 4 copies" in words) == ("E0603", True)
    assert refusal(tmp_path / "run", spec=STACKED, remat="some")[0] == "E0603"


def test_the_same_specification_in_other_words_goes_on(run: Path) -> None:
    assert "This run is finished" in train(run, spec="# a comment\n" + toy.SPEC)


def test_a_folder_that_is_not_a_run_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("ten years of work")
    assert refusal(tmp_path)[0] == "E0701"
    assert [place.name for place in tmp_path.iterdir()] == ["thesis.tex"]


def test_a_start_that_was_cut_short_is_no_obstacle(tmp_path: Path) -> None:
    for name in (".lock", "spec.arch", "versions.json", "config.json.tmp"):
        (tmp_path / name).write_text("{")
    train(tmp_path, steps=1)


def test_a_file_in_the_way_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert refusal(tmp_path / "file")[0] == "E0701"


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"format": 99}', "\x00"])
def test_a_configuration_that_cannot_be_read_is_refused(run: Path, content: str) -> None:
    (run / "config.json").write_text(content)
    assert refusal(run)[0] == "E0702"


def test_a_place_that_cannot_be_used_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert refusal(tmp_path / "file" / "run")[0] == "E0705"


def test_a_run_in_use_is_refused(run: Path) -> None:
    with locked(run):
        assert refusal(run)[0] == "E0706"


def test_a_foreign_checkpoint_is_refused(run: Path) -> None:
    other, last = toy.experiment(toy.SPEC.replace("dense8,ln", "dense9,ln")), toy.config().epochs
    networks = take_apart(other.plan, find_task("toy").environment)
    shutil.rmtree(run / "checkpoints")
    with Checkpoints(run / "checkpoints") as checkpoints:
        checkpoints.save(last, jax.jit(make_train(other.config, networks).init)(jax.random.key(0)))
    code, words = refusal(run, steps=1_000)
    assert (code, "it is not of this run (learners.actor." in words) == ("E0704", True)


def test_a_damaged_checkpoint_is_refused_with_the_way_on(run: Path) -> None:
    expected, last = numbers(run), toy.config().epochs
    damaged = max(
        (run / "checkpoints" / str(last) / "arrays").rglob("*"), key=lambda place: place.stat().st_size * place.is_file()
    )
    damaged.write_bytes(damaged.read_bytes()[:-1])
    with pytest.raises(DiagnosticError) as refused:
        train(run, steps=1_000)
    (diagnostic,) = refused.value.diagnostics
    place = run / "checkpoints" / str(last)
    expected_help = f"the checkpoint of epoch {last - 1} is whole; to go on from there, remove {place}"
    assert (diagnostic.code, diagnostic.help) == ("E0704", expected_help)
    assert numbers(run) == expected
    shutil.rmtree(place)
    assert f"going on from epoch {last - 1}," in train(run)
    assert numbers(run) == expected


# --- numbers that are not finite -------------------------------------------------------------------------------------


def test_numbers_that_are_not_finite_end_the_run_before_they_are_stored(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = (run / "metrics.jsonl").read_text()
    last = toy.config().epochs
    monkeypatch.setattr("archlang_runtime.losses.actor_loss", lambda alpha, log_prob, energy: jnp.mean(alpha / 0.0 * energy))
    code, words = refusal(run, steps=1_000)
    assert code == "E0708"
    assert f"update {last * 6 + 1:,}, after {toy.config().steps_after(last) + 24:,} environment steps" in words
    assert "actor_loss" in words
    assert "gradients: actor, every layer" in words
    assert (run / "metrics.jsonl").read_text() == kept
    assert max(int(place.name) for place in (run / "checkpoints").iterdir()) == last


def test_steps_that_filled_the_buffer_again_are_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = toy.config(steps=1)
    train(tmp_path, steps=1, checkpoint_replay="no")
    monkeypatch.setattr("archlang_runtime.losses.actor_loss", lambda alpha, log_prob, energy: jnp.mean(alpha / 0.0 * energy))
    words = refusal(tmp_path, steps=1_000, checkpoint_replay="no")[1]
    assert f"update 7, after {config.steps_after(1) + config.prefill_steps + 24:,} environment steps" in words


# --- evaluation ------------------------------------------------------------------------------------------------------


def test_evaluation_is_repeatable_and_changes_nothing(run: Path) -> None:
    before = {place: place.stat().st_mtime_ns for place in run.rglob("*")}
    one, same, other = (evaluate_run(RunFolder(run), 16, seed) for seed in (0, 0, 1))
    assert one == same != other
    assert one["epoch"] == toy.config().epochs
    assert one["episodes"] == 16
    assert {place: place.stat().st_mtime_ns for place in run.rglob("*")} == before


@pytest.mark.parametrize(("folder", "code"), [("nothing", "E0701"), ("new", "E0707")])
def test_what_cannot_be_evaluated_is_refused(tmp_path: Path, folder: str, code: str) -> None:
    RunFolder(tmp_path / "new").write_experiment(toy.experiment())
    with pytest.raises(DiagnosticError) as refused:
        evaluate_run(RunFolder(tmp_path / folder), 4, 0)
    assert refused.value.diagnostics[0].code == code
