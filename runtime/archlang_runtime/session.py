"""A run from the outside: its folder, going on where it stopped, the loop over epochs, and the ways to end."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
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
from archlang_runtime.envs.episodes import reset
from archlang_runtime.evaluate import evaluation_key, make_evaluate
from archlang_runtime.failures import refuse_failures
from archlang_runtime.folder import Experiment, RunFolder, best_epoch, diagnosed, locked, refuse_differences
from archlang_runtime.import_checkpoint import begin_with_imported
from archlang_runtime.interrupt import Interruption
from archlang_runtime.learn import Metrics
from archlang_runtime.loggers import Loggers
from archlang_runtime.memory import describe_device, enough_memory, refuse_oversize
from archlang_runtime.networks import take_apart
from archlang_runtime.policy import make_policy
from archlang_runtime.process import OUT_OF_TIME, Process
from archlang_runtime.replay import emptied
from archlang_runtime.report import Report
from archlang_runtime.train import TrainState, make_train

Line = dict[str, Any]
LEFT_OUT = "checkpoints are without the replay buffer: going on takes {:,} steps more to fill it, and gives other numbers"
LOST = "the replay buffer is lost: {:,} steps more fill it before the next update; an uninterrupted run gives other numbers"


def train(experiment: Experiment, path: Path, report: Report | None = None, process: Process | None = None) -> int:
    """Train, or go on training, in the folder `path`.

    Returns the exit code: 0, 128 + the signal that ended it, or 75 where there was no time left.
    """
    report, process = report or Report(), process or Process()
    folder = RunFolder(path)
    with report, Interruption(report.stopping, report.abandoned) as interruption, diagnosed(path):
        if folder.exists():
            refuse_differences(path, folder.begun_with(experiment.as_json()), experiment.as_json())
        path.mkdir(parents=True, exist_ok=True)
        loggers = Loggers(process.log, path, report.say)
        with locked(path), enough_memory(), Checkpoints(folder.checkpoints, process.keep) as checkpoints, loggers:
            folder.forget_half_import()
            return Session(experiment, folder, checkpoints, report, interruption, process, loggers).run()


@dataclass
class Session:
    """One process's part of a run."""

    experiment: Experiment
    folder: RunFolder
    checkpoints: Checkpoints
    report: Report
    interruption: Interruption
    process: Process
    loggers: Loggers
    lines: list[Line] = field(default_factory=list)

    def run(self) -> int:
        """From the newest checkpoint, or from the start, to the end."""
        config, done = self.experiment.config, self.checkpoints.latest() or 0
        environment = find_task(config.environment).environment
        found = check(self.experiment.spec, env=environment)
        for warning in found.diagnostics:
            self.report.say(str(DiagnosticError([warning])).strip(), "yellow")
        self.report.schedule(config, found.params, describe_device())
        if config.checkpoint_replay == "no":
            self.report.say(LEFT_OUT.format(config.prefill_steps), "yellow")
        if self.experiment.spec.axes:
            self.report.say(
                f"point              {self.experiment.spec.where}: the first of {self.experiment.spec.num_points}, see --set"
            )
        if done < config.epochs:
            self.prepare()  # what does not fit does not become a run
            self.folder.write_experiment(self.experiment)
        self.lines = self.folder.forget_after(done if done else -1)
        self.loggers.begin(self.experiment.as_json(), self.lines)
        if done >= config.epochs:
            steps = self.folder.env_steps(done) or config.steps_after(done)
            self.report.say(f"This run is finished: {steps:,} steps. A larger --steps goes on from here.")
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
        refuse_oversize(self.shapes(), starts(config), logits, copied=stored(self.shapes(), config))

    def start(self) -> TrainState:
        self.report.begin(self.experiment.config, 0, ())
        state = self.program.init(jax.random.key(self.experiment.config.seed))
        if self.folder.imported.is_dir():
            self.report.say("epoch 0 has the imported weights", "green")
            state = begin_with_imported(self.folder, state)
        state = on_device(state)
        self.record(state, 0, {})
        return state

    def resume(self, done: int) -> TrainState:
        config, shapes = self.experiment.config, self.shapes()
        state = revived(self.checkpoints.restore(done, stored(shapes, config)), shapes, config)
        self.report.say(f"going on from epoch {done}, {env_steps(state):,} steps", "green")
        if config.checkpoint_replay == "no":
            self.report.say(LOST.format(config.prefill_steps), "yellow")
        for change in self.folder.other_versions(config):
            self.report.say(f"note: {change}; numbers may differ from those of an uninterrupted run", "yellow")
        self.report.begin(config, done, self.lines)
        return on_device(state)

    def shapes(self) -> TrainState:
        return jax.eval_shape(self.program.init, jax.random.key(0))

    def loop(self, state: TrainState, done: int) -> int:
        config = self.experiment.config
        for epoch in range(done + 1, config.epochs + 1):
            began, before = time.perf_counter(), env_steps(state)
            state, metrics = self.program.epoch(state)
            refuse_failures(metrics, config, self.experiment.plan.networks, epoch, env_steps(state))
            seconds = time.perf_counter() - began
            self.record(state, epoch, as_floats(metrics) | speed(config, env_steps(state) - before, seconds))
            self.checkpoints.save(epoch, stored(state, config), best_epoch(self.lines))
            exit_code = self.exit_code(time.perf_counter() - began)
            if exit_code and epoch < config.epochs:
                return self.stop(exit_code)
        self.checkpoints.wait()
        return self.end()

    def exit_code(self, seconds: float) -> int:
        """The status to stop with after an epoch that took so long, or 0: there is time for another, and its checkpoint."""
        if self.interruption.signal:
            return self.interruption.exit_code
        return 0 if self.process.has_time_for(seconds + self.checkpoints.seconds) else OUT_OF_TIME

    def stop(self, exit_code: int) -> int:
        """End before the last epoch; the same command goes on."""
        self.checkpoints.wait()
        self.report.stopped(self.lines[-1], self.experiment.config.epochs, out_of_time=exit_code == OUT_OF_TIME)
        return self.end(exit_code)

    def record(self, state: TrainState, epoch: int, measured: Line) -> None:
        """Evaluate, and write the epoch's line of metrics: counts, evaluation, means over the epoch's updates, clock."""
        config = self.experiment.config
        counts = {"epoch": epoch, "env_steps": env_steps(state), "updates": epoch * config.updates_per_epoch}
        evaluation = as_floats(self.evaluate(state.learners.agent, evaluation_key(config.seed, epoch)))
        line = counts | evaluation | measured | {"elapsed_seconds": time.perf_counter() - self.began}
        self.folder.append(line)
        self.lines.append(line)
        self.loggers.log(line)
        self.report.epoch(line, config.epochs)

    def end(self, exit_code: int = 0) -> int:
        """Draw the learning curve and say what came out."""
        from archlang_runtime.plot import draw_learning_curve  # matplotlib takes a second to import

        config, curve = self.experiment.config, self.folder.learning_curve
        self.loggers.exit_code = exit_code
        if self.lines:
            draw_learning_curve(self.lines, f"{config.environment}, seed {config.seed}", curve)
            self.report.finished(self.lines, curve)
        return exit_code


def starts(config: TrainConfig) -> EnvState:
    """The shapes of the environments of an evaluation."""
    env = load(find_task(config.evaluated_in))
    return jax.eval_shape(partial(reset, env, num_envs=config.num_eval_envs), jax.random.key(0))


def stored(state: TrainState, config: TrainConfig) -> Any:
    """What a checkpoint holds of a state (arrays or shapes): of a buffer that is left out, the time alone."""
    return state if config.checkpoint_replay == "yes" else replace(state, replay={"time": state.replay.time})


def revived(found: Any, like: TrainState, config: TrainConfig) -> TrainState:
    """The state that a checkpoint gives: a buffer that was left out is empty, and filled again before the next update."""
    if config.checkpoint_replay == "yes":
        return found
    return replace(found, replay=emptied(like.replay, found.replay["time"]))


def on_device(state: TrainState) -> TrainState:
    """Every array on the device by name, as what is restored is: or the program would be compiled anew for a run that goes on,
    and for what comes out of an epoch. Copies nothing."""
    return jax.device_put(state, jax.devices()[0])


def env_steps(state: TrainState) -> int:
    """Steps taken so far, over all environments."""
    return int(state.replay.time) * state.replay.num_envs


def as_floats(metrics: Metrics) -> Line:
    return {name: float(value) for name, value in sorted(metrics.items())}


def speed(config: TrainConfig, steps: int, seconds: float) -> Line:
    rates = {"env_steps_per_second": steps / seconds, "updates_per_second": config.updates_per_epoch / seconds}
    return {"epoch_seconds": seconds} | rates
