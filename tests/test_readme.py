"""What the README shows is what the commands print, and what it points to exists."""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
CONSOLE = re.findall(r"```console\n(.*?)```", README, re.DOTALL)
PYTHON = re.findall(r"```python\n(.*?)```", README, re.DOTALL)


def sessions() -> list[tuple[str, str]]:
    """Each `$ command` with the text under it."""
    parts = [part for block in CONSOLE for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]]
    return [(part.split("\n", 1)[0], part.split("\n", 1)[1].strip("\n")) for part in parts]


ARCHLANG = [session for session in sessions() if session[0].startswith("archlang ")]


def test_the_readme_shows_commands_and_python() -> None:
    assert len(ARCHLANG) >= 4
    assert PYTHON


@pytest.mark.parametrize(("command", "shown"), ARCHLANG, ids=[command for command, _ in ARCHLANG])
def test_a_command_prints_what_the_readme_shows(command: str, shown: str) -> None:
    words = [sys.executable, "-m", *shlex.split(command)]
    done = subprocess.run(words, capture_output=True, text=True, cwd=ROOT, env=os.environ | {"NO_COLOR": "1"})
    printed = (done.stdout + done.stderr).strip("\n")
    assert [line.rstrip() for line in printed.splitlines()] == [line.rstrip() for line in shown.splitlines()]


@pytest.mark.parametrize("block", PYTHON)
def test_python_runs_and_prints_what_its_comments_say(block: str) -> None:
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(block, "README", "exec"), {})
    promised = re.findall(r"print\(.*\)\s*# (.*)", block)
    assert printed.getvalue().splitlines() == promised


def test_make_targets_exist() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = set(re.findall(r"`make ([a-z-]+)|^\$ make ([a-z-]+)", README, re.MULTILINE))
    assert {first or second for first, second in named} <= targets


def test_links_lead_somewhere() -> None:
    targets = re.findall(r"\]\(([^)#]+)\)", README)
    assert [target for target in targets if "://" not in target and not (ROOT / target).exists()] == []


def test_the_file_map_names_files() -> None:
    (block,) = re.findall(r"```text\n(.*?)```", README, re.DOTALL)
    paths = [line.split()[0] for line in block.splitlines() if line.strip()]
    assert [path for path in paths if not (ROOT / path).exists()] == []


@pytest.mark.parametrize("name", ["check_startup", "reacher", "scan"])
def test_published_numbers_stand_in_the_results(name: str) -> None:
    """Each number in a table that names a script of benchmarks/ is a number that the script wrote."""
    results = json.loads((ROOT / "benchmarks" / "results" / f"{name}.json").read_text())["results"]
    written = set(numbers_in(results))
    tables = re.findall(rf"<!-- {name} -->\n(.*?)<!-- end -->", README, re.DOTALL)
    shown = [float(number.replace(",", "")) for table in tables for number in re.findall(r"\*\*([\d.,]+)\*\*", table)]
    assert shown
    assert [number for number in shown if number not in written] == []


def numbers_in(data: object) -> list[float]:
    if isinstance(data, dict):
        return [number for value in data.values() for number in numbers_in(value)]
    if isinstance(data, list):
        return [number for value in data for number in numbers_in(value)]
    if isinstance(data, int | float):
        return [float(data), round(100 * data, 1)]
    return []
