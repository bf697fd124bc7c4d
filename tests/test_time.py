"""How long training takes: the least by hand, a prediction only where runs were timed, and how far that is off."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from test_paper_tables import RECORDED
from test_paper_tables import tables as tables

import archlang
from archlang import Environment, Workload
from archlang.analysis import time as law
from archlang.analysis.time import Time, time
from archlang.analysis.work import update
from archlang.targets import GPUS, find_gpu
from archlang.types import Type

A100 = GPUS["a100-80gb"]
NETWORK = "dense8, swish, dense4"
ROW = 3 * 2 * (6 * 8 + 8 * 4) - 2 * 6 * 8  # FLOPs of a row, forward and backward
PARAMS = 7 * 8 + 9 * 4


def taken(text: str, gpu: str = "a100-80gb", **workload: Any) -> Time:
    networks = archlang.parse(text).networks
    return time(networks, {name: Type.of_input(6) for name in networks}, Workload(**workload), find_gpu(gpu))


def paper(setting: dict[str, int], workload: Workload, gpu: str = "a100-80gb") -> Time:
    env = workload.environment
    assert env is not None
    networks = archlang.load("wang2025/base", setting).bind(action_dim=env.action_dim).networks
    return time(networks, {name: Type.of_input(env.in_features(name)) for name in networks}, workload, GPUS[gpu])


def in_ant(name: str, **more: Any) -> Workload:
    return Workload(environment=Environment(name, state_dim=29, goal_dim=2, action_dim=8), **more)


# --- the least --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("gpu", "text", "rate"),
    [
        ("a100-80gb", NETWORK, 156e12),
        ("h100-80gb", NETWORK, 494.7e12),
        ("rtx4090-24gb", NETWORK, 82.6e12),
        ("v100-32gb", NETWORK, 15.7e12),
        ("t4-16gb", NETWORK, 8.1e12),
        ("a100-80gb", f"@dtype(bf16) <{NETWORK}>", 312e12),
        ("a100-80gb", "@dtype(bf16) res(ln, gate=highway)", 312e12),
        ("a100-80gb", "@dtype(bf16) swish, dense4", 156e12),
        ("v100-32gb", f"@dtype(bf16) <{NETWORK}>", 15.7e12),
    ],
)
def test_products_run_at_the_rate_that_jax_gets_by_default(gpu: str, text: str, rate: float) -> None:
    least = taken(text, gpu).least
    assert least is not None
    assert least.rate == rate


def test_the_least_is_the_longer_of_the_two() -> None:
    least = taken("dense8, (dense8, swish)*9", batch_size=10**9, updates=7).least
    assert least is not None
    assert least.flops == 10**9 * (3 * 2 * (6 * 8 + 9 * 8 * 8) - 2 * 6 * 8)
    cache = 40 * 2**20
    assert least.bytes == 2 * (10**9 * 4 * 9 * 2 * 8 - cache)  # of a row and a copy, its input and its product
    assert least.seconds == pytest.approx(least.bytes / 2_039_040_000_000)
    assert least.bound == "memory"
    wide = taken("dense16384, dense16384", batch_size=10**6).least
    assert wide is not None
    assert (wide.bound, wide.seconds) == ("matrix products", wide.flops / 156e12)


def test_what_the_cache_holds_need_not_move() -> None:
    assert getattr(taken(NETWORK).least, "bytes", None) == 0
    without = find_gpu("a100-80gb")
    networks = archlang.parse(NETWORK).networks
    moved = time(networks, {"network": Type.of_input(6)}, Workload(batch_size=1), replace(without, chip=None)).least
    assert moved is not None
    assert moved.bytes == 2 * (3 * 4 * PARAMS + 4 * PARAMS)


@pytest.mark.parametrize(("optimizer", "arrays"), [("adam", 2), ("sgd", 0), ("lion", 1)])
def test_an_optimizer_moves_what_it_keeps(optimizer: str, arrays: int) -> None:
    text = "dense16384, dense16384"
    params = 7 * 16384 + 16385 * 16384
    least = taken(text, batch_size=1, optimizer=optimizer).least
    assert least is not None
    assert least.bytes == 2 * ((1 + arrays) * 4 * params + 4 * params - 2 * 40 * 2**20)


def test_products_that_are_computed_again_take_their_time() -> None:
    kept, again = (taken(f"dense8, @remat({remat}) (dense8, swish)*9").least for remat in ("dots", "full"))
    assert kept is not None
    assert again is not None
    assert again.flops - kept.flops == 512 * 9 * 2 * 64


def test_a_billion_layers_take_their_time() -> None:
    found = taken("dense8, (dense8, swish)*1000000000", updates=10)
    assert found.least is not None
    assert found.least.flops > 10**9 * 512 * 6 * 64
    assert found.least_run_seconds == 10 * found.least.seconds


def test_a_gpu_of_unknown_speed_has_no_times() -> None:
    found = taken(NETWORK, "custom:24GB")
    assert (found.least, found.predicted) == (None, None)
    assert found.notes == ("how fast custom:24GB is, is not known",)
    assert found.as_json() == {"least": None, "predicted": None, "notes": list(found.notes)}


# --- the prediction ---------------------------------------------------------------------------------------------------


def test_there_is_a_prediction_only_for_the_gpu_of_the_runs() -> None:
    found = paper({"depth": 4}, in_ant("ant_big_maze"), "h100-80gb")
    assert found.predicted is None
    assert found.least is not None
    assert found.notes == ("no prediction for h100-80gb: the runs that were timed are a100-80gb's",)


def test_there_is_a_prediction_of_a_run_only_for_their_environments() -> None:
    known, unknown = (paper({"depth": 4}, in_ant(name, updates=100, env_steps=5)) for name in ("ant_big_maze", "ant"))
    assert (known.predicted_run_seconds or 0) > 100 * (known.least.seconds if known.least else 1)
    assert unknown.predicted is not None
    assert known.predicted is not None
    assert unknown.predicted.update_seconds == known.predicted.update_seconds
    assert unknown.predicted_run_seconds is None
    assert unknown.notes == ("no prediction for a run: in ant none was timed",)


def test_a_run_is_its_updates_and_its_steps() -> None:
    found = paper({"depth": 4}, in_ant("ant_big_maze", updates=1000, env_steps=10**8))
    assert found.predicted is not None
    assert found.predicted_run_seconds == pytest.approx(1000 * found.predicted.update_seconds + 3600 * 1.22)
    about = found.as_json()["predicted"]
    assert about["run_seconds"] == found.predicted_run_seconds
    assert "A100" in about["calibration"]


def test_an_update_waits_for_each_of_its_layers_twelve_times() -> None:
    one, two = (paper({"depth": depth}, in_ant("ant_big_maze")) for depth in (4, 8))
    assert one.least is not None
    assert two.least is not None
    assert one.predicted is not None
    assert two.predicted is not None
    work = (two.least.seconds - one.least.seconds) / law.SHARE
    assert two.predicted.update_seconds - one.predicted.update_seconds == pytest.approx(12 * 4 * law.LATENCY + work)


@pytest.mark.parametrize(
    ("setting", "batch", "beyond"),
    [
        ({"depth": 64}, 512, ()),
        ({"depth": 4, "width": 4096}, 512, ()),
        ({"depth": 132}, 512, ("layers: 134, where 6 to 130 were timed",)),
        (
            {"depth": 4, "width": 64},
            256,
            ("rows of a batch: 256, where 512 were timed", "width: 64, where 256 to 4,096 were timed"),
        ),
    ],
)
def test_what_is_unlike_the_runs_is_said(setting: dict[str, int], batch: int, beyond: tuple[str, ...]) -> None:
    found = paper(setting, in_ant("ant_big_maze", batch_size=batch))
    assert found.predicted is not None
    assert found.predicted.beyond == beyond


# --- against the paper's hours ----------------------------------------------------------------------------------------


def test_how_far_the_hours_are_off() -> None:
    by_depth, by_width, held_out = (RECORDED[name] for name in ("hours", "hours by width", "hours held out"))
    assert (len(by_depth), len(by_width)) == (50, 5)
    assert RECORDED["law"]["median_error_percent"] < 1
    assert RECORDED["law"]["largest_error_percent"] < 15
    assert all(abs(row["error_percent"]) < 9 for row in by_width)
    assert all(abs(row["error_percent"]) < 2 for row in held_out if row["depth"] <= 128)


def test_no_run_took_less_than_the_least(tables: Any) -> None:
    for name, (widths, steps, hours) in tables.HOURS.items():
        workload = Workload(512, environment=Environment(name, *widths), updates=steps * tables.UPDATES)
        least = [paper(setting, workload).least_run_seconds or 0 for setting in tables.DEPTHS]
        assert all(0 < one / 3600 < hour for one, hour in zip(least, hours, strict=True))


@pytest.mark.parametrize("name", ["LATENCY", "SHARE"])
@pytest.mark.parametrize("factor", [0.95, 1.05])
def test_the_constants_are_those_that_fit(tables: Any, monkeypatch: pytest.MonkeyPatch, name: str, factor: float) -> None:
    """Squares of relative errors are least near them."""
    best = squares(tables)
    monkeypatch.setattr(law, name, getattr(law, name) * factor)
    assert squares(tables) > best


def squares(tables: Any) -> float:
    return sum((row["predicted"] / row["paper"] - 1) ** 2 for row in tables.hours_by_depth() + tables.hours_by_width())


def test_an_update_without_roles_passes_each_layer_three_times() -> None:
    found = taken("dense256, dense512", updates=3)
    assert found.predicted is not None
    assert found.least is not None
    assert found.predicted.update_seconds == pytest.approx(2 * 3 * law.LATENCY + found.least.seconds / law.SHARE)
    assert found.predicted_run_seconds == pytest.approx(3 * found.predicted.update_seconds)
    assert update(archlang.parse(NETWORK).networks, {"network": Type.of_input(6)}, 1).networks == ROW
