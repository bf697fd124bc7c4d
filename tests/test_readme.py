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
PAGES = {"README": README} | {
    name: (ROOT / "docs" / f"{name}.md").read_text(encoding="utf-8") for name in ("tutorial", "estimating")
}
BLOCK = re.compile(r"```(\w+)(?: ([\w.]+))?\n(.*?)```", re.DOTALL)


def blocks(page: str, kind: str) -> list[tuple[str, str]]:
    """The blocks of one kind on a page, each with the name behind its kind."""
    return [(name, body) for found, name, body in BLOCK.findall(PAGES[page]) if found == kind]


def sessions() -> list[tuple[str, str, str]]:
    """The page, and each `$ archlang …` on it with the text under it."""
    parts = [(page, part) for page in PAGES for _, body in blocks(page, "console") for part in re.split(r"(?m)^\$ ", body)[1:]]
    found = [(page, *part.split("\n", 1)) for page, part in parts]
    return [(page, command, shown.strip("\n")) for page, command, shown in found if command.startswith("archlang ")]


PYTHON = [(page, body) for page in PAGES for _, body in blocks(page, "python")]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with the files that the pages show by name."""
    for page in PAGES:
        for name, body in blocks(page, "arch"):
            (tmp_path / name).write_text(body, encoding="utf-8")
    return tmp_path


def test_the_pages_show_commands_and_python() -> None:
    assert len(sessions()) >= 12
    assert {page for page, _ in PYTHON} == PAGES.keys()


@pytest.mark.slow
@pytest.mark.parametrize(("page", "command", "shown"), sessions(), ids=[f"{p}: {command}" for p, command, _ in sessions()])
def test_a_command_prints_what_is_shown(folder: Path, page: str, command: str, shown: str) -> None:
    words = [sys.executable, "-m", *shlex.split(command)]
    done = subprocess.run(words, capture_output=True, text=True, cwd=folder, env=os.environ | {"NO_COLOR": "1"})
    printed = (done.stdout + done.stderr).strip("\n")
    assert [line.rstrip() for line in printed.splitlines()] == [line.rstrip() for line in shown.splitlines()]


@pytest.mark.parametrize(("page", "block"), PYTHON)
@pytest.mark.slow
def test_python_runs_and_prints_what_its_comments_say(page: str, block: str) -> None:
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(block, page, "exec"), {})
    promised = re.findall(r"^(?:print\(.*\)\s*)?# (.*)", block, re.MULTILINE)
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


@pytest.mark.parametrize("name", ["check_startup", "memory", "peers", "reacher", "step", "step_time_cpu", "stops"])
def test_published_numbers_stand_in_the_results(name: str) -> None:
    """Each number in a table that names a script of benchmarks/ is a number that the script wrote."""
    results = json.loads((ROOT / "benchmarks" / "results" / f"{name}.json").read_text())["results"]
    written = set(numbers_in(results))
    tables = re.findall(rf"<!-- {name} -->(.*?)<!-- end -->", README, re.DOTALL)
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
