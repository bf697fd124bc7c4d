"""The whole thing: an agent that learns reacher from the command line."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.optimized]


def test_reacher_is_learned(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "archlang", "train", "reacher", "--env", "reacher", "--out", str(tmp_path / "run")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=590)
    assert done.returncode == 0, done.stderr
    lines = [json.loads(line) for line in (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()]
    assert lines[0]["time_at_goal"] < 0.15
    assert lines[-1]["time_at_goal"] > 0.6
