"""The plan: what is chosen for each stack, why, and what overrides what."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import archlang
from archlang import DiagnosticError, Environment, SpecError, ir
from archlang.plan import Forced, Plan, Target, planned
from archlang.targets import GPUS, find_gpu
from archlang.types import Type
from archlang.workload import Workload

HUMANOID = Environment("humanoid", state_dim=268, goal_dim=3, action_dim=17)
ELSEWHERE = Environment("elsewhere", state_dim=268, goal_dim=3, action_dim=17)  # no runtime has it: an update, and no more
TARGET = Target(GPUS["h100-80gb"], Workload())
RESULTS = Path(__file__).parent.parent / "benchmarks" / "results"


def chosen(text: str, **options: Any) -> list[tuple[str, int, str]]:
    (stacks,) = archlang.plan(text, in_features=8, **options).stacks.values()
    return [(stack.remat.value, stack.unroll.value, stack.dtype.value) for stack in stacks]


def paper(depth: int, **options: Any) -> Plan:
    return archlang.plan(archlang.load("wang2025/base", {"depth": depth}), env=HUMANOID, **options)


# --- what is chosen -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "stacks"),
    [
        ("dense8, ln", []),
        ("4x dense8", []),
        ("(dense8)*1", []),
        ("(dense8)*2", [("dots", 1, "f32")]),
        ("@remat(full) @unroll(2) (dense8)*4", [("full", 2, "f32")]),
        ("@remat(none) (dense8)*1", [("none", 1, "f32")]),
        ("@dtype(bf16) (ln, @remat(nested) (dense8)*4)", [("nested", 1, "bf16")]),
        ("(@dtype(bf16) (dense8)*4, @unroll(3) (ln)*3)", [("dots", 1, "bf16"), ("dots", 3, "f32")]),
        ("res((dense8, par(@remat(full) (ln)*2; (dense8)*3))*5)", [("dots", 1, "f32"), ("full", 1, "f32"), ("dots", 1, "f32")]),
    ],
)
def test_what_is_written_holds_and_the_rest_is_planned(text: str, stacks: list[Any]) -> None:
    assert chosen(text) == stacks


@pytest.mark.parametrize("text", ["(dense8)*4", "@remat(full) (dense8)*4", "@unroll(2) @remat(none) (dense8)*4"])
def test_what_is_forced_holds_before_what_is_written(text: str) -> None:
    assert chosen(text, remat="nested", unroll=3) == [("nested", 3, "f32")]


def test_every_choice_has_its_reason() -> None:
    (stack,) = archlang.plan("@remat(full) (dense8)*4", in_features=8, unroll=2, remat="dots").stacks["network"]
    assert stack.remat.reason == "asked for by `--remat`, in place of the `@remat(full)` that is written"
    assert stack.unroll.reason == "asked for by `--unroll`"
    (stack,) = archlang.plan("@remat(full) (dense8)*4", in_features=8).stacks["network"]
    assert stack.remat.reason == "written: `@remat(full)`"
    assert "matrix products" in archlang.plan("(dense8)*4", in_features=8).stacks["network"][0].remat.reason


def test_the_planned_networks_are_the_same_networks_with_annotations() -> None:
    spec = archlang.load("wang2025/base").bind(action_dim=17)
    plan = archlang.plan(spec, env=HUMANOID, remat="full")
    assert {name: network.hash for name, network in plan.networks.items()} == {n: net.hash for n, net in spec.networks.items()}
    assert all("@remat(full) @unroll(1) res" in str(network) for network in plan.networks.values())
    again = archlang.plan("\n".join(map(str, plan.networks.values())), env=HUMANOID)
    assert [stack.remat.value for stack in again.stacks["actor"]] == ["full"]


def test_a_piece_that_stands_at_two_places_is_planned_at_both() -> None:
    text = "s = (ln)*2\nnet = s, @dtype(bf16) (rms, s), s"
    assert [dtype for _, _, dtype in chosen(text)] == ["f32", "bf16", "f32"]


def test_networks_that_could_share_their_loops_are_told() -> None:
    plan = paper(64)
    assert plan.alike == [("actor", "sa_encoder", "g_encoder")]
    assert plan.as_json()["fused"] == []
    assert any("each in loops of its own" in line for line in plan.lines())
    skips = "{} = dense8, (concat_input, dense8)*4, {}"
    names = {"actor": "gaussian", "sa_encoder": "dense4", "g_encoder": "dense4"}
    text = "\n".join(skips.format(name, head) for name, head in names.items())
    assert archlang.plan(text, env=HUMANOID).alike == []
    text = text.replace("(concat_input", "@remat(full) (ln", 1).replace("concat_input", "ln")
    assert archlang.plan(text, env=HUMANOID).alike == [("sa_encoder", "g_encoder")]


# --- what fits ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("depth", "remat"), [(64, "dots"), (1024, "dots"), (15_000, "dots"), (20_000, "nested")])
def test_copies_are_computed_again_where_they_would_not_fit_otherwise(depth: int, remat: str) -> None:
    plan = paper(depth, gpu="h100-80gb")
    assert plan.fits
    assert {stack.remat.value for stacks in plan.stacks.values() for stack in stacks} == {remat}


def test_of_a_few_copies_full_takes_less_than_nested() -> None:
    def remats(depth: int, batch: int) -> set[str]:
        spec = archlang.load("wang2025/base", {"depth": depth})
        return {stack.remat.value for stack in archlang.plan(spec, env=ELSEWHERE, gpu="h100-80gb", batch=batch).stacks["actor"]}

    assert remats(32, 1_500_000) == {"full"}
    assert remats(1024, 60_000) == {"nested"}


def test_what_does_not_fit_at_all_is_said() -> None:
    plan = paper(40_000, gpu="h100-80gb")
    assert not plan.fits
    assert plan.as_json()["fits"] is False
    assert "does not fit" in list(plan.lines())[-1]


def test_what_is_said_is_never_changed_to_make_it_fit() -> None:
    assert {s.remat.value for s in paper(20_000, gpu="h100-80gb", remat="dots").stacks["actor"]} == {"dots"}


@pytest.mark.parametrize("depth", [64, 1024, 20_000])
@pytest.mark.parametrize(("variant", "remat"), [("default", "dots"), ("full", "full"), ("nested", "nested")])
def test_what_an_update_needs_is_near_what_the_compiler_plans(depth: int, variant: str, remat: str) -> None:
    """Within 2 % of the recorded programs for an H100."""
    measured = json.loads((RESULTS / "step.json").read_text())["results"][f"{depth} layers"][variant]["total_MB"]
    plan = paper(depth, remat=remat)
    types = {name: Type.of_input(HUMANOID.in_features(name)) for name in plan.networks}
    assert Target(TARGET.gpu, Workload(environment=HUMANOID)).memory(plan.networks, types).total / 1e6 == pytest.approx(
        measured, rel=0.02
    )


def test_the_cost_of_a_plan_does_not_depend_on_the_depth() -> None:
    network = archlang.parse("(((dense8)*1000000, ln)*1000000, swish)*1000000").networks["network"]
    plan = planned({"network": network}, {"network": Type.of_input(8)}, Forced(), again=True)
    assert len(plan.stacks["network"]) == 3
    assert TARGET.memory(plan.networks, {"network": Type.of_input(8)}).total > 10**18


# --- bad input ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        ({"remat": "dot"}, "E0603", "takes none, dots, full, nested; got dot"),
        ({"unroll": 5}, "E0603", "`--unroll 5` is more than the 4 copies of a stack"),
        ({"gpu": "h100"}, "E0502", "there is no GPU `h100`"),
        ({"unroll": 0}, "E0603", "`--unroll` takes a whole number from 1 to 10000; got 0"),
        ({"unroll": "2"}, "E0603", "`--unroll` takes a whole number"),
        ({"unroll": True}, "E0603", "`--unroll` takes a whole number"),
        ({"unroll": 10_001}, "E0603", "from 1 to 10000; got 10001"),
        ({"remat": ""}, "E0603", "; got nothing"),
        ({"remat": 1}, "E0603", "takes none, dots, full, nested; got 1"),
        ({"batch": 64}, "E0603", "`--batch` changes nothing in a plan without `--gpu`"),
        ({"gpu": "h100-80gb", "batch": 0}, "E0603", "a batch has a whole number of rows, at least one; got 0"),
        ({"gpu": "h100-80gb", "batch": 1.5}, "E0603", "at least one; got 1.5"),
    ],
)
def test_what_cannot_be_planned_is_refused(options: dict[str, Any], code: str, said: str) -> None:
    with pytest.raises(DiagnosticError) as refused:
        archlang.plan("(dense8)*4", in_features=8, **options)
    (found,) = refused.value.diagnostics
    assert (found.code, said in found.message) == (code, True)


def test_what_fits_depends_on_the_width() -> None:
    with pytest.raises(DiagnosticError, match="E0604"):
        archlang.plan("(dense8)*4", gpu="h100-80gb")
    assert archlang.plan("(dense8)*4").stacks["network"][0].row_bytes is None


def test_a_wrong_network_has_no_plan() -> None:
    with pytest.raises(SpecError, match="E0301"):
        archlang.plan("(dense8)*4", in_features=9)


def test_a_gpu_that_is_nearly_right_is_suggested() -> None:
    with pytest.raises(DiagnosticError, match="did you mean `h100-80gb`"):
        find_gpu("h100-80g")


def test_remat_is_what_the_language_has() -> None:
    assert Forced("nested").remat == "nested"
    assert TARGET.budget < GPUS["h100-80gb"].memory_bytes
    assert ir.DEFAULT_REMAT == "dots"


# --- the command ----------------------------------------------------------------------------------------------------------


def test_networks_that_are_run_alike_are_shown_once(archlang: Any) -> None:
    outcome = archlang("emit", "plan", "wang2025/base", "--env", "reacher")
    assert outcome.code == 0
    assert outcome.out.splitlines()[:3] == [
        "actor, sa_encoder, g_encoder",
        "  res(4x<dense256, ln, swish>)*16   wang2025/base:8:15",
        "    remat   dots    inputs and matrix products are kept: less memory than unrolled, and no product is computed twice",
    ]


def test_a_plan_is_forced_from_the_command_line(archlang: Any) -> None:
    out = archlang("emit", "plan", "@remat(none) (dense8)*4", "--in", "8", "--remat", "full", "--unroll", "4").out
    assert "remat   full    asked for by `--remat`, in place of the `@remat(none)` that is written" in out
    assert "unroll  4       asked for by `--unroll`" in out


def test_a_plan_is_data_too(archlang: Any) -> None:
    data = json.loads(archlang("emit", "plan", "(dense8)*4", "--in", "8", "--gpu", "h100-80gb", "--json").out)
    (stack,) = data["stacks"]["network"]
    assert (stack["count"], stack["remat"]["value"], stack["row_bytes"]) == (4, "dots", 4 * 32)
    assert (data["target"], data["fits"]) == ({"gpu": "h100-80gb", "batch": 512}, True)
    assert "changes nothing in the stage ir" in archlang("emit", "ir", "dense8", "--json").out
    outcome = archlang("emit", "plan", "(dense8)*4", "--in", "9", "--json")
    assert (outcome.code, json.loads(outcome.out)["diagnostics"][0]["code"]) == (1, "E0301")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("text", "(dense8)*4", "--remat", "full"), "`--remat` changes nothing in the stage text"),
        (("ir", "(dense8)*4", "--batch", "0"), "`--batch` changes nothing in the stage ir"),
        (("plan", "(dense8)*4", "--in", "8", "--batch", "4"), "`--batch` changes nothing in a plan without `--gpu`"),
        (("plan", "dense8", "--gpu", "h100-80gb"), "the input width of network is not known"),
        (("jaxpr", "dense8", "--in", "8", "--network", "netwrk"), "there is no network `netwrk`"),
        (("jaxpr", "dense8", "--in", "8", "--gpu", "h100-80gb"), "`--gpu` changes nothing in the stage jaxpr"),
    ],
)
def test_an_option_without_effect_is_refused(archlang: Any, words: tuple[str, ...], said: str) -> None:
    outcome = archlang("emit", *words)
    assert (outcome.code, outcome.out) == (1, "")
    assert said in outcome.err
