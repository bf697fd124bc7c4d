"""Settings: where they come from, what follows from them, and what is refused before anything starts."""

from __future__ import annotations

from inspect import signature
from typing import Any

import pytest

from archlang import DiagnosticError
from archlang_runtime.commands import train
from archlang_runtime.config import TrainConfig, make_config
from archlang_runtime.envs.table import TASKS

PAPER = TrainConfig(environment="any")


def test_the_defaults_are_the_papers() -> None:
    """One training step of 512 x 62 environment steps and 800 updates: 1:39.68; about a million steps per epoch."""
    assert PAPER.steps_per_unroll == 31_744
    assert PAPER.env_steps_per_update == pytest.approx(39.68)
    assert (PAPER.prefill_unrolls, PAPER.prefill_steps) == (17, 539_648)
    assert PAPER.steps_per_epoch == 32 * 31_744


@pytest.mark.parametrize(("steps", "epochs"), [(1, 1), (57_600, 1), (57_601, 2), (89_600, 2), (400_000, 12)])
def test_steps_are_rounded_up_to_whole_epochs(steps: int, epochs: int) -> None:
    config = make_config("reacher", steps=steps)
    assert config.epochs == epochs
    assert config.total_steps == config.steps_after(epochs) >= steps
    assert config.total_updates == epochs * config.updates_per_epoch


def test_a_flag_beats_the_environment_and_the_environment_beats_the_paper() -> None:
    config = make_config("reacher", num_envs=64, seed=None)
    assert config.num_envs == 64
    assert config.batch_size == TASKS["reacher"].training["batch_size"] != PAPER.batch_size
    assert config.discount == PAPER.discount


@pytest.mark.parametrize("environment", TASKS)
def test_every_environments_settings_are_settings(environment: str) -> None:
    assert make_config(environment).environment == environment


@pytest.mark.parametrize(
    ("chosen", "message"),
    [
        ({"batch_size": 1}, "batch_size takes a whole number ≥ 2; got 1"),
        ({"discount": 1.0}, "discount takes a number > 0 and < 1; got 1.0"),
        ({"discount": float("nan")}, "discount takes a number > 0 and < 1; got nan"),
        ({"actor_learning_rate": float("inf")}, "actor_learning_rate takes a number > 0; got inf"),
        ({"num_envs": 2.5}, "num_envs takes a whole number ≥ 1; got 2.5"),
        ({"seed": -1}, "seed takes a whole number ≥ 0 and < 4294967296; got -1"),
        ({"prefill_rows": 2_000}, "prefill_rows is at most replay_rows, 1000; got 2000"),
        ({"unroll_length": 1_001}, "unroll_length is at most replay_rows, 1000; got 1001"),
        ({"episode_length": 10**20}, f"episode_length is at most 2,147,483,647; got {10**20:,}"),
        ({"batch_size": 30_000}, "batch_size is at most num_envs x prefill_rows, 25600; got 30000"),
        ({"num_envs": 2, "steps": 10**11}, "steps is at most 2,146,435,072 in each environment; got 100,000,000,000"),
        ({"batchsize": 4}, "there is no setting `batchsize`"),
        ({"energy": "foo"}, "energy takes norm, l2, dot, cosine, mrn; got 'foo'"),
        ({"entropy": 0}, "entropy takes learned, off; got 0"),
        ({"remat": 1}, "remat takes a text; got 1"),
        ({"weight_decay": 0.1}, "weight_decay has no effect with adam, only with adamw and lion; got 0.1"),
        ({"optimizer": "sgd", "weight_decay": 0.0}, "weight_decay has no effect with sgd, only with adamw and lion; got 0.0"),
        ({"optimizer": "lion", "weight_decay": -0.1}, "weight_decay takes a number ≥ 0; got -0.1"),
        ({"optimizer": "adan"}, "optimizer takes adam, adamw, sgd, lion; got 'adan'"),
        ({"entropy": "off", "target_entropy": -1.0}, "target_entropy has no effect where entropy is off; got -1.0"),
    ],
)
def test_what_cannot_be_honoured_is_refused(chosen: dict[str, Any], message: str) -> None:
    with pytest.raises(DiagnosticError) as refused:
        make_config("reacher", **chosen)
    assert [(d.code, d.message) for d in refused.value.diagnostics] == [("E0603", message)]


@pytest.mark.parametrize(
    ("setting", "word", "help"),
    [
        ("loss", "flat_nce", "did you mean `flatnce`?"),
        ("energy", "cosin", "did you mean `cosine`?"),
        ("energy", "xyz", "energy: the critic's energy: norm, l2, dot, cosine or mrn"),
    ],
)
def test_a_word_that_is_not_known_is_refused_with_help(setting: str, word: str, help: str) -> None:
    with pytest.raises(DiagnosticError) as refused:
        make_config("reacher", **{setting: word})
    (diagnostic,) = refused.value.diagnostics
    assert diagnostic.help == help
    assert diagnostic.message.endswith(f"; got '{word}'")


def test_every_setting_is_an_option_of_train() -> None:
    assert set(TrainConfig.model_fields) - {"environment"} <= set(signature(train).parameters)


def test_independent_mistakes_are_reported_together() -> None:
    with pytest.raises(DiagnosticError) as refused:
        make_config("reacher", batch_size=0, unroll_length=0)
    assert len(refused.value.diagnostics) == 2


def test_an_unknown_environment_is_refused_with_a_suggestion() -> None:
    with pytest.raises(DiagnosticError) as refused:
        make_config("reachr")
    (diagnostic,) = refused.value.diagnostics
    assert (diagnostic.code, diagnostic.help) == ("E0601", "did you mean `reacher`?")
