"""Results that are kept on disk: whole or not at all, and never in a command's way."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from archlang.cache import Entry, entry, folder

RESULT = {"argument": 3}


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Entry:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return entry("plans", {"gpu": "h100-80gb"})


def same(numbers: Mapping[str, Any]) -> Mapping[str, Any]:
    return numbers


def test_what_is_written_is_read_again(kept: Entry) -> None:
    assert kept.read(same) == (None, ())
    assert kept.write(RESULT) == ()
    assert kept.read(same) == (RESULT, ())
    assert os.listdir(kept.place.parent) == [kept.place.name]


def test_another_question_has_another_place(kept: Entry) -> None:
    assert entry("plans", {"gpu": "a100-80gb"}).place != kept.place
    assert entry("plans", {"gpu": "h100-80gb"}) == kept


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "Expecting value"),
        (b'{"key": "', "Unterminated string"),
        (b"\xff\xfe", "can't decode"),
        (b"[1]", "not an entry for this program"),
        (b'{"key": "0", "result": {"argument": 3}}', "not an entry for this program"),
        (b"[" * 100_000, "recursion"),
    ],
)
def test_a_corrupt_or_foreign_entry_is_told_and_ignored(kept: Entry, content: bytes, why: str) -> None:
    kept.write(RESULT)
    kept.place.write_bytes(content)
    found, (note,) = kept.read(same)
    assert found is None
    assert why in note
    assert str(kept.place) in note


def test_an_entry_that_is_no_result_is_ignored(kept: Entry) -> None:
    def refuse(_: Mapping[str, Any]) -> int:
        raise ValueError("not numbers")

    kept.write(RESULT)
    found, (note,) = kept.read(refuse)
    assert found is None
    assert "not numbers" in note


def test_a_folder_that_takes_no_files_is_told(kept: Entry, tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file in its place")
    (note,) = kept.write(RESULT)
    assert "cannot be cached" in note
    assert kept.read(same)[0] is None


def test_a_full_disk_leaves_nothing_behind(kept: Entry, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("archlang.cache.os.replace", full)
    (note,) = kept.write(RESULT)
    assert note.endswith("No space left on device")
    assert os.listdir(kept.place.parent) == []


@pytest.mark.parametrize(("chosen", "expected"), [("", ".cache"), ("relative", ".cache"), ("/elsewhere", "/elsewhere")])
def test_it_lies_where_xdg_says(chosen: str, expected: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", chosen)
    assert folder() == tmp_path / expected / "archlang"


def test_an_entry_is_plain_json(kept: Entry) -> None:
    kept.write(RESULT)
    assert json.loads(kept.place.read_text()) == {"key": kept.key, "result": RESULT}
