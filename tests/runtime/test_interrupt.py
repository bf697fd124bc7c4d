"""Ctrl-C and SIGTERM, sent to a real process: a clean end, and a run that goes on as if nothing had happened."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow
TOY = Path(__file__).with_name("toy.py")
SLOW = ("--updates-per-unroll", "4000", "--steps", "1000000")  # an epoch of about a second, and no end


def command(out: Path, *options: str) -> list[str]:
    spec = str(TOY.with_name("toy.arch"))
    return [sys.executable, "-W", "error", str(TOY), "train", spec, "--env", "toy", "--out", str(out), *options]


def start(out: Path, *options: str) -> subprocess.Popen[str]:
    return subprocess.Popen(command(out, *options), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def wait_for_epochs(process: subprocess.Popen[str], out: Path, count: int) -> None:
    """Until `count` checkpoints were written."""
    while process.poll() is None:
        if (out / "checkpoints" / str(count)).is_dir():
            return
        time.sleep(0.02)
    raise AssertionError(process.communicate()[0])


def losses(out: Path) -> list[float]:
    lines = [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]
    return [line["critic_loss"] for line in lines if line["epoch"]]


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_the_first_signal_ends_the_run_after_the_epoch(tmp_path: Path, number: signal.Signals, code: int) -> None:
    out = tmp_path / "run"
    process = start(out, *SLOW)
    wait_for_epochs(process, out, 1)
    process.send_signal(number)
    said, _ = process.communicate(timeout=120)
    assert process.returncode == code, said
    assert "Traceback" not in said
    done = len(losses(out))
    assert f"Stopped after epoch {done} of" in said
    assert (out / "checkpoints" / str(done)).is_dir()
    assert (out / "learning_curve.png").is_file()


def test_the_second_signal_ends_the_process_at_once(tmp_path: Path) -> None:
    """In the middle of an epoch; the last checkpoint stays as it is."""
    out, options = tmp_path / "run", ("--updates-per-unroll", "40000", "--steps", "1000000")
    process = start(out, *options)
    wait_for_epochs(process, out, 1)
    for _ in range(2):
        process.send_signal(signal.SIGINT)
        time.sleep(0.5)
    said, _ = process.communicate(timeout=120)
    assert process.returncode == 130, said
    assert "Stopped at once" in said
    evaluated = subprocess.run(
        [sys.executable, str(TOY), "eval", str(out), "--json"], check=True, capture_output=True, text=True, timeout=120
    )
    assert json.loads(evaluated.stdout)["epoch"] == 1
