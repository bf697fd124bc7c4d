"""What training takes, before it is launched: the terms, the verdict, what mends it, and the command."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import archlang
from archlang import DiagnosticError
from archlang.analysis.memory import TERMS
from archlang.estimate import Estimate
from archlang.targets import GPUS, find_gpu
from archlang.testing import networks
from archlang.testing.networks import Sizes
from archlang.verdict import Fix

GPU = "h100-80gb"


def paper(depth: int | str = 64, env: Any = "ant", **options: Any) -> Estimate:
    return archlang.estimate(archlang.load("wang2025/base", {"depth": depth}), env=env, **options)


def terms(**options: Any) -> dict[str, int]:
    return paper(**options).terms


# --- the terms ------------------------------------------------------------------------------------------------------------


def test_every_term_has_its_name_and_they_add_up() -> None:
    found = paper(gpu=GPU)
    assert tuple(found.terms) == TERMS
    assert sum(found.terms.values()) == found.total
    assert found.terms["parameters"] == 4 * (found.report.params or 0)


@pytest.mark.parametrize(("optimizer", "arrays"), [("adam", 2), ("adamw", 2), ("sgd", 0), ("lion", 1)])
def test_an_optimizer_keeps_its_arrays(optimizer: str, arrays: int) -> None:
    assert terms(optimizer=optimizer)["optimizer"] == arrays * terms()["parameters"]


def test_the_buffer_is_as_large_as_the_runtime_makes_it() -> None:
    row = 4 * (29 + 8 + 2)
    assert terms(num_envs=64, replay_rows=1_000)["replay"] == 64 * 1_000 * (row + 8)
    assert terms(num_envs=64, replay_rows=1_000, replay_dtype="bfloat16")["replay"] == 64 * 1_000 * (row // 2 + 8)


@pytest.mark.parametrize(
    ("options", "term"),
    [
        ({"batch_size": 1024}, "saved activations"),
        ({"batch_size": 1024}, "hindsight batch"),
        ({"depth": 128}, "gradients"),
        ({"replay_rows": 20_000}, "replay"),
        ({"remat": "none"}, "saved activations"),
    ],
)
def test_more_of_it_takes_more(options: dict[str, Any], term: str) -> None:
    assert terms(**options)[term] > terms()[term]


def test_what_is_computed_again_is_not_saved() -> None:
    saved = [terms(depth=1024, remat=remat)["saved activations"] for remat in ("none", "dots", "full", "nested")]
    assert saved == sorted(saved, reverse=True)
    assert len(set(saved)) == 4


def test_without_an_environment_it_is_an_update_of_the_networks() -> None:
    found = archlang.estimate("dense256, (dense256, ln)*4", in_features=29, batch_size=64, optimizer="sgd")
    assert [term for term, size in found.terms.items() if size] == [
        "parameters",
        "gradients",
        "saved activations",
        "hindsight batch",
        "workspace",
    ]
    assert 0 < found.terms["gradients"] <= found.terms["parameters"]


def test_a_term_has_the_place_that_it_comes_from() -> None:
    question = paper(depth=1024).question
    assert question is not None
    (span, found), *_ = question.memory.places.items()
    assert span.text == "res(4x unit)*{depth/4}"
    assert found["parameters"] > 0.99 * question.memory.terms["parameters"]


def test_the_cost_does_not_depend_on_the_depth() -> None:
    found = archlang.estimate("dense256, res(4x<dense256, ln, swish>)*1000000000", in_features=8, gpu=GPU)
    assert found.report.params == 1_000_000_000 * 4 * (256 * 256 + 3 * 256) + 8 * 256 + 256
    assert not found.fits


@given(drawn=networks(Sizes()), batch=st.integers(1, 4096))
def test_an_estimate_of_any_network_adds_up(drawn: tuple[Any, int], batch: int) -> None:
    network, in_features = drawn
    found, more = (
        archlang.estimate(archlang.format(network), in_features=in_features, batch_size=rows) for rows in (batch, batch + 1)
    )
    assert found.question is not None
    assert found.total == sum(found.terms.values()) <= found.question.memory.at_most
    assert all(size >= 0 for size in found.terms.values())
    assert (more.total or 0) >= (found.total or 0)


# --- the verdict ----------------------------------------------------------------------------------------------------------


def test_what_fits_says_so_and_what_has_no_gpu_says_nothing() -> None:
    assert paper(gpu=GPU).fits is True
    assert paper().fits is None
    assert paper(depth=40_000, gpu=GPU).fits is False


def test_the_margin_decides_what_fits() -> None:
    total = (paper(depth=1024).total or 0) / 1e9
    exactly = f"custom:{total / 0.9 * 1.12:.3f}GB"
    assert paper(depth=1024, gpu=exactly).fits
    assert not paper(depth=1024, gpu=exactly, margin=0.2).fits
    assert not paper(depth=1024, gpu=f"custom:{total / 0.9 * 0.99:.3f}GB").fits


def test_what_is_too_close_to_call_does_not_fit() -> None:
    """A closed form that says `fits` where XLA says no would be worse than none."""
    found = paper(depth=1024)
    assert found.question is not None
    between = (found.question.memory.total + found.question.memory.at_most) / 2 / 0.9 / 1e9
    (diagnostic,) = paper(depth=1024, gpu=f"custom:{between:.3f}GB").diagnostics
    assert diagnostic.message.startswith("may not fit custom:")
    assert "`--exact` tells" in diagnostic.message


PLACES = [
    ({"depth": 40_000}, "res(4x unit)*{depth/4}", "optimizer: "),
    ({"replay_rows": 2_000_000}, "2000000", "replay: "),
    ({"batch_size": 200_000, "depth": 1024}, "res(4x unit)*{depth/4}", "saved activations: "),
]


@pytest.mark.parametrize(("options", "text", "label"), PLACES)
def test_what_costs_most_is_underlined(options: dict[str, Any], text: str, label: str) -> None:
    (diagnostic,) = paper(gpu=GPU, **options).diagnostics
    assert diagnostic.code == "E0501"
    assert diagnostic.span is not None
    assert diagnostic.span.text == text
    assert diagnostic.label.startswith(label)


def applied(options: dict[str, Any], fix: Fix) -> Estimate:
    name = fix.option.removeprefix("--").replace("-", "_")
    return paper(**options | {name: fix.value})


@pytest.mark.parametrize(
    "options",
    [
        {"gpu": GPU, "depth": 20_000},
        {"gpu": GPU, "depth": 20_000, "remat": "none"},
        {"gpu": "t4-16gb", "depth": 4096},
        {"gpu": GPU, "replay_rows": 2_000_000},
        {"gpu": "custom:6GB", "env": "humanoid"},
        {"gpu": GPU, "batch_size": 200_000, "depth": 1024},
    ],
)
def test_every_change_that_is_named_mends_it(options: dict[str, Any]) -> None:
    fixes = paper(**options).fixes
    assert fixes
    for fix in fixes:
        mended = applied(options, fix)
        assert (mended.fits, mended.total) == (True, fix.total)


def test_the_cheapest_change_comes_first() -> None:
    options = [fix.option for fix in paper(gpu="t4-16gb", depth=4096).fixes]
    assert options == ["--remat", "--batch-size", "--gpu"]


def test_where_nothing_mends_it_that_is_said() -> None:
    (diagnostic,) = paper(depth=10**9, gpu=GPU).diagnostics
    assert diagnostic.help is not None
    assert diagnostic.help.startswith("no policy, replay buffer, batch or number of environments")


def test_a_larger_gpu_is_named_if_it_is_the_smallest_that_does() -> None:
    fix = next(fix for fix in paper(depth=16_384, gpu="l40s-48gb", remat="dots").fixes if fix.option == "--gpu")
    smaller = [name for name, gpu in GPUS.items() if gpu.memory_bytes < find_gpu(fix.value).memory_bytes]
    assert not any(paper(depth=16_384, gpu=name, remat="dots").fits for name in smaller)


# --- bad input ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        ({"gpu": "h100"}, "E0502", "there is no GPU `h100`"),
        ({"gpu": "custom:0GB"}, "E0502", "gives no memory that a GPU can have"),
        ({"gpu": "custom:-4GB"}, "E0502", "gives no memory that a GPU can have"),
        ({"batch_size": 0}, "E0603", "batch_size takes a whole number ≥ 2; got 0"),
        ({"batch_size": 10_000_000}, "E0603", "batch_size is at most num_envs x prefill_rows"),
        ({"batch_sise": 4}, "E0603", "there is no setting `batch_sise`"),
        ({"optimizer": "adagrad"}, "E0603", "optimizer takes adam, adamw, sgd, lion; got 'adagrad'"),
        ({"margin": 1.0, "gpu": GPU}, "E0603", "from 0 to below 1"),
        ({"margin": float("nan"), "gpu": GPU}, "E0603", "from 0 to below 1"),
        ({"margin": 0.2}, "E0603", "`--margin` changes nothing without a GPU"),
        ({"gpu": 80}, "E0502", "a GPU is given by its name; got 80"),
        ({"env": 8}, "E0601", "an environment is given by its name; got 8"),
        ({"in_features": 8}, "E0603", "`--in` changes nothing with an environment"),
        ({"remat": "some"}, "E0603", "takes none, dots, full, nested"),
        ({"unroll": 5000}, "E0603", "more than the 16 copies of a stack"),
    ],
)
def test_what_cannot_be_honoured_is_refused(options: dict[str, Any], code: str, said: str) -> None:
    with pytest.raises(DiagnosticError) as refused:
        paper(**options)
    (found,) = refused.value.diagnostics
    assert (found.code, said in found.message) == (code, True)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"num_envs": 4}, "`--num-envs` changes nothing without an environment"),
        ({"replay_dtype": "bfloat16"}, "`--replay-dtype` changes nothing without an environment"),
        ({"optimizer": "addam"}, "optimizer takes adam, adamw, sgd, lion"),
        ({"batch_size": 0, "gpu": GPU}, "at least one; got 0"),
    ],
)
def test_the_same_without_an_environment(options: dict[str, Any], said: str) -> None:
    with pytest.raises(DiagnosticError, match="E0603") as refused:
        archlang.estimate("dense8", in_features=8, **options)
    assert said in refused.value.diagnostics[0].message


def test_roles_are_asked_for_where_there_is_an_environment() -> None:
    with pytest.raises(DiagnosticError, match="E0404"):
        archlang.estimate("dense8", env="ant")
    with pytest.raises(DiagnosticError, match="E0604"):
        archlang.estimate("dense8", gpu=GPU)


# --- the command ----------------------------------------------------------------------------------------------------------


def test_the_command_prints_terms_bar_and_verdict(archlang: Any) -> None:
    outcome = archlang("estimate", "wang2025/base", "--env", "humanoid", "--gpu", GPU)
    assert (outcome.code, outcome.err) == (0, "")
    assert "12,917,410 parameters" in outcome.out
    assert all(term in outcome.out for term in ("saved activations", "replay", "--replay-rows 10000", "rrrrr", "79.1 GiB"))
    assert f"fits {GPU}: " in outcome.out


def test_what_does_not_fit_is_an_error_and_its_json_is_printed(archlang: Any) -> None:
    words = ("estimate", "wang2025/base", "--env", "ant", "--set", "depth=40000", "--gpu", GPU)
    outcome = archlang(*words, "--json")
    assert (outcome.code, outcome.err) == (1, "")
    assert outcome.json["fits"] is False
    assert outcome.json["diagnostics"][0]["code"] == "E0501"
    assert outcome.json["memory"]["total"] > outcome.json["memory"]["capacity"] == GPUS[GPU].memory_bytes
    outcome = archlang(*words)
    assert outcome.code == 1
    assert "error[E0501]: does not fit h100-80gb: needs" in outcome.err
    assert "parameters" in outcome.out


def test_a_grid_has_a_row_for_each_point(archlang: Any) -> None:
    words = ("estimate", "wang2025/base", "--env", "ant", "--set", "depth=40000|64|6|1024", "--gpu", GPU)
    outcome = archlang(*words, "--sort", "memory")
    assert outcome.code == 1
    rows = outcome.out.splitlines()[1:]
    assert [row.split()[0] for row in rows] == ["64", "1024", "40000", "6"]
    assert [row.endswith("does not fit") for row in rows] == [False, False, True, False]
    assert rows[3].endswith("E0207")
    data = archlang(*words, "--json").json
    assert [point["fits"] for point in data["points"]] == [False, True, None, True]
    assert data["fits"] is False


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--sort", "memory"), "`--sort` changes nothing where there is one point"),
        (("--margin", "0.2"), "`--margin` changes nothing without a GPU"),
        (("--set", "depth=4|8", "--sort", "memry"), "did you mean `memory`?"),
        (("--gpu", "custom:1EB"), "gives no memory"),
        (("--batch", "1"), "batch_size takes a whole number ≥ 2; got 1"),
    ],
)
def test_an_option_without_effect_or_sense_is_refused(archlang: Any, words: tuple[str, ...], said: str) -> None:
    outcome = archlang("estimate", "wang2025/base", "--env", "ant", *words)
    assert outcome.code == 1
    assert said in outcome.err


def test_what_is_wrong_is_json_where_json_is_asked_for(archlang: Any) -> None:
    for words in (("nothing.arch",), ("dense8, dense", "--in", "4"), ("dense8",), ("dense8", "--in", "4", "--gpu", "x")):
        outcome = archlang("estimate", *words, "--json")
        assert (outcome.code, outcome.err) == (1, "")
        assert outcome.json["diagnostics"]
        assert outcome.json["fits"] is None


@pytest.mark.parametrize(("name", "magic"), [("a.png", b"\x89PNG"), ("a.svg", b"<?xml"), ("a.pdf", b"%PDF")])
def test_the_terms_are_drawn(archlang: Any, tmp_path: Path, name: str, magic: bytes) -> None:
    outcome = archlang("estimate", "wang2025/base", "--env", "ant", "--set", "depth=4|6|64", "--plot", str(tmp_path / name))
    assert (outcome.code, "E0207" in outcome.err) == (1, True)  # what is wrong at one point hides no other
    assert (tmp_path / name).read_bytes().startswith(magic)


@pytest.mark.parametrize(("name", "said"), [("a.gif", "got `.gif`"), ("png", "got `png`"), ("no/a.png", "cannot be written")])
def test_a_picture_that_cannot_be_drawn_is_said(archlang: Any, tmp_path: Path, name: str, said: str) -> None:
    outcome = archlang("estimate", "dense8", "--in", "4", "--plot", str(tmp_path / name))
    assert outcome.code == 1
    assert said in outcome.err


# --- by XLA ---------------------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_the_compilers_own_plan_decides_where_it_is_asked_for(
    archlang: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    words = ("estimate", "dense64, (dense64, ln, swish)*4", "--in", "8", "--batch", "1000000", "--exact")
    outcome = archlang(*words, "--gpu", "t4-16gb", "--json")
    memory = outcome.json["memory"]
    assert (outcome.code, outcome.json["tier"], outcome.json["fits"]) == (0, "exact", True)
    assert memory["total"] == memory["argument"] + memory["output"] + memory["temp"] - memory["alias"]
    assert memory["total"] == sum(memory["terms"].values())
    assert memory["instant_total"] == pytest.approx(memory["total"], rel=0.2)
    share = 1 - 0.9 * memory["total"] / memory["capacity"]
    outcome = archlang(*words, "--gpu", "t4-16gb", "--margin", f"{share:.4f}")  # from the cache: nothing is compiled
    assert outcome.code == 1
    assert "error[E0501]: does not fit t4-16gb" in outcome.err
    assert "as XLA plans it for t4-16gb; the closed form says" in outcome.out


def test_of_a_gpu_of_which_only_the_memory_is_known_there_is_no_exact_plan(archlang: Any) -> None:
    outcome = archlang("estimate", "dense8", "--in", "4", "--exact", "--gpu", "custom:4GB")
    assert outcome.code == 1
    assert "error[E0502]: of `custom:4GB` only the memory is known" in outcome.err


def test_arithmetic_of_an_update_and_of_a_run(archlang: Any) -> None:
    data = archlang("estimate", "wang2025/base", "--env", "humanoid", "--json").json
    assert data["flops_per_update"] == data["flops"]["update"]["networks"]
    passes = data["flops_per_update"] / 512 / sum(data["flops"]["forward"].values())
    assert passes == pytest.approx(4, rel=0.02)  # twelve passes through three networks
    assert data["flops"]["run"] > 2_508_800 * data["flops_per_update"]
    deep = archlang("estimate", "wang2025/base", "--env", "humanoid", "--remat", "full", "--json").json
    assert deep["flops"]["update"]["recomputed"] > 0 == data["flops"]["update"]["recomputed"]


def test_more_bytes_than_64_bits_count_are_no_estimate(archlang: Any) -> None:
    outcome = archlang("estimate", "(dense2000000000)*2000000000", "--in", "2000000000", "--json")
    assert (outcome.code, outcome.json["fits"]) == (1, None)
    assert "more bytes than 64 bits count" in outcome.json["diagnostics"][0]["message"]


def test_points_are_sorted_as_data_too(archlang: Any) -> None:
    words = ("estimate", "wang2025/base", "--env", "ant", "--set", "depth=8|4", "--json")
    assert [point["set"]["depth"] for point in archlang(*words, "--sort", "memory").json["points"]] == ["4", "8"]
    assert archlang(*words, "--sort", "nope").code == 1
    assert archlang(*words, "--sort", "least time").code == 1  # there is none without a GPU


def test_what_is_too_close_to_call_is_marked_as_that_in_a_grid(archlang: Any) -> None:
    total = (paper(depth=1024).total or 0) / 0.9 / 1e9
    words = (
        "estimate",
        "wang2025/base",
        "--env",
        "ant",
        "--set",
        "depth=64|1024|4096",
        "--gpu",
        f"custom:{total * 1.01:.3f}GB",
    )
    marks = [row.split("  ")[-1] for row in archlang(*words).out.splitlines()[1:]]
    assert marks[1:] == ["may not fit", "does not fit"]


def test_the_smallest_numbers_are_tried_before_nothing_is_said_to_help(archlang: Any) -> None:
    words = ("estimate", "wang2025/base", "--env", "humanoid", "--gpu", "custom:0.6GB", "--num-envs", "100000", "--json")
    assert any(fix["option"] == "--num-envs" and fix["value"] < 64 for fix in archlang(*words).json["fixes"])


@pytest.mark.parametrize("option", ["--remat=full", "--unroll=2"])
def test_a_way_to_run_stacks_is_for_stacks(archlang: Any, option: str) -> None:
    outcome = archlang("estimate", "dense64", "--in", "4", option)
    assert outcome.code == 1
    assert "no network has a stack" in outcome.err
