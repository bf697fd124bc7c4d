"""Texts and files that nobody would write in good faith: a coded diagnostic at once, or simply right; never a traceback."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import archlang
from archlang.diagnostics import render

BINARY = "".join(f"a{i} = ln | id\n" for i in range(40)) + f"net = {', '.join(f'a{i}' for i in range(40))}"
HOSTILE = {
    "10,000 round brackets": ("(" * 10_000 + "ln" + ")" * 10_000, "E0104"),
    "10,000 angle brackets": ("<" * 10_000 + "ln" + ">" * 10_000, "E0104"),
    "10,000 open braces": ("dense" + "{" * 10_000, "E0104"),
    "10,000 res": ("res(" * 10_000 + "ln" + ")" * 10_000, "E0104"),
    "a definition of itself": ("a = a", "E0203"),
    "a ring": ("a = b\nb = c, ln\nc = res(a)", "E0203"),
    "a ring with parameters": ("f(n) = f({n-1})\nnet = f(3)", "E0203"),
    "doubling twenty times": ("a0 = ln\n" + "\n".join(f"a{i + 1} = a{i}, a{i}" for i in range(20)), "E0209"),
    "doubling forty times": ("a0 = ln\n" + "\n".join(f"a{i + 1} = a{i}, a{i}" for i in range(40)), "E0209"),
    "doubling with parameters": (
        "f0(n) = dense{n}\n" + "\n".join(f"f{i + 1}(n) = f{i}({{n*2}}), f{i}({{n*2+1}})" for i in range(30)) + "\nnet = f30(1)",
        "E02",
    ),
    "a million points": (BINARY, "E0211"),
    "a long axis": ("net = " + " | ".join(["ln"] * 10_001), "E0211"),
    "nested axes": ("a = ln\n" + "\n".join(f"n{i} = {'(a|' * 40}a{')' * 40}" for i in range(200)), "E0211"),
    "a width of 30 digits": ("dense" + "1" * 30, "E0204"),
    "a width of 5,000 digits": ("dense" + "1" * 5_000, "E0204"),
    "NUL": ("ln\x00", "E0002"),
    "a lone surrogate": ("ln\ud800", "E0002"),
    "a Unicode digit": ("dense٣", "E0102"),
    "a look-alike letter": ("dеnse4", "E0102"),  # a Cyrillic е
    "a list of 30,000 numbers": ("net = dense{w}\nw = [" + ",".join(["1"] * 30_000) + "]", "E0209"),
    "lists in lists": ("w = [" + ",".join(["1"] * 100) + "]\nnet = <dense{w}, <dense{w}, <dense{w}>>>", "E0"),
    "64 KiB of |": ("|" * 65_000, "E0101"),
    "64 KiB of use": ('use "a.arch"\n' * 5_000, "E0"),
    "a long name": ("a" * 60_000, "E0201"),
    "a thousand parameters": ("f(" + ", ".join(f"p{i}" for i in range(1000)) + ") = ln\nnet = f(ln)", "E0206"),
    "annotations": ("@dtype(bf16) " * 4_000 + "ln", "E0104"),
}
RIGHT = {
    "tabs and CRLF": "w = 4\r\n\tnet = dense{w},\r\n\t\tln\r\n".replace("\tnet", "net"),
    "a lone CR": "dense4,\rln",
    "a billion copies": "(dense4)*1000000000",
    "long arithmetic": "dense{" + "1+" * 30_000 + "1}",
}


def checked(text: str) -> archlang.Report | tuple[archlang.Diagnostic, ...]:
    try:
        return archlang.check(archlang.parse(text), in_features=4)
    except archlang.SpecError as error:
        return error.diagnostics


@pytest.mark.timeout(20)
@pytest.mark.parametrize(("text", "code"), HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_text_is_told_so(text: str, code: str) -> None:
    found = checked(text)
    assert isinstance(found, tuple)
    assert found[0].code.startswith(code)
    assert len(render(found)) < 20_000


@pytest.mark.timeout(20)
@pytest.mark.parametrize("text", RIGHT.values(), ids=RIGHT)
def test_an_odd_text_may_be_right(text: str) -> None:
    assert isinstance(checked(text), archlang.Report)


# --- files ------------------------------------------------------------------------------------------------------------


def large(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(100 * 1024 * 1024)


FILES: dict[str, tuple[Callable[[Path], object], str]] = {
    "100 MB": (large, "E0003"),
    "UTF-16": (lambda path: path.write_bytes("net = ln".encode("utf-16")), "E0002"),
    "Latin-1": (lambda path: path.write_bytes(b"net = ln # \xe9"), "E0002"),
    "a byte-order mark": (lambda path: path.write_bytes(b"\xef\xbb\xbfnet = lnn"), "E0201"),
    "a folder": (lambda path: path.mkdir(), "E0001"),
    "a FIFO": (lambda path: os.mkfifo(path), "E0001"),
    "a link to nowhere": (lambda path: path.symlink_to("nowhere"), "E0001"),
    "a device": (lambda path: path.symlink_to("/dev/zero"), "E0001"),
    "not there": (lambda path: None, "E0001"),
}
LIMITED = """
import resource, sys
resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30))
sys.argv = ["archlang", *sys.argv[1:]]
from archlang.__main__ import main
main()
"""


@pytest.mark.parametrize(("make", "code"), FILES.values(), ids=FILES)
def test_a_hostile_file_is_told_so(tmp_path: Path, make: Callable[[Path], object], code: str) -> None:
    """In bounded memory, by the command line."""
    path = tmp_path / "odd.arch"
    make(path)
    command = [sys.executable, "-c", LIMITED, "check", str(path), "--in", "4"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (1, "")
    assert f"error[{code}]" in done.stderr
    assert "Traceback" not in done.stderr
