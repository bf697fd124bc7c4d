"""The commands about specifications: expand, fmt, diff, emit, schema, explain, check --fix."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from running import Outcome

from archlang import ir
from archlang.emit import STAGES

GRID = "depth = 8 | 4\nnorm = ln | id\nnet = dense16, res(4x<dense16, norm>)*{depth/4}\n"


# --- expand -----------------------------------------------------------------------------------------------------------


def test_expand_lists_the_grid_with_parameters(archlang: Any) -> None:
    outcome = archlang("expand", GRID, "--in", "8")
    assert outcome.code == 0
    assert [line.split() for line in outcome.out.splitlines()] == [
        ["depth", "norm", "dense", "layers", "parameters"],
        ["8", "ln", "9", "2,576"],
        ["8", "id", "9", "2,320"],
        ["4", "ln", "5", "1,360"],
        ["4", "id", "5", "1,232"],
    ]


def test_expand_as_json_agrees_with_check_at_each_point(archlang: Any) -> None:
    data = json.loads(archlang("expand", GRID, "--in", "8", "--json").out)
    assert data["axes"] == {"depth": ["8", "4"], "norm": ["ln", "id"]}
    for point in data["points"]:
        settings = [word for name, value in point["set"].items() for word in ("--set", f"{name}={value}")]
        assert json.loads(archlang("check", GRID, "--in", "8", "--json", *settings).out)["params"] == point["params"]


@pytest.mark.parametrize(("setting", "points"), [("depth=8", 2), ("depth=4 | 8 | 12", 6), ("norm=rms", 2)])
def test_set_picks_and_narrows(archlang: Any, setting: str, points: int) -> None:
    assert len(json.loads(archlang("expand", GRID, "--in", "8", "--json", "--set", setting).out)["points"]) == points


def test_a_point_that_is_wrong_is_marked_and_the_others_are_counted(archlang: Any) -> None:
    outcome = archlang("expand", GRID, "--in", "8", "--set", "depth=8 | 6")
    assert outcome.code == 1
    rows = [line.split() for line in outcome.out.splitlines()[1:]]
    assert rows == [["8", "ln", "9", "2,576"], ["8", "id", "9", "2,320"], ["6", "ln", "E0207"], ["6", "id", "E0207"]]
    assert outcome.err.count("error[E0207]") == 1
    assert "with depth = 6" in outcome.err


def test_a_mistake_of_alternatives_that_read_alike_has_no_point(archlang: Any) -> None:
    outcome = archlang("check", "net = foo8 | foo8")
    assert outcome.err.count("error[E0201]") == 2
    assert "note:" not in outcome.err


def test_a_specification_without_axes_is_one_point(archlang: Any) -> None:
    assert archlang("expand", "dense4", "--in", "8").out.split() == ["dense", "layers", "parameters", "1", "36"]


@pytest.mark.parametrize("command", ["expand", "check"])
def test_a_grid_that_nobody_could_look_at_says_how_large_it_is(archlang: Any, command: str) -> None:
    text = "".join(f"a{i} = ln | id\n" for i in range(21)) + f"net = {', '.join(f'a{i}' for i in range(21))}"
    outcome = archlang(command, text)
    assert outcome.code == 1
    assert "error[E0211]: this grid has 2,097,152 points" in outcome.err


# --- fmt --------------------------------------------------------------------------------------------------------------

UGLY, NEAT = "w=4\n\n\nnet  =dense{ w },ln # why\n", "w = 4\n\nnet = dense{w}, ln  # why\n"


def test_fmt_rewrites_a_file_once(archlang: Any, tmp_path: Path) -> None:
    file = tmp_path / "mine.arch"
    file.write_text(UGLY)
    file.chmod(0o640)
    assert archlang("fmt", str(file)).out == f"{file} changed\n"
    assert file.read_text() == NEAT
    assert stat.S_IMODE(file.stat().st_mode) == 0o640
    assert archlang("fmt", str(file)) == Outcome(0, "", "")
    assert list(tmp_path.iterdir()) == [file]


def test_fmt_check_and_diff_change_nothing(archlang: Any, tmp_path: Path) -> None:
    file = tmp_path / "mine.arch"
    file.write_text(UGLY)
    assert archlang("fmt", "--check", str(file)) == Outcome(1, f"{file} would change\n", "")
    outcome = archlang("fmt", "--diff", str(file))
    assert outcome.code == 1
    assert [line for line in outcome.out.splitlines() if line[0] in "-+"][2:] == ["-w=4", "+w = 4", "-", f"-{UGLY.splitlines()[3]}", f"+{NEAT.splitlines()[2]}"]  # fmt: skip  # noqa: E501
    assert file.read_text() == UGLY


def test_fmt_prints_what_is_no_file(archlang: Any) -> None:
    assert archlang("fmt", "dense4 ,ln").out == "dense4, ln\n"


def test_fmt_leaves_a_wrong_file_alone(archlang: Any, tmp_path: Path) -> None:
    file = tmp_path / "mine.arch"
    file.write_text("net = dense4 ln")
    outcome = archlang("fmt", str(file))
    assert (outcome.code, file.read_text()) == (1, "net = dense4 ln")
    assert "E0101" in outcome.err


@pytest.mark.parametrize(("option", "left"), [([], NEAT), (["--check"], UGLY), (["--diff"], UGLY)])
def test_fmt_goes_on_behind_a_wrong_file(archlang: Any, tmp_path: Path, option: list[str], left: str) -> None:
    texts = {"a.arch": UGLY, "b.arch": "net = dense4 ln", "c.arch": UGLY, "e.arch": NEAT}
    for name, text in texts.items():
        (tmp_path / name).write_text(text)
    outcome = archlang("fmt", *option, *(str(tmp_path / f"{name}.arch") for name in "abcde"))
    assert outcome.code == 1
    assert [outcome.err.count(code) for code in ("E0101", "E0001", "error")] == [1, 1, 2]
    assert (tmp_path / "b.arch").read_text() == "net = dense4 ln"
    assert [(tmp_path / name).read_text() for name in ("a.arch", "c.arch", "e.arch")] == [left, left, NEAT]
    assert "c.arch" in outcome.out
    assert "e.arch" not in outcome.out


def test_fmt_goes_on_behind_a_file_that_cannot_be_written(
    archlang: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def replace(draft: Path, place: Path) -> None:
        if place.name == "a.arch":
            raise OSError(28, "No space left on device")
        os.replace(draft, place)

    monkeypatch.setattr(Path, "replace", replace)
    for name in ("a.arch", "b.arch"):
        (tmp_path / name).write_text(UGLY)
    outcome = archlang("fmt", str(tmp_path / "a.arch"), str(tmp_path / "b.arch"))
    assert outcome.code == 1
    assert "it is as it was" in outcome.err
    assert [(tmp_path / name).read_text() for name in ("a.arch", "b.arch")] == [UGLY, NEAT]


def test_the_shipped_specifications_are_in_canonical_layout(archlang: Any) -> None:
    folder = Path(__file__).parent.parent / "specs"
    files = [str(file) for file in sorted(folder.rglob("*.arch"))]
    assert archlang("fmt", "--check", *files) == Outcome(0, "", "")


# --- check --fix ------------------------------------------------------------------------------------------------------


def test_fix_mends_what_can_only_be_meant_in_one_way(archlang: Any, tmp_path: Path) -> None:
    file = tmp_path / "mine.arch"
    file.write_text("net = <dense16 layernorm, silu>, res(4×<dense１6>), swsh\n")
    outcome = archlang("check", str(file), "--in", "8", "--fix")
    assert outcome.code == 1
    assert file.read_text() == "net = <dense16, ln, swish>, res(4x<dense16>), swsh\n"
    assert f"{file}:1:17: `layernorm` → `ln`" in outcome.err.replace("1:16", "1:17")
    assert "did you mean `swish`?" in outcome.err


def test_fix_needs_a_file(archlang: Any) -> None:
    assert archlang("check", "dense4 ln", "--fix").code == 2


def test_fix_of_a_right_file_changes_nothing(archlang: Any, tmp_path: Path) -> None:
    file = tmp_path / "mine.arch"
    file.write_text("net = dense4  ,ln")
    assert archlang("check", str(file), "--fix").code == 0
    assert file.read_text() == "net = dense4  ,ln"


def test_a_full_disk_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    """A limit on the size of files stands in for a full disk."""
    file = tmp_path / "mine.arch"
    file.write_text(f"net = {'dense16 ,' * 500}ln")
    before = file.read_text()
    program = (
        "import resource, signal, sys; signal.signal(signal.SIGXFSZ, signal.SIG_IGN); "
        "resource.setrlimit(resource.RLIMIT_FSIZE, (64, 64)); "
        f"sys.argv = ['archlang', 'fmt', {str(file)!r}]; from archlang.__main__ import main; main()"
    )
    done = subprocess.run([sys.executable, "-B", "-c", program], capture_output=True, text=True)
    assert done.returncode == 1
    assert "it is as it was" in done.stderr
    assert "Traceback" not in done.stderr
    assert file.read_text() == before
    assert os.listdir(tmp_path) == ["mine.arch"]


@pytest.mark.parametrize("words", [["check", "dense4"], ["emit", "ir", "dense4"], ["specs"], ["schema"]])
def test_output_that_cannot_be_written_is_told_so(words: list[str]) -> None:
    command = [sys.executable, "-m", "archlang", *words]
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True)
    assert (done.returncode, done.stderr.strip()) == (1, "error[E0705]: the output cannot be written: No space left on device")


def test_a_reader_may_stop_early() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run([sys.executable, "-m", "archlang", "schema"], stdout=writer, stderr=subprocess.PIPE, text=True)
    os.close(writer)
    assert (done.returncode, done.stderr) == (1, "")


# --- diff, emit, schema, explain --------------------------------------------------------------------------------------


def test_diff_shows_what_changed_where_and_what_it_costs(archlang: Any) -> None:
    outcome = archlang("diff", "wang2025/base", "wang2025/base", "--set", "depth=256", "--env", "reacher")
    assert outcome.code == 0
    assert "res(4x<…>)*16 → res(4x<…>)*64" in outcome.out
    assert "+38,191,104" in outcome.out
    data = json.loads(archlang("diff", "wang2025/base", "wang2025/base", "--env", "reacher", "--json").out)
    assert {network["status"] for network in data["networks"].values()} == {"same"}


def test_emit_ir_reads_back_as_the_network(archlang: Any) -> None:
    data = json.loads(archlang("emit", "ir", "net = res(4x<dense8,ln>)*3", "--in", "8").out)
    network = ir.Network.model_validate_json(json.dumps(data["networks"]["net"]))
    assert network.body == parse("res(4x<dense8,ln>)*3")


def parse(text: str) -> ir.Expression:
    import archlang

    return archlang.parse(text).networks["network"].body


def test_emit_text_puts_every_definition_in(archlang: Any) -> None:
    text = "w = [16, 8]\nu(n) = <dense{w}, ln>, dense{n}\nnet = u(4), gaussian"
    assert (
        archlang("emit", "text", text, "--in", "3", "--action", "2").out == "net = dense16, ln, dense8, ln, dense4, gaussian2\n"
    )


def test_emit_canonical_and_rolled(archlang: Any) -> None:
    text = ", ".join(["res(dense8, id, ln)"] * 250)
    rolled = json.loads(archlang("emit", "rolled", text, "--in", "8").out)["networks"]["network"]["body"]
    assert (rolled["kind"], rolled["count"], rolled["stacked"]) == ("repeat", 250, True)
    canonical = json.loads(archlang("emit", "canonical", text, "--in", "8").out)["networks"]["network"]["body"]
    assert len(canonical["items"]) == 250
    assert [layer["name"] for layer in canonical["items"][0]["body"]["items"]] == ["dense", "ln"]


def test_emit_syntax_shows_each_node_with_its_place(archlang: Any) -> None:
    lines = archlang("emit", "syntax", "w = 4\nnet = dense{w}*2").out.splitlines()
    assert lines[0] == "Definition  1:1  w = 4"
    assert any(line.strip() == "Variable  2:13  w" for line in lines)


def test_emit_syntax_names_the_file_of_what_is_written_elsewhere(archlang: Any) -> None:
    lines = archlang("emit", "syntax", "wang2025/depth", "--set", "width=8").out.splitlines()
    assert lines[0] == 'Use  7:5  "wang2025/base.arch"'
    assert lines[1] == "Definition  --set width:1:1  width = 8"
    assert any(line.startswith("Definition  9:1  depth = ") for line in lines)
    actor = next(line for line in lines if line.startswith("Definition") and "  actor" in line)
    assert actor.split()[1].startswith("wang2025/base.arch:")


def test_of_a_grid_the_stages_of_its_networks_say_which_point_they_show(archlang: Any) -> None:
    text = "d = 4 | 8\nnet = (dense8, ln)*{d}"
    note = "note: d = 4: the first of 2 points; `--set` picks another\n"
    assert {stage: archlang("emit", stage, text, "--in", "8").err for stage in ("text", "ir", "plan", "flax")} == dict.fromkeys(
        ("text", "ir", "plan", "flax"), note
    )
    assert [archlang("emit", *words, "--in", "8").err for words in (("syntax", text), ("plan", text, "--set", "d=8"))] == [
        "",
        "",
    ]


def test_every_stage_stands_in_the_help(archlang: Any) -> None:
    words = archlang("emit", "--help").out.replace(",", " ").replace(":", " ").split()
    assert set(STAGES) <= set(words)


@pytest.mark.parametrize("stage", STAGES)
def test_a_wrong_specification_has_no_stages(archlang: Any, stage: str) -> None:
    outcome = archlang("emit", stage, "net = dense4 ln")
    assert (outcome.code, outcome.out) == (1, "")
    assert "E0101" in outcome.err


def test_an_unknown_stage_is_refused(archlang: Any) -> None:
    outcome = archlang("emit", "irr", "ln")
    assert outcome.code == 2
    assert "did you mean `ir`?" in outcome.err


def test_schema_is_json_with_a_version(archlang: Any) -> None:
    assert json.loads(archlang("schema").out)["version"] >= 1


def test_explain_lists_codes_and_explains_one(archlang: Any) -> None:
    assert "E0301  a stack must keep its width" in archlang("explain").out
    assert "(dense256, ln)*4" in archlang("explain", "e0301").out
    assert archlang("explain", "E9999").code == 2
