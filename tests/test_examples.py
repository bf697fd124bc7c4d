"""The examples run, with warnings as errors, and print what they promise."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parent.parent / "examples"
PROMISES = {
    "ablation_table.py": "1024 ln    203,872,930",
    "catch_mistakes.py": "mended: res(4x<dense256, ln, swish>)*250\n66,304,000 parameters",
    "flax_module.py": "112,129 parameters in 102 dense layers",
}


def test_every_example_has_a_promise() -> None:
    assert {path.name for path in EXAMPLES.glob("*.py")} == PROMISES.keys()


@pytest.mark.parametrize(("name", "promise"), PROMISES.items(), ids=PROMISES)
@pytest.mark.slow
def test_an_example_keeps_its_promise(name: str, promise: str) -> None:
    command = [sys.executable, "-W", "error", str(EXAMPLES / name)]
    done = subprocess.run(command, capture_output=True, text=True, cwd="/")
    assert done.returncode == 0, done.stderr
    assert promise in done.stdout
