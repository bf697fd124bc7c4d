"""What a run needs beside its networks, and the program that it is: what estimates say of it, and what XLA does."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args

import jax
import pytest
import toy

import archlang
from archlang import Workload
from archlang.analysis.memory import Memory, memory
from archlang.exact import ExactPlan, exact_plan
from archlang.targets import GPUS
from archlang.types import Type
from archlang.workload import workload_in
from archlang_runtime import envs
from archlang_runtime.config import EnergyName, LossName
from archlang_runtime.envs.episodes import begin
from archlang_runtime.envs.table import TASKS
from archlang_runtime.learn import LAYERS
from archlang_runtime.memory import num_bytes
from archlang_runtime.networks import take_apart
from archlang_runtime.program import make_program
from archlang_runtime.train import make_train
from archlang_runtime.workload import LOGITS, make_workload, simulators

GPU = GPUS["h100-80gb"]


def toy_program(**settings: Any) -> tuple[Workload, Any, Mapping[str, Any]]:
    workload = make_workload("toy", settings)
    assert workload.environment is not None
    networks = archlang.plan(archlang.load(toy.SPEC, action_dim=2), env=workload.environment).networks
    _, state, parts = make_program(networks, workload)
    return workload, state, parts


# --- the workload ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("settings", [{}, {"replay_dtype": "bfloat16"}, {"num_envs": 8, "replay_rows": 30}])
def test_the_replay_buffer_has_the_bytes_of_the_workload(settings: dict[str, Any]) -> None:
    workload, _, parts = toy_program(**settings)
    time_and_since = 2 * 4
    assert num_bytes(parts["replay"]) == workload.replay_bytes + time_and_since


@pytest.mark.parametrize("optimizer", ["adam", "adamw", "sgd", "lion"])
def test_an_optimizer_keeps_what_the_workload_says(optimizer: str) -> None:
    workload, _, parts = toy_program(optimizer=optimizer)
    counters = {"adam": 3, "adamw": 3, "lion": 3, "sgd": 0}[optimizer] * 4
    assert num_bytes(parts["optimizer"]) == workload.kept_per_parameter * num_bytes(parts["parameters"]) + counters


def test_the_parts_are_the_whole_state_but_for_keys_and_the_weight_of_the_entropy() -> None:
    _, state, parts = toy_program()
    rest = num_bytes(state.key) + num_bytes(state.learners.alpha)
    assert sum(map(num_bytes, parts.values())) + rest == num_bytes(state)


def test_the_critic_acts_where_it_chooses_among_actions() -> None:
    assert make_workload("toy", {}).acting == {"actor": 4}
    assert make_workload("toy", {"explore_best_of": 5}).acting == {"actor": 4, "sa_encoder": 20, "g_encoder": 4}


def test_every_loss_of_every_energy_is_known() -> None:
    assert tuple(LOGITS) == get_args(EnergyName)
    assert {len(arrays) for arrays in LOGITS.values()} == {len(get_args(LossName))}
    norm = make_workload("toy", {"loss": "symmetric_infonce"})
    assert norm.loss_bytes == 5 * 4 * 8**2


@pytest.mark.parametrize("entropy", ["learned", "off"])
def test_the_metrics_of_an_epoch_have_the_bytes_of_the_workload(entropy: str) -> None:
    config, workload = toy.config(entropy=entropy), make_workload("toy", {"entropy": entropy})
    assert workload.environment is not None
    plan = archlang.plan(archlang.load(toy.SPEC, action_dim=2), env=workload.environment)
    program = make_train(config, take_apart(plan, workload.environment))
    state = jax.eval_shape(program.init, jax.random.key(0))
    metrics = jax.eval_shape(program.update, state, jax.random.key(0))[1]
    del metrics[LAYERS]
    assert num_bytes(metrics) * config.updates_per_epoch == workload.metrics_bytes


# --- simulators -----------------------------------------------------------------------------------------------------------


def test_every_environment_was_planned() -> None:
    assert list(simulators()) == list(TASKS)
    assert [name for name, sizes in simulators().items() if not 0 < sizes["state"] < sizes["work"]] == []


@pytest.mark.physics
@pytest.mark.slow
@pytest.mark.parametrize("name", ["reacher", "ant", "pusher_easy", "cheetah", "point_u_maze"])
def test_the_state_of_an_environment_is_exact(name: str) -> None:
    env = envs.load(TASKS[name])
    episodes = jax.eval_shape(lambda key: begin(env, key, 7), jax.eval_shape(lambda: jax.random.key(0)))
    assert num_bytes(episodes) == 7 * simulators()[name]["state"]


# --- the whole program ----------------------------------------------------------------------------------------------------


def both(depth: int, settings: Mapping[str, Any]) -> tuple[Memory, ExactPlan]:
    env = archlang.environment("reacher")
    spec = archlang.load("wang2025/base", {"depth": str(depth)}, action_dim=env.action_dim)
    networks = archlang.plan(spec, env=env).networks
    asked = networks, {name: Type.of_input(env.in_features(name)) for name in networks}, workload_in(env, settings)
    return memory(*asked), exact_plan(*asked, GPU)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("depth", "settings"),
    [(64, {}), (4, {"num_envs": 8192, "replay_rows": 200})],
    ids=["an update takes most", "acting takes most"],
)
def test_the_estimate_of_reacher_is_that_of_xla(
    depth: int,
    settings: dict[str, Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """In the environment of somebody who set nothing; nothing of a GPU that is missing reaches them."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.delenv("JAX_PLATFORMS", raising=False)
    instant, exact = both(depth, settings)
    assert instant.total == pytest.approx(exact.total, rel=0.05)
    for name in ("parameters", "optimizer", "replay", "environment state"):
        assert instant.terms[name] == pytest.approx(exact.terms[name], abs=20)  # counters
    assert capfd.readouterr() == ("", "")
