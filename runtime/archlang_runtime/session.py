"""A run from the outside: its folder, going on where it stopped, the loop over epochs, and the ways to end."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import jax

from archlang import DiagnosticError, check
from archlang_runtime.checkpoint import Checkpoints
from archlang_runtime.config import TrainConfig
from archlang_runtime.energies import ENERGIES
from archlang_runtime.envs import find_task, load
from archlang_runtime.envs.base import EnvState
from archlang_runtime.envs.episodes import TRIES, reset
from archlang_runtime.errors import error
from archlang_runtime.evaluate import evaluation_key, make_evaluate
from archlang_runtime.folder import Experiment, RunFolder, diagnosed, locked, refuse_differences
from archlang_runtime.interrupt import Interruption
from archlang_runtime.learn import Metrics
from archlang_runtime.memory import describe_device, enough_memory, refuse_oversize
from archlang_runtime.networks import take_apart
from archlang_runtime.policy import make_policy
from archlang_runtime.report import Report
from archlang_runtime.train import TrainState, make_train

Line = dict[str, Any]


def train(experiment: Experiment, path: Path, report: Report | None = None) -> int:
    """Train, or go on training, in the folder `path`. Returns the exit code: 0, or 128 + the signal that ended it."""
    report = report or Report()
    folder = RunFolder(path)
    with report, Interruption(report.stopping, report.abandoned) as interruption, diagnosed(path):
        if folder.exists():
            refuse_differences(path, folder.read_experiment(), experiment.as_json())
        path.mkdir(parents=True, exist_ok=True)
        with locked(path), Checkpoints(folder.checkpoints) as checkpoints, enough_memory():
            return Session(experiment, folder, checkpoints, report, interruption).run()


@dataclass
class Session:
    """One process's part of a run."""

    experiment: Experiment
    folder: RunFolder
    checkpoints: Checkpoints
    report: Report
    interruption: Interruption
    lines: list[Line] = field(default_factory=list)

    def run(self) -> int:
        """From the newest checkpoint, or from the start, to the end."""
        config, done = self.experiment.config, self.checkpoints.latest() or 0
        environment = find_task(config.environment).environment
        found = check(self.experiment.spec, env=environment)
        for warning in found.diagnostics:
            self.report.say(str(DiagnosticError([warning])).strip(), "yellow")
        self.report.schedule(config, found.params, describe_device())
        if self.experiment.spec.axes:
            self.report.say(
                f"point              {self.experiment.spec.where}: the first of {self.experiment.spec.num_points}, see --set"
            )
        if done < config.epochs:
            self.prepare()  # what does not fit does not become a run
            self.folder.write_experiment(self.experiment)
        self.lines = self.folder.forget_after(done if done else -1)
        if done >= config.epochs:
            self.report.say(f"This run is finished: {config.steps_after(done):,} steps. A larger --steps goes on from here.")
            return self.end()
        self.began = time.perf_counter() - (self.lines[-1]["elapsed_seconds"] if self.lines else 0)
        state = self.resume(done) if done else self.start()
        return self.loop(state, done)

    def prepare(self) -> None:
        config = self.experiment.config
        networks = take_apart(self.experiment.plan, find_task(config.environment).environment)
        self.program = make_train(config, networks)
        policy = make_policy(networks, ENERGIES[config.energy], config.eval_best_of, noise=False)
        self.evaluate = make_evaluate(config.evaluated_in, policy, config.num_eval_envs, config.episode_length)
        logits = jax.ShapeDtypeStruct((config.batch_size, config.batch_size), "float32")
        refuse_oversize(self.shapes(), starts(config), logits)

    def start(self) -> TrainState:
        self.report.begin(0, self.experiment.config.epochs)
        state = self.program.init(jax.random.key(self.experiment.config.seed))
        self.record(state, 0, {})
        return state

    def resume(self, done: int) -> TrainState:
        self.report.say(f"going on from epoch {done}, {self.experiment.config.steps_after(done):,} steps", "green")
        for change in self.folder.other_versions(self.experiment.config):
            self.report.say(f"note: {change}; numbers may differ from those of an uninterrupted run", "yellow")
        self.report.begin(done, self.experiment.config.epochs)
        return self.checkpoints.restore(done, self.shapes())

    def shapes(self) -> TrainState:
        return jax.eval_shape(self.program.init, jax.random.key(0))

    def loop(self, state: TrainState, done: int) -> int:
        config = self.experiment.config
        for epoch in range(done + 1, config.epochs + 1):
            began = time.perf_counter()
            state, metrics = self.program.epoch(state)
            refuse_hopeless(metrics, config, epoch)
            refuse_bad_numbers(metrics, config, epoch)
            seconds = time.perf_counter() - began
            self.record(state, epoch, as_floats(metrics) | speed(config, epoch, seconds))
            self.checkpoints.save(epoch, state)
            if self.interruption.signal and epoch < config.epochs:
                self.report.stopped(self.lines[-1], config.epochs)
                return self.end(self.interruption.exit_code)
        return self.end()

    def record(self, state: TrainState, epoch: int, measured: Line) -> None:
        """Evaluate, and write the epoch's line of metrics: counts, evaluation, means over the epoch's updates, clock."""
        config = self.experiment.config
        counts = {"epoch": epoch, "env_steps": config.steps_after(epoch), "updates": epoch * config.updates_per_epoch}
        evaluation = as_floats(self.evaluate(state.learners.agent, evaluation_key(config.seed, epoch)))
        line = counts | evaluation | measured | {"elapsed_seconds": time.perf_counter() - self.began}
        self.folder.append(line)
        self.lines.append(line)
        self.report.epoch(line, config.epochs)

    def end(self, exit_code: int = 0) -> int:
        """Draw the learning curve and say what came out."""
        from archlang_runtime.plot import draw_learning_curve  # matplotlib takes a second to import

        config, curve = self.experiment.config, self.folder.learning_curve
        if self.lines:
            draw_learning_curve(self.lines, f"{config.environment}, seed {config.seed}", curve)
            self.report.finished(self.lines, curve)
        return exit_code


def starts(config: TrainConfig) -> EnvState:
    """The shapes of the environments of an evaluation."""
    env = load(find_task(config.evaluated_in))
    return jax.eval_shape(partial(reset, env, num_envs=config.num_eval_envs), jax.random.key(0))


def refuse_bad_numbers(metrics: Metrics, config: TrainConfig, epoch: int) -> None:
    """Stop before anything that is not finite reaches the disk: E0708."""
    index = int(metrics.pop("first_bad_update"))
    if index < 0:
        return
    number = (epoch - 1) * config.updates_per_epoch + index + 1
    before = config.steps_after(epoch - 1) or config.prefill_steps  # the first epoch begins with it
    steps = before + config.steps_per_unroll * (index // config.updates_per_unroll + 1)
    bad = ", ".join(name for name, value in metrics.items() if not jax.numpy.isfinite(value))
    message = f"update {number:,} (about {steps:,} environment steps) gave numbers that are not finite: {bad or 'parameters'}"
    help = "the last checkpoint is from before it; try a smaller learning rate or another architecture in a new --out"
    raise error("E0708", message, f"epoch {epoch}", help)


def refuse_hopeless(metrics: Metrics, config: TrainConfig, epoch: int) -> None:
    """Stop before a row of an environment that never works reaches the disk: E0710."""
    count = int(metrics.pop("hopeless"))
    if count:
        message = f"{count:,} of {config.num_envs:,} environments of {config.environment} blew up {TRIES} times in a row"
        help = "the last checkpoint is from before it; the physics of this environment does not stand what the agent does"
        raise error("E0710", message, f"epoch {epoch}", help)


def as_floats(metrics: Metrics) -> Line:
    return {name: float(value) for name, value in sorted(metrics.items())}


def speed(config: TrainConfig, epoch: int, seconds: float) -> Line:
    steps = config.steps_after(epoch) - config.steps_after(epoch - 1)
    rates = {"env_steps_per_second": steps / seconds, "updates_per_second": config.updates_per_epoch / seconds}
    return {"epoch_seconds": seconds} | rates
