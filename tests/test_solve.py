"""What fits, and what meets a budget: the answer is right where it stands, and one step more is not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import archlang
from archlang import DiagnosticError
from archlang.budget import Equal, budget_of
from archlang.limits import MAX_WIDTH
from archlang.solve import Largest, between, last

GPU = "h100-80gb"
IN_ANT: dict[str, Any] = {"env": "ant", "gpu": GPU}
SPEC = "w = 16\ndepth = 8\nn = dense{w}, (dense{w}, ln)*{depth/4}"


def largest(free: str, spec: str = "wang2025/base", **options: Any) -> Largest:
    found = archlang.solve(spec, free=free, **(IN_ANT | options))
    assert isinstance(found, Largest)
    return found


def equal(free: str, params: Any, spec: Any = "wang2025/base") -> Equal:
    found = archlang.solve(spec, free=free, params=params, env="ant")
    assert isinstance(found, Equal)
    return found


def fits(values: dict[str, Any], **settings: Any) -> bool | None:
    return archlang.estimate(archlang.load("wang2025/base", values), env="ant", gpu=GPU, **settings).fits


# --- the largest that fits ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["batch_size", "num_envs", "replay_rows"])
def test_a_setting_is_as_large_as_fits(name: str) -> None:
    found = largest(name)
    assert (found.name, found.limit, found.estimate.fits) == (name, None, True)
    assert fits({}, **{name: found.value}) is True
    assert fits({}, **{name: found.value + 1}) is False


@pytest.mark.parametrize(("name", "step"), [("depth", 4), ("width", 1)])
def test_a_definition_is_as_large_as_fits_and_as_the_specification_takes(name: str, step: int) -> None:
    found = largest(name)
    assert found.value % step == 0
    assert fits({name: found.value}) is True
    assert fits({name: found.value + step}) is False


def test_a_setting_that_is_too_large_as_it_is_comes_down() -> None:
    found = largest("replay_rows", gpu="custom:1GB")
    assert 0 < found.value < 10_000
    assert found.estimate.fits


def test_a_setting_that_another_bounds_says_so() -> None:
    found = largest("batch", num_envs=2)
    assert found.name == "batch_size"
    assert found.limit is not None
    assert found.limit.startswith("batch_size is at most num_envs x prefill_rows")
    assert found.limit.endswith(f"got {found.value + 1}")


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("num_envs", {"batch_size": 4096, "prefill_rows": 4, "remat": "full"}),
        ("replay_rows", {"unroll_length": 20_000}),
        ("replay_rows", {"prefill_rows": 20_000}),
    ],
)
def test_a_setting_of_which_others_need_more_may_be_larger_than_it_is(name: str, options: dict[str, Any]) -> None:
    with pytest.raises(DiagnosticError, match="E0603"):
        fits({}, **options)
    found = largest(name, **options)
    assert fits({}, **options, **{name: found.value}) is True
    assert fits({}, **options, **{name: found.value + 1}) is False


def test_a_setting_of_which_others_need_more_than_fits_gets_the_verdict() -> None:
    with pytest.raises(DiagnosticError, match="E0501"):
        largest("replay_rows", prefill_rows=2**22)


def test_other_options_stand() -> None:
    assert largest("batch", remat="full").value > largest("batch").value > largest("batch", margin=0.5).value
    assert largest("depth", optimizer="sgd").value > largest("depth").value
    assert largest("depth", batch_size=4096).value < largest("depth").value


def test_the_first_point_of_a_grid_counts() -> None:
    assert largest("batch", spec="wang2025/depth").value == largest("batch").value
    assert largest("depth", spec="wang2025/depth").value == largest("depth").value


def test_without_an_environment_it_is_an_update() -> None:
    found = largest("w", spec=SPEC, env=None, in_features=8, gpu="t4-16gb")
    more = archlang.estimate(SPEC.replace("w = 16", f"w = {found.value + 1}"), in_features=8, gpu="t4-16gb")
    assert (found.estimate.fits, more.fits) == (True, False)
    assert largest("batch", spec=SPEC, env=None, in_features=8).value > 512


def test_values_that_leave_a_remainder_are_left_out() -> None:
    odd = "depth = 5\nn = dense8, (dense8)*{(depth - 1) / 4}, (dense8)*{(depth + 5) / 2}"
    assert (largest("depth", spec=odd, env=None, in_features=8, gpu="custom:0.01GB").value - 5) % 4 == 0


def test_a_value_that_reaches_the_limits_of_the_language_says_so() -> None:
    found = largest("w", spec="w = 4\nn = dense{w}, dense1", env=None, in_features=1, gpu="custom:9000GB", batch_size=1)
    assert found.value <= MAX_WIDTH
    assert found.limit is None or str(MAX_WIDTH) in found.limit


@pytest.mark.parametrize(("free", "gpu"), [("depth", "custom:0.1GB"), ("num_envs", "custom:0.1GB"), ("batch", "custom:0.01GB")])
def test_where_nothing_fits_the_verdict_says_it(free: str, gpu: str) -> None:
    with pytest.raises(DiagnosticError, match="E0501") as refused:
        largest(free, gpu=gpu)
    (found,) = refused.value.diagnostics
    assert f"no value of `{'batch_size' if free == 'batch' else free}` makes it fit" in found.notes


@pytest.mark.parametrize("goal", range(12))
@pytest.mark.parametrize("start", [0, 1, 5, 40])
def test_the_search_finds_the_last_that_holds(goal: int, start: int) -> None:
    """Whether there are values before the first that is one, or not; never in more steps than twice the digits."""
    for first in {0, min(goal, start), goal}:
        asked: list[int] = []

        def holds(value: int, first: int = first, asked: list[int] = asked) -> bool | None:
            asked.append(value)
            return None if value < first else value <= goal

        assert last(holds, max(start, first)) == goal
        assert len(asked) <= 16
    assert last(lambda value: None if value < 3 else False, start + 3) is None
    assert between(lambda value: value <= goal, 0, 10**18) == goal


# --- a budget of parameters -----------------------------------------------------------------------------------------------


def params(values: dict[str, Any]) -> int:
    found = archlang.check(archlang.load("wang2025/base", values), env="ant").params
    assert found is not None
    return found


@pytest.mark.parametrize(("name", "step"), [("depth", 4), ("width", 1)])
def test_the_nearest_value_is_nearer_than_its_neighbours(name: str, step: int) -> None:
    (row,) = equal(name, "13M").rows
    value = row.values[name]
    assert isinstance(value, int)
    assert row.params == params({name: value})
    assert row.deviation == row.params / 13_000_000 - 1
    assert abs(row.params - 13_000_000) < min(abs(params({name: value + more}) - 13_000_000) for more in (-step, step))


def test_each_depth_has_the_width_that_comes_nearest() -> None:
    found = equal("width,depth", "13M")
    depths = [row.values["depth"] for row in found.rows]
    assert depths == [2**k for k in range(2, len(depths) + 2)]
    assert 1024 in depths
    widths = [row.values["width"] for row in found.rows]
    assert widths == sorted(widths, key=int, reverse=True)
    for row in found.rows[:6]:
        assert row.params == params(dict(row.values))
        assert abs(row.deviation) < 0.003
    assert all(abs(row.deviation) <= 0.05 for row in found.rows)


def test_the_second_of_two_is_given_and_the_first_is_sought() -> None:
    found = equal("depth,width", "13M")
    assert [row.values for row in found.rows if row.values["width"] == 256] == [{"width": 256, "depth": 64}]


def test_an_axis_gives_its_values_in_its_order() -> None:
    found = equal("width,depth", 2_000_000, spec=archlang.read("wang2025/base", {"depth": "64 | 8 | {4*1}"}))
    assert [row.values["depth"] for row in found.rows] == [64, 8, "{4*1}"]
    assert found.rows[2].params == params({"depth": 4, "width": found.rows[2].values["width"]})


def test_what_was_asked_for_is_told_however_far_it_is_if_one_is_near() -> None:
    rows = equal("width,depth", 1000, spec=archlang.read("wang2025/base", {"depth": "4 | 8 | 1024"})).rows
    assert [row.values["depth"] for row in rows] == [4, 8, 1024]
    assert [abs(row.deviation) < 0.5 for row in rows] == [True, True, False]
    (row,) = equal("depth", "1M").rows
    assert (row.values, round(row.deviation, 2)) == ({"depth": 4}, -0.15)


@pytest.mark.parametrize(
    ("free", "budget", "axis", "said", "nearest"),
    [
        ("width", "10", "64", "no width comes within 50% of 10 parameters", {"width": 1}),
        ("depth", "400k", "64", "no depth comes within 50% of 400,000 parameters", {"depth": 4}),
        ("width,depth", "10", "64", "no width and depth come within 5% of 10 parameters", {"width": 1, "depth": 4}),
        ("width,depth", "100", "4 | 8", "no width and depth come within 50% of 100 parameters", {"width": 1, "depth": 4}),
    ],
)
def test_what_is_too_far_is_no_answer_and_the_nearest_is_told(
    free: str, budget: str, axis: str, said: str, nearest: dict[str, int]
) -> None:
    spec = archlang.read("wang2025/base", {"depth": axis}) if "|" in axis else "wang2025/base"
    with pytest.raises(DiagnosticError) as refused:
        equal(free, budget, spec=spec)
    (found,) = refused.value.diagnostics
    assert (found.code, found.message) == ("E0603", said)
    values = ", ".join(f"{name} = {value}" for name, value in nearest.items())
    assert found.help == f"the nearest, {values}, gives {params(nearest):,}"


def test_values_that_are_no_powers_of_two_are_to_be_given(archlang: Any) -> None:
    words = ("solve", "w = 4\nn = 3\nnet = dense{w}, (dense{w})*{n/3}", "--in", "4", "--params", "1k", "--free", "w,n")
    assert "takes no power of two for `n`" in archlang(*words).err
    assert archlang(*words, "--set", "n=3 | 6", "--json").json["rows"][1]["values"] == {"n": 6, "w": 21}


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("13M", 13_000_000),
        ("200k", 200_000),
        ("1.5B", 1_500_000_000),
        ("12_917_410", 12_917_410),
        ("1,000", 1000),
        (" 2m", 2_000_000),
    ],
)
def test_a_number_of_parameters(text: str, number: int) -> None:
    assert budget_of(text) == number


# --- what cannot be -------------------------------------------------------------------------------------------------------

BASE = ("solve", "wang2025/base", "--env", "ant")


@pytest.mark.parametrize(
    ("words", "said", "help"),
    [
        (("--free", "depth"), "there is nothing to meet", "`--params`"),
        (("--free", "depth", "--gpu", GPU, "--params", "13M"), "is met on any GPU", "leave `--gpu` away"),
        (("--gpu", GPU), "nothing is free", "what can be: batch_size, num_envs, replay_rows, width, depth"),
        (("--params", "13M"), "nothing is free", "what can be: width, depth"),
        (("--params", "13M", "--free", "batch"), "there is no `batch_size` to solve for", "what can be: width, depth"),
        (("--gpu", GPU, "--free", "dpth"), "there is no `dpth` to solve for", "did you mean `depth`?"),
        (("--gpu", GPU, "--free", "unit"), "there is no `unit` to solve for", "what can be"),
        (("--gpu", GPU, "--free", "batch,depth"), "one thing is free at a time", "`--free batch_size`"),
        (("--params", "13M", "--free", "depth,depth"), "`depth` is free twice", ""),
        (
            ("--params", "13M", "--free", "width", "--set", "width=8"),
            "`--set width` changes nothing: `width` is free",
            "leave it",
        ),
        (("--params", "13M", "--free", "width", "--set", "width=8|9"), "`--set width` changes nothing", "leave it away"),
        (("--params", "13M", "--free", "width,depth", "--set", "width=8|9"), "`--set width` changes nothing", "leave it away"),
        (("--params", "13M", "--free", "width,depth", "--set", "depth=8"), "`--set depth` changes nothing", "several values"),
        (("--gpu", GPU, "--free", "depth", "--set", "depth=8"), "`--set depth` changes nothing: `depth` is free", "leave it"),
        (
            ("--gpu", GPU, "--free", "batch", "--batch", "4"),
            "`--batch-size` changes nothing: `batch_size` is free",
            "leave it away",
        ),
        (("--params", "13M", "--free", "depth", "--batch", "4"), "`--batch-size` changes nothing", ""),
        (("--params", "many", "--free", "depth"), "`many` is no number of parameters", "`13M`"),
        (("--params", "0", "--free", "depth"), "`0` is no number of parameters", "`13M`"),
        (("--params", "-3", "--free", "depth"), "`-3` is no number of parameters", "`13M`"),
        (("--params", "9" * 5000, "--free", "depth"), "is no number of parameters", "`13M`"),
        (("--params", "1", "--free", "width,depth"), "no width and depth come within 5%", ""),
    ],
)
def test_what_cannot_be_solved_is_refused(archlang: Any, words: tuple[str, ...], said: str, help: str) -> None:
    outcome = archlang(*BASE, *words)
    assert (outcome.code, outcome.out) == (1, "")
    assert "error[E0603]" in outcome.err
    assert said in outcome.err
    assert help in outcome.err


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"params": "13M", "batch_size": 64}, "`--batch-size` changes nothing in a number of parameters"),
        ({"params": "13M", "margin": 0.2}, "`--margin` changes nothing in a number of parameters"),
        ({"params": "13M", "unroll": 2}, "`--unroll` changes nothing in a number of parameters"),
        ({"params": "13M", "gpu": GPU}, "a number of parameters is met on any GPU"),
        ({}, "there is nothing to meet"),
        ({"gpu": GPU, "depth": 8}, "there is no setting `depth`"),
        ({"gpu": GPU, "free": 4}, "what is free is given by its name; got 4"),
        ({"params": 13_000_000, "free": ["width", "depth"]}, "what is free is given by its name; got ['width', 'depth']"),
        ({"gpu": GPU, "free": None}, "nothing is free"),
        ({"gpu": GPU, "in_features": 8}, "`--in` changes nothing with an environment"),
    ],
)
def test_python_is_refused_what_the_command_line_is(options: dict[str, Any], said: str) -> None:
    given: dict[str, Any] = {"env": "ant", "free": "width"}
    with pytest.raises(DiagnosticError) as refused:
        archlang.solve("wang2025/base", **(given | options))
    (found,) = refused.value.diagnostics
    assert (found.code, said in found.message) == ("E0603", True)


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("dense{w}", "--in", "4", "--gpu", GPU, "--free", "batch"), "E0201"),
        (("wang2025/base", "--gpu", GPU, "--free", "batch"), "E0305"),
        (("w = 4\nn = dense{w}", "--params", "1k", "--free", "w"), "E0604"),
        (("w = 4\nn = dense8, dense{w}", "--in", "4", "--gpu", "h100", "--free", "w"), "E0502"),
        (("w = 4\nn = dense4, dropout{w/8}", "--in", "4", "--gpu", GPU, "--free", "w"), "E0"),
        (("r = 0.5\nn = dense4, dropout{r}", "--in", "4", "--params", "9", "--free", "r"), "E0603"),
        (("w = 4\nn = dense8, dense{w}", "--in", "4", "--gpu", GPU, "--free", "num_envs"), "E0603"),
    ],
)
def test_other_mistakes_are_told_as_ever(archlang: Any, words: tuple[str, ...], code: str) -> None:
    outcome = archlang("solve", *words, "--json")
    assert (outcome.code, outcome.err) == (1, "")
    assert not any(outcome.json[key] for key in ("value", "rows") if key in outcome.json)
    assert outcome.json["diagnostics"][0]["code"].startswith(code)


LIST = "n = [8, 16]\nw = 4\nnet = <dense{n}>, dense{w}"


def test_a_list_is_not_taken_for_a_number(archlang: Any) -> None:
    for goal in (("--params", "9k"), ("--gpu", GPU)):
        outcome = archlang("solve", LIST, "--in", "4", "--free", "n", *goal)
        assert outcome.code == 1
        assert "`n` is a list of numbers, and one number is sought" in outcome.err
        assert "`n = [{w}, {w}]`" in outcome.err
    assert archlang("solve", LIST.replace("8, 16", "{w}, {w}"), "--in", "4", "--params", "9k", "--free", "w").code == 0
    assert "what can be: w\n" in archlang("solve", LIST, "--in", "4", "--params", "9k").err


@pytest.mark.parametrize(
    ("axis", "code", "said"),
    [
        ("4 | 6", "E0207", "note: with depth = 6\n"),
        ("6 | 4", "E0207", "note: with depth = 6\n"),
        ("4 | 1.5", "E0207", "note: with depth = 1.5\n"),
        ("4 | x", "E0603", "`depth` = x is no number"),
    ],
)
def test_a_value_of_an_axis_that_cannot_be_is_named(archlang: Any, axis: str, code: str, said: str) -> None:
    outcome = archlang(*BASE, "--params", "13M", "--free", "width,depth", "--set", f"depth={axis}")
    assert (outcome.code, outcome.out) == (1, "")
    assert f"error[{code}]" in outcome.err
    assert said in outcome.err


def test_at_most_two_definitions_are_free(archlang: Any) -> None:
    outcome = archlang(
        "solve", "a = 1\nb = 2\nc = 3\nn = dense{a}, dense{b}, dense{c}", "--in", "4", "--params", "9", "--free", "a,b,c"
    )
    assert outcome.code == 1
    assert "at most two definitions are free" in outcome.err
    assert "`--free a,b`" in outcome.err


# --- the command ----------------------------------------------------------------------------------------------------------


SETTINGS = ("--energy mrn", "--loss symmetric_infonce", "--explore-best-of 64", "--unroll-length 500")


@pytest.mark.parametrize("option", [*SETTINGS, "--updates-per-unroll 1000000", "--prefill-rows 500"])
def test_the_answer_holds_for_the_settings_of_the_run(archlang: Any, option: str) -> None:
    """Each changes something, and `archlang estimate` says the same of that program; one more does not fit."""
    words = (*BASE[1:], "--gpu", GPU, "--batch", "16384")
    about = archlang("solve", *words, *option.split(), "--free", "num_envs", "--json").json
    assert about != archlang("solve", *words, "--free", "num_envs", "--json").json
    value = about.pop("value")
    estimated = archlang("estimate", *words, *option.split(), "--num-envs", str(value), "--json").json
    assert about == {"free": "num_envs", "limit": "memory"} | estimated
    assert archlang("estimate", *words, *option.split(), "--num-envs", str(value + 1)).code == 1


def test_the_command_tells_the_largest_with_its_estimate(archlang: Any) -> None:
    found = largest("depth")
    outcome = archlang(*BASE, "--gpu", GPU, "--free", "depth")
    assert (outcome.code, outcome.err) == (0, "")
    assert outcome.out.startswith(f"depth = {found.value:,} is the largest that fits {GPU}\n")
    assert f"fits {GPU}: " in outcome.out
    about = archlang(*BASE, "--gpu", GPU, "--free", "depth", "--json").json
    assert (about["free"], about["value"], about["limit"], about["fits"]) == ("depth", found.value, "memory", True)
    assert about["memory"]["total"] == found.estimate.total
    bounded = archlang(*BASE, "--gpu", GPU, "--free", "batch", "--num-envs", "2")
    assert "\nmore cannot be: batch_size is at most" in bounded.out


@pytest.mark.parametrize("free", ["depth", "num_envs"])
def test_where_nothing_fits_programs_get_the_estimate_and_what_mends_it(archlang: Any, free: str) -> None:
    words = (*BASE, "--gpu", "t4-16gb", "--free", free, "--json")
    outcome = archlang(*words, *(("--num-envs", "16384") if free == "depth" else ("--set", "depth=8192")))
    assert (outcome.code, outcome.err) == (1, "")
    about = outcome.json
    assert (about["free"], about["value"], about["limit"], about["fits"]) == (free, None, "memory", False)
    assert about["memory"]["total"] > about["memory"]["budget"]
    assert any(fix["option"] == ("--replay-rows" if free == "depth" else "--gpu") for fix in about["fixes"])
    (found,) = about["diagnostics"]
    assert f"no value of `{free}` makes it fit" in found["notes"]


def test_the_keys_do_not_depend_on_failure(archlang: Any) -> None:
    def keys(*words: str) -> set[str]:
        return set(archlang(*words, "--json").json)

    estimate = ("estimate", *BASE[1:])
    assert keys(*estimate) == keys(*estimate, "--gpu", "t4") == keys("estimate", "dense{w}")
    fits = keys(*BASE, "--gpu", GPU, "--free", "depth")
    assert fits == keys(*BASE, "--gpu", GPU, "--free", "dpth") == keys(*BASE, "--gpu", "custom:0.1GB", "--free", "depth")
    assert fits == keys(*estimate) | {"free", "value", "limit"} == keys(*BASE)
    assert keys(*BASE, "--params", "13M", "--free", "depth") == keys(*BASE, "--params", "13", "--free", "dpth")


def test_the_command_prints_a_row_for_each_depth(archlang: Any) -> None:
    words = (*BASE, "--set", "depth=4|64", "--params", "12_787_600", "--free", "width,depth")
    outcome = archlang(*words)
    assert (outcome.code, outcome.err) == (0, "")
    lines = [line.split() for line in outcome.out.splitlines()]
    assert lines[0] == ["depth", "width", "parameters", "off", "by"]
    assert lines[2] == ["64", "256", "12,787,600", "+0.00%"]
    about = archlang(*words, "--json").json
    assert (about["budget"], about["free"], len(about["rows"])) == (12_787_600, ["width", "depth"], 2)
    assert about["rows"][1] == {"values": {"depth": 64, "width": 256}, "params": 12_787_600, "deviation": 0.0}
    assert about["diagnostics"] == []


def test_it_says_which_point_of_a_grid_it_looked_at(archlang: Any) -> None:
    grid = ("solve", "w = 8\nd = 4 | 8\nnorm = ln | id\nnet = (dense{w}, norm)*{d}", "--in", "8", "--set", "w=8")
    note = "note: d = 4, norm = ln: the first of 4 points; `--set` picks another\n"
    assert archlang(*grid, "--gpu", GPU, "--free", "batch").err == note
    note = "note: norm = ln: the first of 2 points; `--set` picks another\n"
    assert archlang(*grid, "--params", "1k", "--free", "d").err == note


def test_the_page_has_the_rows_that_are_found() -> None:
    page = (Path(__file__).parent.parent / "docs" / "estimating.md").read_text()
    rows = [row for row in equal("width,depth", "13M").rows if row.values["depth"] in (4, 16, 64, 256, 1024)]
    assert len(rows) == 5
    for row in rows:
        assert f"| {row.values['depth']} | {row.values['width']} | {row.params:,} | {row.deviation:+.2%} |" in page


def test_a_definition_may_have_the_name_of_a_setting(archlang: Any) -> None:
    words = ("solve", "num_envs = 4\nnetwork = (dense64)*{num_envs}", "--in", "64", "--free", "num_envs")
    outcome = archlang(*words, "--params", "1M", "--json")
    assert outcome.json["rows"][0]["values"] == {"num_envs": 240}
    outcome = archlang(
        "solve", "batch_size = 4\nnetwork = (dense64)*{batch_size}", "--in", "64", "--free", "batch_size", "--gpu", "t4-16gb"
    )
    assert outcome.code == 1
    assert "`batch_size` is a setting of the run and a definition" in outcome.err


@pytest.mark.slow
def test_values_that_are_not_evenly_apart_are_all_looked_at(archlang: Any) -> None:
    outcome = archlang("solve", "wang2025/base", "--env", "ant", "--gpu", "t4-16gb", "--free", "depth", "--json")
    assert outcome.json["limit"] == "memory"
    outcome = archlang("solve", "jaxgcrl_skip", "--env", "ant", "--gpu", "t4-16gb", "--free", "skip", "--json")
    about = json.loads(outcome.out)
    skip = about["value"]
    assert "up to 1,024" in about["limit"]
    for more in range(skip + 1, 4 * skip):
        assert archlang("estimate", "jaxgcrl_skip", "--env", "ant", "--gpu", "t4-16gb", "--set", f"skip={more}").code == 1


@pytest.mark.parametrize(
    ("text", "free", "said"),
    [
        ("w = 3\nnetwork = dense{4096-w}, dense64", "w", "more `w` does not always take more"),
        ("n = 4\nnetwork = (dense64)*{4+n-n}", "n", "`n` changes nothing"),
    ],
)
def test_what_a_search_would_answer_falsely_is_refused(archlang: Any, text: str, free: str, said: str) -> None:
    for goal in (("--params", "100k"), ("--gpu", "t4-16gb")):
        outcome = archlang("solve", text, "--in", "64", "--free", free, *goal)
        assert outcome.code == 1
        assert said in outcome.err


@pytest.mark.parametrize("budget", ["1,3M", "13,M", "1__3M", "200\u212a"])
def test_a_budget_that_can_be_misread_is_refused(archlang: Any, budget: str) -> None:
    assert archlang("solve", "wang2025/base", "--env", "ant", "--params", budget, "--free", "width").code == 1


def test_thousands_may_be_set_apart(archlang: Any) -> None:
    words = ("solve", "wang2025/base", "--env", "ant", "--free", "width", "--json", "--params")
    assert archlang(*words, "13,000,000").json["budget"] == archlang(*words, "13M").json["budget"]


@pytest.mark.parametrize("setting", [{"remat": "full"}, {"unroll": 4}])
def test_a_depth_is_sought_where_its_smallest_values_cannot_be_run_so(setting: dict[str, Any]) -> None:
    text, widths = "n = 8\nnet = (dense64, ln)*{n}", {"in_features": 64, "gpu": "t4-16gb"}
    found = archlang.solve(text, free="n", **widths, **setting)
    assert isinstance(found, Largest)
    more = archlang.load(text, {"n": found.value + 1})
    assert found.estimate.fits
    assert not archlang.estimate(more, **widths, **setting).fits


def test_what_is_free_need_not_be_right_as_it_is_written() -> None:
    text = "w = 8\nd = 2\nnet = dense{w}, (dense{w}, dense{w/d}, dense{w})*2"
    found = archlang.solve(archlang.read(text, {"d": "3"}), free="w", params="13k", in_features=8)
    assert isinstance(found, Equal)
    assert [row.values for row in found.rows] == [{"w": 60}]


def test_why_there_is_nothing_to_seek_among_is_told(archlang: Any) -> None:
    done = archlang("solve", "w = 8 | 16\nnet = (dense{w}, ln)*4", "--in", "8", "--gpu", "h100-80gb", "--free", "w")
    assert "takes no two small whole numbers for `w`" in done.err
    assert "with 9: a stack must keep its width" in done.err


def test_a_part_of_a_parameter_is_no_budget(archlang: Any) -> None:
    done = archlang("solve", "w = 8\nnet = dense{w}", "--in", "8", "--params", "1.5", "--free", "w")
    assert "`1.5` is no number of parameters" in done.err
