"""A run's folder: what was asked for, what came out, and the rules for going on with it.

- config.json: settings, environment, hashes of the networks; its presence makes the folder a run
- spec.arch: the specification as it was written
- versions.json: versions of everything that decides the numbers, and the environments' fingerprints
- metrics.jsonl: one line per epoch
- checkpoints/: the newest training states, by epoch
- imported/: weights from elsewhere that the run begins with, if it does
- learning_curve.png
"""

from __future__ import annotations

import errno
import json
import os
import shutil
import sys
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from platform import python_version
from typing import Any

from archlang import Plan, Spec, load
from archlang import plan as make_plan
from archlang_runtime.config import TrainConfig
from archlang_runtime.envs import find_task, fingerprint
from archlang_runtime.errors import RunError, error

FORMAT = 4  # of the folder; raised when its files change their meaning
WEIGHTS_OF = ("environment", "energy")  # settings that decide what weights mean
BEGUN = {".lock", "spec.arch", "versions.json"}  # all that a start which was cut short leaves,
BEGUN |= {"spec.arch.tmp", "versions.json.tmp", "config.json.tmp"}  # maybe in the middle of a file
IMPORTING = {"0", "0.tmp"}  # all that is in imported/, at any time
PACKAGES = ("archlang", "jax", "jaxlib", "flax", "optax", "orbax-checkpoint", "brax", "mujoco", "numpy")


@dataclass(frozen=True)
class Experiment:
    """What a run computes: its settings, its specification, and the definitions that were set to something else."""

    config: TrainConfig
    spec: Spec
    settings: Mapping[str, str]

    def as_json(self) -> dict[str, Any]:
        hashes = {name: network.hash for name, network in self.spec.networks.items()}
        stacks = {name: [stack.choices for stack in found] for name, found in self.plan.stacks.items()}
        return {
            "format": FORMAT,
            "config": self.config.model_dump(),
            "set": dict(self.settings),
            "networks": hashes,
            "plan": {
                name: [{key: choice.value for key, choice in chosen.items()} for chosen in found]
                for name, found in stacks.items()
            },
        }

    @cached_property
    def plan(self) -> Plan:
        """How each stack of the networks is run. It decides bits: another order of operations rounds differently."""
        environment = find_task(self.config.environment).environment
        return make_plan(self.spec, env=environment, remat=self.config.remat, unroll=self.config.unroll)


@dataclass(frozen=True)
class RunFolder:
    """The files of one run."""

    path: Path

    @property
    def spec(self) -> Path:
        return self.path / "spec.arch"

    @property
    def checkpoints(self) -> Path:
        return self.path / "checkpoints"

    @property
    def imported(self) -> Path:
        """Weights that the run begins with, if they come from elsewhere."""
        return self.path / "imported"

    @property
    def learning_curve(self) -> Path:
        return self.path / "learning_curve.png"

    @property
    def metrics(self) -> Path:
        return self.path / "metrics.jsonl"

    # --- what was asked for ------------------------------------------------------------------------------------------

    def exists(self) -> bool:
        """Whether there is a run here. Something else that is in the way is E0701."""
        if self.path.is_dir():
            if (self.path / "config.json").is_file():
                return True
            if not all(map(left_by_a_start, self.path.iterdir())):
                raise error("E0701", f"{self.path} is not empty and not a run", self.path, "choose another --out")
        elif self.path.exists():
            raise error("E0701", f"{self.path} is a file; a run is a folder", self.path, "choose another --out")
        return False

    def forget_half_import(self) -> None:
        """Remove weights whose import was cut short: without a config.json they are of no run."""
        if not (self.path / "config.json").is_file() and self.imported.is_dir():
            shutil.rmtree(self.imported)

    def read_experiment(self) -> dict[str, Any]:
        """config.json; a setting that it does not know yet is its default. One that cannot be understood is E0702."""
        place = self.path / "config.json"
        try:
            experiment = json.loads(place.read_text(encoding="utf-8"))
            if experiment["format"] != FORMAT:
                raise ValueError(f"format {experiment['format']}, this version of archlang reads {FORMAT}")
            config = TrainConfig.model_validate(experiment["config"]).model_dump()
            return experiment | {"config": config} | {name: dict(experiment[name]) for name in ("networks", "plan", "set")}
        except (ValueError, KeyError, TypeError) as problem:
            why = str(problem).splitlines()[0]
            raise error("E0702", f"cannot read {place}: {why}", place, "choose another --out") from problem

    def begun_with(self, now: Mapping[str, Any]) -> dict[str, Any]:
        """What a run that is to go on as `now` began with: config.json.

        Of a run that is no more than imported weights: the networks and `WEIGHTS_OF`. All else is chosen with the first step.
        """
        before = self.read_experiment()
        if not self.imported.is_dir() or self.read_metrics():
            return before
        config = now["config"] | {name: before["config"].get(name) for name in WEIGHTS_OF}
        return before | {"config": config, "plan": now["plan"]}

    def refuse_if_no_run(self) -> None:
        """A folder that is not a run is E0701, for those who only read."""
        if not (self.path / "config.json").is_file():
            raise error("E0701", f"{self.path} is not a run", self.path, "`archlang train … --out RUN` makes one")

    def load_experiment(self) -> Experiment:
        """What the run was asked for. A folder that is not a run is E0701."""
        self.refuse_if_no_run()
        experiment = self.read_experiment()
        config = TrainConfig.model_validate(experiment["config"])
        action_dim = find_task(config.environment).environment.action_dim
        return Experiment(config, load(str(self.spec)).bind(action_dim=action_dim, **experiment["set"]), experiment["set"])

    def write_experiment(self, experiment: Experiment) -> None:
        """Make the folder a run, or write down what changed."""
        self.path.mkdir(parents=True, exist_ok=True)
        write(self.spec, experiment.spec.text)
        if not (self.path / "versions.json").exists():
            write(self.path / "versions.json", json.dumps(versions(experiment.config), indent=2) + "\n")
        write(self.path / "config.json", json.dumps(experiment.as_json(), indent=2) + "\n")

    def other_versions(self, config: TrainConfig) -> list[str]:
        """What has another version than when the run began, such as `jax 0.10.2, was 0.10.1`."""
        try:
            before = json.loads((self.path / "versions.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return []
        now = versions(config)
        return [f"{name} {now[name]}, was {before.get(name)}" for name in now if before.get(name) != now[name]]

    # --- what came out -----------------------------------------------------------------------------------------------

    def append(self, line: Mapping[str, Any]) -> None:
        """One more line of metrics, on disk when this returns."""
        with self.metrics.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
            file.flush()
            os.fsync(file.fileno())

    def read_metrics(self) -> list[dict[str, Any]]:
        """The lines of metrics.jsonl; one that was cut off ends them."""
        lines = []
        if not self.metrics.exists():
            return lines
        for text in self.metrics.read_text(encoding="utf-8", errors="replace").splitlines():
            try:
                lines.append(json.loads(text))
            except ValueError:
                break
        return lines

    def env_steps(self, epoch: int) -> int | None:
        """Environment steps that had been taken when an epoch was over, by its line of metrics."""
        return next((line["env_steps"] for line in self.read_metrics() if line["epoch"] == epoch), None)

    def forget_after(self, epoch: int) -> list[dict[str, Any]]:
        """Drop the metrics of later epochs: they are about to be computed again. Returns the lines that stay."""
        lines = [line for line in self.read_metrics() if line["epoch"] <= epoch]
        write(self.metrics, "".join(json.dumps(line) + "\n" for line in lines))
        return lines


def left_by_a_start(entry: Path) -> bool:
    """Whether a start, or an import of weights, that was cut short may have left this in a run's folder."""
    if entry.name == "imported" and entry.is_dir():
        return {inside.name for inside in entry.iterdir()} <= IMPORTING
    return entry.name in BEGUN


def best_epoch(lines: Sequence[Mapping[str, Any]]) -> int | None:
    """The epoch whose agent stayed at its goal for longest, the newest of several; None before the first is over."""
    trained = [(line["time_at_goal"], line["epoch"]) for line in lines if line["epoch"]]
    return max(trained)[1] if trained else None


def differences(before: Mapping[str, Any], now: Mapping[str, Any]) -> tuple[str, ...]:
    """What differs between two plans, one line each. `steps` may differ: a run can go on for longer."""
    changes = [
        f"{name}: {before['config'].get(name)} in the run, {value} asked for"
        for name, value in now["config"].items()
        if name != "steps" and before["config"].get(name) != value
    ]
    networks = [name for name, hash in now["networks"].items() if before["networks"].get(name) != hash]
    if networks:
        changes.append(f"other networks than those of the run's spec.arch: {', '.join(networks)}")
        changes += [f"--set: {before['set']} in the run, {now['set']} asked for"] if before["set"] != now["set"] else []
    elif before["plan"] != now["plan"]:
        changes.append("the stacks of the networks are run otherwise: `@remat` or `@unroll`, see `archlang emit plan`")
    return tuple(changes)


def refuse_differences(path: Path, before: Mapping[str, Any], now: Mapping[str, Any]) -> None:
    """A run goes on only with what it began with: E0703."""
    changes = differences(before, now)
    if changes:
        help = "choose another --out for a new run, or repeat what the run began with"
        raise error("E0703", f"{path} is a run with other settings", path, help, changes)


@contextmanager
def locked(path: Path) -> Generator[None, None, None]:
    """Keep a second process from training in the same folder (E0706). The lock goes with the process, however it ends."""
    if sys.platform == "win32":  # no such locks there
        yield
        return
    import fcntl

    with (path / ".lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise error(
                "E0706", f"another process is training in {path}", path, "wait for it, or choose another --out"
            ) from None
        yield


@contextmanager
def diagnosed(path: Path) -> Generator[None, None, None]:
    """What the file system refuses is E0705, with its reason."""
    try:
        yield
    except OSError as problem:
        if isinstance(problem, BrokenPipeError):
            raise
        place = problem.filename or path
        raise unusable(place, problem) from problem


def unusable(place: Any, problem: OSError) -> RunError:
    help = "free some space" if problem.errno == errno.ENOSPC else "choose another folder"
    return error("E0705", f"cannot use {place}: {problem.strerror or problem}", place, help)


def write(place: Path, text: str) -> None:
    """Write a file as a whole or not at all; it is on disk when this returns."""
    draft = place.with_name(place.name + ".tmp")
    with draft.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(place)
    sync(place.parent)


def sync(folder: Path) -> None:
    """The names in a folder, on disk: a rename too must outlive a power cut."""
    if sys.platform == "win32":  # folders cannot be opened there
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def versions(config: TrainConfig) -> dict[str, str]:
    """Versions of everything that decides the numbers, and the fingerprints of the environments."""
    environments = {f"environment {name}": fingerprint(name) for name in (config.environment, config.evaluated_in)}
    return {"python": python_version()} | {name: version_of(name) for name in PACKAGES} | environments


def version_of(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"
