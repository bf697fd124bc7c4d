"""Right programs: what a text means, that equal texts mean equal networks, and that no text is too much for the compiler."""

from __future__ import annotations

import subprocess
import sys
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

import archlang
from archlang import ir
from archlang.limits import MAX_FILE_BYTES, MAX_NESTING


def meaning(text: str) -> ir.Expression:
    (network,) = archlang.parse(text).networks.values()
    return network.body


# --- what a text means ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("dense256", "dense(256)"),
        ("dense256", "dense(features=256)"),
        ("dense(256, true)", "dense256(bias=true)"),
        ("dense(256, init=lecun_uniform)", "dense256"),
        ("4xln", "4x ln"),
        ("4x ln*3", "4x (ln*3)"),
        ("ln*2*3", "(ln*2)*3"),
        ("<dense4, ln>", "dense4, ln"),
        ("(dense4, ln)", "<dense4,\n  ln>"),
        ("res(dense4, ln)", "res(<dense4, ln>)"),
        ("dense{3 + 2*4 - 1}", "dense10"),
        ("dense{(3 + 2)*4}", "dense20"),
        ("dense{-3 + 8/2}", "dense1"),
        ("{2}x ln", "2x ln"),
        ("(ln)*{2*2}", "(ln)*4"),
        ("w = 4\nnet = dense{w}", "dense4"),
        ("w = 4\nn = {w*2}\nnet = dense{n}", "dense8"),
        ("unit = <dense4, ln>\nnet = 2x unit", "2x<dense4, ln>"),
        ("net = unit, unit\nunit = ln", "ln, ln"),
        ("@remat(full) (ln)*3", "ln*3"),
        ("@unroll(2) @remat(full) (ln)*3", "ln*3"),
        ("ln # layer norm\n, rms", "ln, rms"),
        ("ln,\r\n\trms", "ln, rms"),
        ("par(ln; rms)", "par(ln; rms, join=sum)"),
        ("net = dense4(\n  bias = false\n)", "dense(4, bias=false)"),
    ],
)
def test_two_texts_mean_the_same(one: str, other: str) -> None:
    assert meaning(one) == meaning(other)
    assert hash(meaning(one)) == hash(meaning(other))


@pytest.mark.parametrize(
    ("one", "other"),
    [("4x ln", "ln*4"), ("ln, rms", "rms, ln"), ("dense4", "dense5"), ("@dtype(bf16) ln", "ln"), ("res(ln)", "ln")],
)
def test_two_texts_mean_different_things(one: str, other: str) -> None:
    assert meaning(one) != meaning(other)


def test_a_file_gives_its_roles_or_what_nothing_uses() -> None:
    assert list(archlang.parse("a = ln\nb = a\nc = rms\nn = 3").networks) == ["b", "c"]
    assert list(archlang.parse("c = ln\ng_encoder = c\nactor = c, gaussian2\nd = c").networks) == ["actor", "g_encoder"]


def test_bind_gives_another_value_and_leaves_the_first_alone() -> None:
    spec = archlang.parse("depth = 8\nnorm = ln\nnet = (dense4, norm)*{depth/4}")
    bound = spec.bind(depth=16, norm="rms").bind(depth=12)
    assert bound.networks["net"].body == meaning("(dense4, rms)*3")
    assert spec.networks["net"].body == meaning("(dense4, ln)*2")


def test_a_binding_gives_another_grid_whatever_was_asked_before() -> None:
    spec = archlang.parse("w = 8 | 16\nnet = dense{w}")
    assert spec.grid == {"w": ("8", "16")}
    assert spec.bind(w="4 | 5 | 6").grid == {"w": ("4", "5", "6")}
    assert spec.bind(w=4).grid == {}
    assert spec.grid == {"w": ("8", "16")}


@pytest.mark.parametrize(
    ("values", "code"),
    [({"dpeth": 4}, "E0201"), ({"depth": "6"}, "E0207"), ({"depth": "4\nnorm = rms"}, "E0101"), ({"depth": ""}, "E0101")],
)
def test_a_wrong_binding_is_refused(values: dict[str, Any], code: str) -> None:
    with pytest.raises(archlang.SpecError) as caught:
        archlang.parse("depth = 8\nnet = (dense4)*{depth/4}").bind(**values)
    assert [diagnostic.code for diagnostic in caught.value.diagnostics] == [code]


def test_unknown_widths_leave_out_what_depends_on_them() -> None:
    report = archlang.check("g_encoder = dense8, ln, dense64\nactor = swish, gaussian2")
    assert report.networks["g_encoder"].as_json() | {"hash": ""} == {
        "in": None,
        "out": 64,
        "params": None,
        "dense_layers": 2,
        "hash": "",
    }
    assert report.params is None


# --- limits -----------------------------------------------------------------------------------------------------------


def nested(depth: int, opening: str = "res(", closing: str = ")") -> str:
    return opening * depth + "dense4" + closing * depth


@pytest.mark.parametrize(
    ("opening", "closing", "levels"),
    [("(", ")", 1), ("res(", ")", 1), ("par(ln; ", ")", 1), ("1x<ln, ", ">", 2), ("(", "*1)", 2), ("@dtype(bf16) ", "", 1)],
)
def test_the_deepest_nesting_that_is_allowed_works(opening: str, closing: str, levels: int) -> None:
    network = archlang.parse(nested(MAX_NESTING // levels, opening, closing)).networks["network"]
    assert ir.Network.model_validate_json(network.model_dump_json()).body == network.body
    with pytest.raises(archlang.SpecError, match="E0104"):
        archlang.parse(nested(MAX_NESTING // levels + 1, opening, closing))


@pytest.mark.parametrize(
    "text",
    [
        "\n".join([*(f"a{i} = res(a{i + 1})" for i in range(100)), "a100 = ln"]),
        "\n".join(["a0 = ln", *(f"a{i + 1} = a{i}" for i in range(3000))]),
        "\n".join([*(f"a{i} = a{i + 1}" for i in range(3000)), "a3000 = ln"]),
        "1x " * 20000 + "ln",
        "ln" + "*1" * 30000,
        "@dtype(bf16) " * 5000 + "ln",
        "\n".join([*(f"a{i} = res(1x (a{i + 1}))" for i in range(100)), "a100 = ln"]),
        "\n".join(["a100 = ln", *(f"a{i} = res(1x (a{i + 1}))" for i in reversed(range(100)))]),
    ],
)
def test_nesting_through_definitions_and_repeats_has_the_same_limit(text: str) -> None:
    with pytest.raises(archlang.SpecError, match=r"E0104|E0209"):
        archlang.parse(text)


MISSPELT = [f"foo{i}x" for i in range(20)]
QUICK = {
    "repeats of repeats": "1x " * 40 + "ln",
    "repeats of repeats that change the width": "1x " * 40 + "dense4",
    "many unknown names": "".join(f"name{i} = nema{i}\n" for i in range(3000)),
    "long unknown names": "".join(f"{'a' * 150}{i} = {'a' * 149}b{i}\n" for i in range(150)),
    "many empty lines": "a =" + "\n" * 60_000 + "+",
    "many networks of one body": f"a = {'ln,' * 2999}ln\nb = a, a, a\n" + "".join(f"n{i} = b\n" for i in range(3000)),
    "numbers that refer to numbers": "".join(f"a{i} = {{a{i + 1}}}\n" for i in range(3000)) + "a3000 = 1\nn = ln*{a0}",
    "long arithmetic in many copies": "w = [" + ",".join(["8"] * 1500) + "]\nn = <dense{w" + "+0" * 12_000 + "}>",
    "many things in one body": "a = ln\nn = res(" + ",".join("a" * 30_000) + ")",
    "misspelt names in a grid": "d = " + "|".join(map(str, range(1, 1001))) + "\nn = dense{d}, " + ",".join(MISSPELT),
    "a ring of numbers": "".join(f"a{i} = {{a{(i + 1) % 3000}}}\n" for i in range(3000)) + "n = ln*{a0}",
}


@pytest.mark.timeout(20)  # they took minutes, or for ever
@pytest.mark.parametrize("text", QUICK.values(), ids=QUICK)
def test_no_text_takes_long(text: str) -> None:
    with suppress(archlang.SpecError):
        archlang.check(archlang.parse(text), in_features=8)


def test_a_definition_may_have_any_name_in_bind() -> None:
    spec = archlang.parse("self = 3\naction_dim = 4\nnet = (dense{self})*{action_dim}")
    assert spec.bind({"self": 5, "action_dim": 2}).networks["net"].body == meaning("dense5*2")


@pytest.mark.parametrize(
    ("text", "value", "same"),
    [
        ("w = 4\nnet = dense{w}", (512, 256), "dense512, dense256"),
        ("w = 4\nnet = dense{w}", [3], "dense3"),
        ("w = 0.5\nnet = leaky{w}", -3, "leaky{-3}"),
        ("w = 0.5\nnet = leaky{w}", 1e20, "leaky(1e20)"),
        ("w = [1]\nnet = leaky{w}", (-3, 0.5), "leaky{-3}, leaky0.5"),
    ],
)
def test_a_binding_is_a_number_or_a_list_from_python(text: str, value: Any, same: str) -> None:
    assert archlang.parse(text).bind(w=value).networks["net"].body == meaning(same)


def test_a_written_list_counts_once_for_all_its_copies() -> None:
    assert archlang.parse(f"dense([{', '.join(['8'] * 2000)}])").networks["network"].body == meaning(
        ", ".join(["dense8"] * 2000)
    )


def test_an_expression_has_the_axes_and_the_settings_of_what_it_needs(tmp_path: Path) -> None:
    (tmp_path / "lib.arch").write_text("w = 8 | 16\nbad = 3\nhead = gaussian\nunit = <dense{w}, ln>")
    (tmp_path / "mine.arch").write_text('use "lib.arch"\nunit, head')
    spec = archlang.read(str(tmp_path / "mine.arch"))
    assert spec.grid == {"w": ("8", "16")}
    assert spec.takes_actions
    for wrong, code in (({"w": "8 | dens"}, "E0201"), ({"bad": 5}, "E0603")):
        with pytest.raises(archlang.SpecError, match=code):
            archlang.check(spec.bound(wrong, action_dim=2))


def test_a_binding_may_mend_the_text() -> None:
    assert archlang.load("w = 3\nnet = dense{w/2}", {"w": 4}).networks["net"].body == meaning("dense2")


@pytest.mark.parametrize("width", [0, -4, 2.5, 2**40, True])
def test_a_width_from_python_is_checked(width: Any) -> None:
    for ask in (
        lambda: archlang.check("ln", in_features=width),
        lambda: archlang.parse("ln").networks["network"].num_params(width),
        lambda: archlang.parse("gaussian").bind(action_dim=width),
    ):
        with pytest.raises(archlang.SpecError, match="E0204"):
            ask()


def test_networks_do_not_change() -> None:
    networks: Any = archlang.parse("ln").networks
    with pytest.raises(TypeError):
        networks["other"] = networks["network"]


def test_arithmetic_may_be_as_long_as_a_file() -> None:
    assert meaning("dense{" + "1+" * 30000 + "1}") == meaning("dense30001")
    assert meaning("dense{" + "-" * 60000 + "1}") == meaning("dense1")


def test_many_mistakes_are_counted_not_listed() -> None:
    with pytest.raises(archlang.SpecError, match="and 9980 more") as caught:
        archlang.parse("x," * 9999 + "y")
    assert len(caught.value.diagnostics) == 10_000


def test_doubling_definitions_stop_at_the_limit() -> None:
    text = "\n".join(["a0 = ln", *(f"a{i + 1} = a{i}, a{i}" for i in range(40))])
    with pytest.raises(archlang.SpecError, match=r"E0209.*writes out 16,384 nodes"):
        archlang.parse(text)


def test_a_large_text_is_refused_and_the_largest_is_not() -> None:
    body = "ln," * 5000
    assert archlang.parse(f"{body}ln #{'x' * (MAX_FILE_BYTES - len(body) - 4)}")
    with pytest.raises(archlang.SpecError, match="E0003"):
        archlang.parse("ln" + " " * MAX_FILE_BYTES)


def test_a_count_beyond_any_memory_is_only_a_number() -> None:
    network = archlang.parse("(dense256)*9223372036854775807").networks["network"]
    assert network.num_params(256) == 9223372036854775807 * 65792


# --- hashes -----------------------------------------------------------------------------------------------------------


def test_the_content_hash_is_the_same_in_every_process() -> None:
    text = "res(4x<dense256,ln,swish>)*250"
    program = f"import archlang; print(archlang.parse({text!r}).networks['network'].hash)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == archlang.parse(text).networks["network"].hash == "e911f4c16a55a9f2"
    assert archlang.parse(f"@remat(full) {text}  # other").networks["network"].hash == "e911f4c16a55a9f2"


@pytest.mark.parametrize("text", ["dense8, gaussian", "res(dense256)*4"])
def test_a_network_that_cannot_be_has_no_number_of_parameters(text: str) -> None:
    with pytest.raises(archlang.SpecError):
        archlang.parse(text).networks["network"].num_params(29)


def test_public_names_stay_what_they_are_when_a_module_has_the_same_name() -> None:
    for name in ("diff", "format", "parse"):
        public = getattr(archlang, name)
        import_module(f"archlang.{name}")
        assert getattr(archlang, name) is public
