"""The command line: what it prints, where, and its exit codes."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from archlang import child

THOUSAND = "res(4x<dense256,ln,swish>)*250"


def test_check_counts_a_thousand_layers(archlang: Any) -> None:
    data = archlang("check", THOUSAND, "--in", "256", "--json").json
    assert data["params"] == 66_304_000
    network = {"in": 256, "out": 256, "params": 66_304_000, "dense_layers": 1000, "hash": "e911f4c16a55a9f2"}
    assert data == {"networks": {"network": network}, "params": 66_304_000, "diagnostics": []}


def test_check_with_an_environment_takes_its_widths(archlang: Any) -> None:
    data = archlang("check", "reacher", "--env", "reacher", "--json").json
    assert {name: (net["in"], net["out"]) for name, net in data["networks"].items()} == {
        "actor": (13, 2),
        "sa_encoder": (12, 64),
        "g_encoder": (3, 64),
    }
    assert data["params"] == 62_404


def test_check_prints_a_table_for_people(archlang: Any) -> None:
    outcome = archlang("check", "wang2025/base", "--set", "depth=16", "--env", "reacher")
    assert outcome.code == 0
    assert outcome.err == ""
    assert "sa_encoder     12      64            18" in outcome.out
    assert "\x1b" not in outcome.out


def test_a_wrong_spec_is_exit_code_1_with_the_place(archlang: Any) -> None:
    outcome = archlang("check", "(dense256, ln)*4", "--in", "29")
    assert (outcome.code, outcome.out) == (1, "")
    assert "error[E0301]: a stack must keep its width" in outcome.err
    assert "<inline>:1:1" in outcome.err


def test_a_flag_may_be_given_twice_and_setting_several_definitions_too(archlang: Any) -> None:
    words = ("check", "a = 4\nb = 8\nn = dense{a}, dense{b}", "--in", "4", "--set", "a=1", "--set", "b=2", "--json", "--json")
    assert archlang(*words).json["params"] == 9


@pytest.fixture
def terminal(archlang: Any, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """The same on a terminal of so many columns."""
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)

    def run(width: int, *words: str) -> Any:
        monkeypatch.setenv("COLUMNS", str(width))
        for stream in (sys.stdout, sys.stderr):
            monkeypatch.setattr(stream, "isatty", lambda: True)
        return archlang(*words)

    return run


def test_no_color_means_plain_text_on_a_terminal_too(terminal: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    words = ("estimate", "(dense4)*4", "--in", "4", "--gpu", "t4-16gb", "--batch", "100000000")
    shown = terminal(90, *words)
    assert "\x1b[" in shown.out
    assert "\x1b[" in shown.err
    monkeypatch.setenv("NO_COLOR", "1")
    plain = terminal(90, *words)
    assert "\x1b" not in plain.out + plain.err
    assert "error[E0501]" in plain.err


def test_no_color_means_that_nothing_turns(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setattr(child, "COMMAND", ("-c", "print(1)"))
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    for no_color, sign in (("", True), ("1", False)):
        monkeypatch.setenv("NO_COLOR", no_color)
        assert child.compiled("", "compiling") == (0, "1\n", "")
        assert ("\x1b" in capsys.readouterr().err) == sign


@pytest.mark.parametrize("width", [30, 60, 86, 200])
@pytest.mark.parametrize("rows", ["8", "1000000000"])
def test_the_bar_is_no_wider_than_the_terminal(terminal: Any, monkeypatch: pytest.MonkeyPatch, width: int, rows: str) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    lines = terminal(width, "estimate", "(dense4)*4", "--in", "4", "--gpu", "t4-16gb", "--batch", rows).out.splitlines()
    (bar,) = [line for line in lines if "│" in line]
    assert len(bar) == min(width, 76 + len(" │ is" * (rows != "8")) + len(" 14.6 GiB"))


def test_a_wrong_spec_as_json(archlang: Any) -> None:
    outcome = archlang("check", "(dense256, ln)*4", "--in", "29", "--json")
    assert outcome.code == 1
    (diagnostic,) = outcome.json["diagnostics"]
    assert (diagnostic["code"], diagnostic["line"], diagnostic["column"]) == ("E0301", 1, 1)
    assert outcome.json["networks"] == {}


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["check", "ln", "--in", "0"], 2, "--in"),
        (["check", "ln", "--in", "x"], 2, "--in"),
        (["check", "ln", "--in", "4", "--env", "reacher"], 2, "leave --in away"),
        (["check", "ln", "--in", "4", "--in", "5"], 2, "--in is given twice"),
        (["estimate", "ln", "--in", "4", "--batch", "5", "--batch-size", "6"], 2, "is given twice"),
        (["train", "reacher", "--env", "reacher", "--out", "x", "--seed", "1", "--seed", "2"], 2, "is given twice"),
        (["check", "ln", "--set", "depth"], 1, "`depth` sets nothing"),
        (["check", "ln", "--set", "depth=1", "--set", "depth=2"], 1, "`depth` is set twice"),
        (["check"], 2, "SPEC"),
        (["chek", "ln"], 2, "chek"),
        (["check", "reacher", "--env", "reachr"], 1, "did you mean `reacher`?"),
        (["check", "reachr"], 1, "a shipped specification is called `reacher`"),
        (["check", "wang2025"], 1, "a shipped specification is called `wang2025/base`"),
        (["check", "mine.arc"], 1, "ends in `.arch`: `mine.arch`?"),
        (["check", "wang2025/bas"], 1, "a shipped specification is called `wang2025/base`"),
        (["check", "reacher", "--set", "dpth=4"], 1, "did you mean `depth`?"),
        (["check", "reacher", "--set", "depth=6"], 1, "the nearest values of depth that work: 4 or 8"),
        (["check", "ln", "--set", "self=4"], 1, "does not define `self`"),
        (["check", "ln", "--set", "action_dim=4"], 1, "does not define `action_dim`"),
        (["check", "ln", "--set", "a-b=4"], 1, "does not set one name"),
        (["check", "nowhere/none.arch"], 1, "cannot read nowhere/none.arch: there is no such file"),
        (["check", "\x00.arch"], 1, "cannot read"),
        (["check", "x" * 5000 + ".arch"], 1, "cannot read"),
        (["check", ""], 1, "the specification is empty"),
        (["check", "dense\udc804"], 1, "this is not text"),
        (["check", "dense8, gaussian2", "--action", "3"], 1, "`--action` changes nothing"),
        (["diff", "dense8", "dense9", "--in", "4", "--action", "3"], 1, "`--action` changes nothing"),
        (["check", "dense8, gausian", "--action", "3"], 1, "did you mean `gaussian`?"),
    ],
)
def test_wrong_words(archlang: Any, words: list[str], code: int, said: str) -> None:
    outcome = archlang(*words)
    assert outcome.code == code
    assert said in " ".join(outcome.err.split())
    assert "Traceback" not in outcome.err


FILES = {
    "binary": (b"\x7fELF\x02\x01\x01\x00\x00", "E0002", (1, 5)),
    "not utf-8": (b"a = ln\nb = \xff\xfe", "E0002", (2, 5)),
    "nul": (b"a = ln\nb = \x00", "E0002", (2, 5)),
    "empty": (b"", "E0004", (1, 1)),
    "huge": (b"x" * 200_000, "E0003", (1, 1)),
    "wrong": (b"a = ln\r\nb = dense0\r\n", "E0204", (2, 10)),
    "byte-order mark and not utf-8": (b"\xef\xbb\xbfln\xff", "E0002", (1, 3)),
    "byte-order mark": (b"\xef\xbb\xbfa = ln\nb = lm", "E0201", (2, 5)),
}


@pytest.mark.parametrize(("data", "code", "place"), FILES.values(), ids=FILES)
def test_wrong_files(archlang: Any, tmp_path: Path, data: bytes, code: str, place: tuple[int, int]) -> None:
    path = tmp_path / "some.arch"
    path.write_bytes(data)
    outcome = archlang("check", str(path), "--json")
    (diagnostic,) = outcome.json["diagnostics"]
    assert (outcome.code, diagnostic["code"]) == (1, code)
    assert (diagnostic["file"], diagnostic["line"], diagnostic["column"]) == (str(path), *place)


def test_a_folder_is_no_file(archlang: Any, tmp_path: Path) -> None:
    (tmp_path / "folder.arch").mkdir()
    assert "E0001" in archlang("check", str(tmp_path / "folder.arch")).err


def test_a_pipe_is_no_file(archlang: Any, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.arch")
    assert "E0001" in archlang("check", str(tmp_path / "pipe.arch")).err


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_a_file_that_may_not_be_read(tmp_path: Path) -> None:
    path = tmp_path / "secret.arch"
    path.write_text("ln")
    path.chmod(0)
    # The other user may not be able to read Python's own library: everything is imported before.
    before = "import difflib, os, archlang; archlang.load('ln'); os.setuid(65534)"
    program = f"{before}\ntry: archlang.load({str(path)!r})\nexcept archlang.SpecError as error: print(error)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stderr == ""
    assert f"error[E0001]: cannot read {path}: Permission denied" in done.stdout


def test_a_file_with_several_mistakes_tells_them_all(archlang: Any, tmp_path: Path) -> None:
    path = tmp_path / "mine.arch"
    path.write_text("width = 0\nnet = dense{width}, lm, (rms)*{7/2}\n")
    found = archlang("check", str(path), "--json").json["diagnostics"]
    assert [(d["code"], d["line"], d["column"]) for d in found] == [("E0204", 2, 12), ("E0201", 2, 21), ("E0207", 2, 32)]


def test_shipped_specs_and_environments_are_listed(archlang: Any) -> None:
    assert "wang2025/base " in archlang("specs").out
    assert archlang("specs", "--json").json["wang2025/base"].startswith("Wang et al. 2025")
    assert archlang("envs", "--json").json["reacher"] == {"state": 10, "goal": 3, "action": 2}


def test_the_version_is_printed(archlang: Any) -> None:
    assert archlang("--version").out.startswith("archlang 0.")


def test_help_lists_the_commands_of_the_runtime(archlang: Any) -> None:
    assert {"check", "train", "eval"} <= set(archlang("--help").out.split())


def test_a_reader_that_goes_away_is_no_traceback() -> None:
    command = f"{sys.executable} -m archlang check ln --json --in 4 | true"
    done = subprocess.run(command, shell=True, capture_output=True, text=True)
    assert "Traceback" not in done.stderr


def test_a_terminal_that_knows_ascii_alone_still_shows_errors() -> None:
    environment = os.environ | {"PYTHONIOENCODING": "ascii", "NO_COLOR": "1"}
    command = [sys.executable, "-m", "archlang", "check", "dense²"]
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert done.returncode == 1
    assert "E0102" in done.stderr
    assert "Traceback" not in done.stderr
