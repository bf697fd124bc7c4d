"""Random stops of every kind, each followed by going on: what comes out is bit for bit the run that was never stopped.

`benchmarks/stops.py` does the same for longer.
"""

from __future__ import annotations

import json
import os
import re
import resource
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import jax
import numpy as np
import pytest
import toy

from archlang_runtime.checkpoint import Checkpoints, epochs_in
from archlang_runtime.folder import best_epoch
from archlang_runtime.process import OUT_OF_TIME

pytestmark = [pytest.mark.slow, pytest.mark.optimized]
PATIENCE = 300  # seconds: then a child hangs
TRIES = 10
LOST = 2  # lines of metrics that may be ahead of the last checkpoint: one is being written, and one waits for it
UPDATES = 250  # of an unroll: an epoch takes a fraction of a second
# Wide enough that a checkpoint has a file which is larger than all lines of metrics.
SPEC = """trunk = dense128, swish, dense128, swish
actor = trunk, gaussian
sa_encoder = trunk, dense4
g_encoder = trunk, dense4
"""
CHECKPOINT_FILE = (200_000, 400_000)  # bytes; such a limit hits nothing else
EPOCH = re.compile(r"^ *\d+/\d+ ", re.MULTILINE)
Line = dict[str, Any]


@dataclass
class Child:
    """A process that trains in `out`, and what it has said."""

    out: Path
    process: subprocess.Popen[str]
    words: list[str] = field(default_factory=list)
    began: int = field(default_factory=time.time_ns)

    def __post_init__(self) -> None:
        self.listener = threading.Thread(target=self.listen, daemon=True)
        self.listener.start()

    def listen(self) -> None:
        assert self.process.stdout
        with self.process.stdout as lines:
            self.words.extend(lines)

    @property
    def said(self) -> str:
        return "".join(self.words)

    def wait_for(self, happened: Callable[[], Any]) -> None:
        while not happened():
            assert self.process.poll() is None, self.said
            assert time.time_ns() < self.began + PATIENCE * 10**9, self.said
            time.sleep(0.002)

    def end(self) -> int:
        code = self.process.wait(PATIENCE)
        self.listener.join()
        return code

    def half_written(self) -> bool:
        """Whether a checkpoint is being written by this process, or was when it died."""
        drafts = [draft for draft in (self.out / "checkpoints").glob("*.tmp") if int(draft.stem) > latest(self.out)]
        return any(began(draft) >= self.began for draft in drafts)


def start(out: Path, *options: str) -> Child:
    """Without options a run that does not end by itself."""
    options = options if "--steps" in options else (*options, "--steps", "100000000")
    toy_file, environment = str(Path(toy.__file__)), {**os.environ, "PYTHONUNBUFFERED": "1", "JAX_PLATFORMS": "cpu"}
    command = [sys.executable, "-W", "error", toy_file, "train", SPEC, "--env", "toy", "--out", str(out), *options]
    command += ["--updates-per-unroll", str(UPDATES)]
    return Child(out, subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment))


# --- the ways to stop ------------------------------------------------------------------------------------------------


def some_moment(child: Child, chance: Random, epochs: int) -> None:
    """After at least so many epochs of this process, anywhere in the next."""
    count = chance.randint(epochs, epochs + 2)
    child.wait_for(lambda: "compiling" in child.said and len(EPOCH.findall(child.said)) >= count)
    time.sleep(chance.uniform(0, 0.5))


def interrupt(child: Child, chance: Random) -> None:
    some_moment(child, chance, epochs=0)
    child.process.send_signal(signal.SIGINT)


def interrupt_twice(child: Child, chance: Random) -> None:
    interrupt(child, chance)
    time.sleep(chance.uniform(0.01, 0.2))
    child.process.send_signal(signal.SIGINT)


def terminate(child: Child, chance: Random) -> None:
    some_moment(child, chance, epochs=0)
    child.process.terminate()


def kill(child: Child, chance: Random) -> None:
    some_moment(child, chance, epochs=0)
    child.process.kill()


def kill_early(child: Child, chance: Random) -> None:
    """While it imports, reads the checkpoint, or compiles."""
    time.sleep(chance.uniform(0, 5))
    child.process.kill()


def kill_in_write(child: Child, chance: Random) -> None:
    child.wait_for(child.half_written)
    time.sleep(chance.uniform(0, 0.05))
    child.process.kill()


def fill_disk(child: Child, chance: Random) -> None:
    """From now on no file grows beyond a limit, which root too must heed: the next checkpoint is cut short."""
    some_moment(child, chance, epochs=1)
    limit_files(child, chance.randint(*CHECKPOINT_FILE))


def fill_disk_in_metrics(child: Child, chance: Random) -> None:
    """… a line of metrics is."""
    some_moment(child, chance, epochs=1)
    limit_files(child, (child.out / "metrics.jsonl").stat().st_size + chance.randint(1, 300))


def limit_files(child: Child, size: int) -> None:
    resource.prlimit(child.process.pid, resource.RLIMIT_FSIZE, (size, size))


def let_be(child: Child, chance: Random) -> None:
    pass


@dataclass(frozen=True)
class Kind:
    """A way to stop: what is done to the process, how it then ends, what it says, and how it was started."""

    inflict: Callable[[Child, Random], None]
    exit_code: int
    says: str = ""
    options: Callable[[Random], tuple[str, ...]] = lambda _: ()


CLEAN = "The same command goes on from there."
KINDS = {
    "Ctrl-C": Kind(interrupt, 130, CLEAN),
    "Ctrl-C twice": Kind(interrupt_twice, 130, "The same command goes on from"),
    "SIGTERM": Kind(terminate, 143, CLEAN),
    "SIGKILL": Kind(kill, -signal.SIGKILL),
    "SIGKILL while it starts": Kind(kill_early, -signal.SIGKILL),
    "SIGKILL while a checkpoint is written": Kind(kill_in_write, -signal.SIGKILL),
    "disk full while a checkpoint is written": Kind(fill_disk, 1, "cannot write a checkpoint"),
    "disk full while a line of metrics is written": Kind(fill_disk_in_metrics, 1, "File too large"),
    "time limit": Kind(let_be, OUT_OF_TIME, CLEAN, lambda chance: ("--stop-after", f"{chance.randint(1, 12)}s")),
}


def stop(out: Path, name: str, chance: Random) -> Line:
    """Go on with the run in `out`, and stop it. What happened."""
    kind, before = KINDS[name], latest(out)
    child = start(out, *kind.options(chance))
    kind.inflict(child, chance)
    code, said, epoch, lines = child.end(), child.said, latest(out), numbers(out)
    assert code == kind.exit_code, said
    assert "Traceback" not in said, said
    assert " ".join(kind.says.split()) in " ".join(said.split()), said
    assert not before or "compiling" not in said or f"going on from epoch {before}," in said, said
    assert epoch >= before, said
    ahead = lines[-1]["epoch"] - epoch if lines else 0
    assert 0 <= ahead <= (0 if kind.says == CLEAN else LOST), said
    return {"kind": name, "epochs": [before, epoch], "lines_ahead": ahead, "half_written": child.half_written()}


def stop_in_write(out: Path, chance: Random) -> list[Line]:
    """Until a checkpoint was really half written when the process died; every try is a stop."""
    stops: list[Line] = []
    while not (stops and stops[-1]["half_written"]):
        assert len(stops) < TRIES, "no SIGKILL hit a write"
        stops.append(stop(out, "SIGKILL while a checkpoint is written", chance))
    return stops


def finish(out: Path, epochs: int) -> None:
    """To the end of so many epochs."""
    config = toy.config()
    child = start(out, "--steps", str(config.prefill_steps + epochs * config.steps_per_epoch), "--keep", "1")
    assert child.end() == 0, child.said


# --- what came out ---------------------------------------------------------------------------------------------------


def latest(out: Path) -> int:
    return max(epochs_in(out / "checkpoints"), default=0)


def began(draft: Path) -> int:
    """When a folder was last changed; 0 if it has gone."""
    try:
        return draft.stat().st_mtime_ns
    except FileNotFoundError:
        return 0


def numbers(out: Path) -> list[Line]:
    """The metrics without the clock; a line that was cut off ends them."""
    lines: list[Line] = []
    for text in (out / "metrics.jsonl").read_text().splitlines() if (out / "metrics.jsonl").exists() else ():
        try:
            lines.append({k: v for k, v in json.loads(text).items() if not k.endswith(("_seconds", "_per_second"))})
        except ValueError:
            break
    return lines


def arrays(out: Path) -> dict[str, bytes]:
    """Every array of the newest checkpoint, bit for bit."""
    epoch = latest(out)
    contents = json.loads((out / "checkpoints" / str(epoch) / "contents.json").read_text())["arrays"]
    shapes = {name: jax.ShapeDtypeStruct(shape, dtype) for name, (shape, dtype) in contents.items()}
    with Checkpoints(out / "checkpoints") as checkpoints:
        return {name: np.asarray(array).tobytes() for name, array in checkpoints.restore(epoch, shapes).items()}


def differences(stopped: Path, whole: Path) -> list[str]:
    """Which lines of metrics and which final arrays differ."""
    lines = [numbers(path) for path in (stopped, whole)]
    found = [f"line {i}" for i, (one, other) in enumerate(zip(*lines, strict=False)) if one != other]
    found += [f"{len(lines[0])} lines, {len(lines[1])}"] if len(lines[0]) != len(lines[1]) else []
    one, other = arrays(stopped), arrays(whole)
    return found + sorted(name for name in one.keys() | other.keys() if one.get(name) != other.get(name))


def test_a_run_that_was_stopped_in_every_way_is_the_run_that_was_not(tmp_path: Path) -> None:
    chance, stopped, whole = Random(0), tmp_path / "stopped", tmp_path / "whole"
    for name in KINDS:
        if KINDS[name].inflict is kill_in_write:
            stop_in_write(stopped, chance)
        else:
            stop(stopped, name, chance)
    epochs = latest(stopped) + 2
    for path in (stopped, whole):
        finish(path, epochs)
    assert len(numbers(whole)) == epochs + 1
    assert set(epochs_in(stopped / "checkpoints")) == {epochs, best_epoch(numbers(whole))}
    assert differences(stopped, whole) == []
