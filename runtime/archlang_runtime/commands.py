"""The runtime's part of the command line: `archlang train` and `archlang eval`. Imports no jax before it is needed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from archlang import load, settings
from archlang_runtime.config import TrainConfig, make_config
from archlang_runtime.envs import find_task
from archlang_runtime.folder import Experiment, RunFolder, diagnosed


def knob(name: str) -> Any:
    """The option of a setting: its help line is the setting's description, its name that of the setting."""
    return typer.Option(help=TrainConfig.model_fields[name].description, show_default=False)


SET = typer.Option("--set", metavar="NAME=VALUE", help="Give a definition another value.")


def train(
    spec: Annotated[str, typer.Argument(metavar="SPEC", help="A .arch file, a shipped name, or the text itself.")],
    env: Annotated[str, typer.Option(metavar="E", help="The environment to train in; `archlang envs` lists them.")],
    out: Annotated[Path, typer.Option(metavar="RUN", help="The run's folder. If it holds this run, the run goes on.")],
    steps: Annotated[int | None, knob("steps")] = None,
    seed: Annotated[int | None, knob("seed")] = None,
    set_: Annotated[list[str] | None, SET] = None,
    num_envs: Annotated[int | None, knob("num_envs")] = None,
    episode_length: Annotated[int | None, knob("episode_length")] = None,
    unroll_length: Annotated[int | None, knob("unroll_length")] = None,
    updates_per_unroll: Annotated[int | None, knob("updates_per_unroll")] = None,
    unrolls_per_epoch: Annotated[int | None, knob("unrolls_per_epoch")] = None,
    replay_rows: Annotated[int | None, knob("replay_rows")] = None,
    replay_dtype: Annotated[str | None, knob("replay_dtype")] = None,
    prefill_rows: Annotated[int | None, knob("prefill_rows")] = None,
    batch_size: Annotated[int | None, knob("batch_size")] = None,
    discount: Annotated[float | None, knob("discount")] = None,
    energy: Annotated[str | None, knob("energy")] = None,
    loss: Annotated[str | None, knob("loss")] = None,
    logsumexp_penalty: Annotated[float | None, knob("logsumexp_penalty")] = None,
    entropy: Annotated[str | None, knob("entropy")] = None,
    target_entropy: Annotated[float | None, knob("target_entropy")] = None,
    actor_learning_rate: Annotated[float | None, knob("actor_learning_rate")] = None,
    critic_learning_rate: Annotated[float | None, knob("critic_learning_rate")] = None,
    alpha_learning_rate: Annotated[float | None, knob("alpha_learning_rate")] = None,
    explore_best_of: Annotated[int | None, knob("explore_best_of")] = None,
    eval_best_of: Annotated[int | None, knob("eval_best_of")] = None,
    eval_environment: Annotated[str | None, knob("eval_environment")] = None,
    num_eval_envs: Annotated[int | None, knob("num_eval_envs")] = None,
    remat: Annotated[str | None, knob("remat")] = None,
    unroll: Annotated[int | None, knob("unroll")] = None,
) -> None:
    """Train a specification's networks by contrastive RL.

    A setting that is not given is the environment's own, else the paper's. RUN holds everything that comes out. Ctrl-C ends
    the run after the epoch and keeps it; the same command goes on.
    """
    chosen = {name: value for name, value in locals().items() if name in TrainConfig.model_fields}
    experiment = make_experiment(spec, settings(set_), env, chosen, RunFolder(out))
    from archlang_runtime.session import train as run

    raise typer.Exit(run(experiment, out))


def make_experiment(spec: str, values: dict[str, str], env: str, chosen: dict[str, Any], folder: RunFolder) -> Experiment:
    """Everything that can be wrong about a run is wrong here, before jax is imported."""
    environment = find_task(env).environment
    with diagnosed(folder.path):
        if chosen["steps"] is None and folder.exists():
            chosen = chosen | {"steps": folder.read_experiment()["config"]["steps"]}
    config = make_config(env, **chosen)
    bound = load(spec, values, action_dim=environment.action_dim)
    experiment = Experiment(config, bound, values)
    _ = experiment.plan  # what cannot be planned is wrong here
    return experiment


def evaluate(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="A run's folder.")],
    episodes: Annotated[int, typer.Option(min=1, help="How many episodes.")] = 128,
    seed: Annotated[int, typer.Option(min=0, max=2**32 - 1, help="Seed of starts and goals.")] = 0,
    best_of: Annotated[int | None, typer.Option(min=1, help="Actions drawn for each step; the critic picks one.")] = None,
    json_: Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")] = False,
) -> None:
    """Measure how long a run's agent stays at its goal, from the newest checkpoint.

    It acts as in the run's own evaluations: by default without noise, tanh of the policy's mean.
    """
    from archlang_runtime.evaluate import evaluate_run

    with diagnosed(run):
        result = evaluate_run(RunFolder(run), episodes, seed, best_of)
    if json_:
        return print(json.dumps(result))
    print(f"{run}, epoch {result['epoch']}, {result['env_steps']:,} steps of training; {result['episodes']:,} episodes")
    share = f"{result['steps_at_goal']:.1f} of {result['episode_length']} steps"
    print(f"at goal       {result['time_at_goal']:.1%} of the time ({share})")
    print(f"reached goal  in {result['reached_goal']:.1%} of the episodes")
    return None
