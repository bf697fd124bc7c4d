"""The runtime's part of the command line: `archlang train` and `archlang eval`. Imports no jax before it is needed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from archlang import did_you_mean, load, settings
from archlang_runtime.config import TrainConfig, make_config
from archlang_runtime.envs import find_task
from archlang_runtime.errors import error
from archlang_runtime.folder import Experiment, RunFolder, diagnosed
from archlang_runtime.loggers import find_loggers
from archlang_runtime.process import KEPT, OUT_OF_TIME, Process, duration, take_memory


def knob(name: str) -> Any:
    """The option of a setting: its help line is the setting's description, its name that of the setting."""
    return typer.Option(help=TrainConfig.model_fields[name].description, show_default=False)


RENDERS = (".gif", ".html")
RENDER_OUT = "A .gif or .html (one file, for a browser); both, in RUN/renders, if not given."
PICTURES = (".png", ".svg", ".pdf")
LOG = "Send the metrics there, too: tensorboard, wandb (repeat it for both). metrics.jsonl has them always."
SET = typer.Option("--set", metavar="NAME=VALUE", help="Give a definition another value.")
WHICH = "Whose agent: an epoch that is kept, newest, or best, the one that stayed at its goal for longest."
KEEP = "Checkpoints to keep: so many of the newest, and the best."
STOP_AFTER = f"End before an epoch that would be over later than this, such as 2h30m from now; exit status {OUT_OF_TIME}."


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
    optimizer: Annotated[str | None, knob("optimizer")] = None,
    weight_decay: Annotated[float | None, knob("weight_decay")] = None,
    explore_best_of: Annotated[int | None, knob("explore_best_of")] = None,
    eval_best_of: Annotated[int | None, knob("eval_best_of")] = None,
    eval_environment: Annotated[str | None, knob("eval_environment")] = None,
    num_eval_envs: Annotated[int | None, knob("num_eval_envs")] = None,
    remat: Annotated[str | None, knob("remat")] = None,
    unroll: Annotated[int | None, knob("unroll")] = None,
    checkpoint_replay: Annotated[str | None, knob("checkpoint_replay")] = None,
    keep: Annotated[int, typer.Option(min=1, help=KEEP)] = KEPT,
    stop_after: Annotated[str | None, typer.Option(metavar="TIME", help=STOP_AFTER, show_default=False)] = None,
    log: Annotated[list[str] | None, typer.Option(metavar="LOGGER", help=LOG)] = None,
) -> None:
    """Train a specification's networks by contrastive RL.

    A setting that is not given is the environment's own, else the paper's. RUN holds everything that comes out. Ctrl-C ends
    the run after the epoch and keeps it; the same command goes on. --keep, --stop-after and --log may differ each
    time.
    """
    process = Process(keep, duration(stop_after) if stop_after is not None else None, find_loggers(log or ()))
    chosen = {name: value for name, value in locals().items() if name in TrainConfig.model_fields}
    experiment = make_experiment(spec, settings(set_), env, chosen, RunFolder(out))
    take_memory()
    from archlang_runtime.session import train as run

    raise typer.Exit(run(experiment, out, process=process))


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


def import_checkpoint(
    weights: Annotated[Path, typer.Argument(metavar="WEIGHTS", help="An .npz file of arrays: docs/import.md says which.")],
    spec: Annotated[str, typer.Argument(metavar="SPEC", help="A .arch file, a shipped name, or the text itself.")],
    env: Annotated[str, typer.Option(metavar="E", help="The environment; `archlang envs` lists them.")],
    out: Annotated[Path, typer.Option(metavar="RUN", help="The new run's folder.")],
    set_: Annotated[list[str] | None, SET] = None,
    energy: Annotated[str | None, knob("energy")] = None,
) -> None:
    """Make a run that begins with weights from elsewhere, to train on or to evaluate.

    All else is that of a new run: the optimizers' memory, the replay buffer, the counters. The other settings are chosen with
    the first `archlang train`.
    """
    chosen = {"steps": None, "energy": energy}
    experiment = make_experiment(spec, settings(set_), env, chosen, RunFolder(out))
    from archlang_runtime.import_checkpoint import import_checkpoint as bring_in

    with diagnosed(out):
        found = bring_in(experiment, weights, out)
    alpha = "1: the file has no log_alpha" if found.alpha is None else f"{found.alpha:.4g}"
    print(f"{out} begins with {found.num_params:,} parameters of {weights}; the entropy's weight is {alpha}")
    print("optimizer states are fresh, the replay buffer is empty, and no step has been taken")
    print(f"`archlang eval {out}` measures it; `archlang train` with the same specification, --env and --out trains it")


def evaluate(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="A run's folder.")],
    episodes: Annotated[int, typer.Option(min=1, help="How many episodes.")] = 128,
    seed: Annotated[int, typer.Option(min=0, max=2**32 - 1, help="Seed of starts and goals.")] = 0,
    best_of: Annotated[int | None, typer.Option(min=1, help="Actions drawn for each step; the critic picks one.")] = None,
    checkpoint: Annotated[str, typer.Option(metavar="EPOCH", help=WHICH)] = "newest",
    json_: Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")] = False,
) -> None:
    """Measure how long a run's agent stays at its goal.

    It acts as in the run's own evaluations: by default without noise, tanh of the policy's mean.
    """
    from archlang_runtime.evaluate import evaluate_run

    with diagnosed(run):
        result = evaluate_run(RunFolder(run), episodes, seed, best_of, checkpoint)
    if json_:
        return print(json.dumps(result))
    print(f"{run}, epoch {result['epoch']}, {result['env_steps']:,} steps of training; {result['episodes']:,} episodes")
    share = f"{result['steps_at_goal']:.1f} of {result['episode_length']} steps"
    print(f"at goal       {result['time_at_goal']:.1%} of the time ({share})")
    print(f"reached goal  in {result['reached_goal']:.1%} of the episodes")
    return None


def plot(
    runs: Annotated[
        list[Path],
        typer.Argument(
            metavar="RUN...", help="Folders of runs. Those that differ in the seed alone are one line with its 95 % interval."
        ),
    ],
    metric: Annotated[str, typer.Option(metavar="KEY", help="A key of metrics.jsonl.")] = "time_at_goal",
    x: Annotated[str, typer.Option("--x", metavar="KEY", help="env_steps, updates or elapsed_seconds.")] = "env_steps",
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="A .png, .svg or .pdf; curves.png if not given.")] = None,
    json_: Annotated[bool, typer.Option("--json", help="Print the numbers as one JSON object; draw only with --out.")] = False,
) -> None:
    """Draw the learning curves of one or many runs, those that differ in the seed alone as one.

    A line is the interquartile mean over seeds, the band around it its bootstrapped 95 % interval. Lines bear what sets them
    apart, and every environment has a panel of its own.
    """
    from archlang_runtime.curves import AXES, make_panels, read_run

    refuse_unknown(x, AXES, "--x")
    place = out or Path("curves.png")
    refuse_unknown(place.suffix.lower(), PICTURES, "--out")
    with diagnosed(runs[0]):
        found = [read_run(run) for run in {run.resolve(): run for run in runs}.values()]
        panels, notes = make_panels(found, metric, x)
        if out or not json_:
            from archlang_runtime.plot import draw  # matplotlib takes a second to import

            draw(panels, metric, x, place)
    if json_:
        numbers = {"metric": metric, "x": x, "panels": [panel.as_json() for panel in panels], "notes": notes}
        return print(json.dumps(numbers))
    print(*(f"note: {note}" for note in notes), place, sep="\n")
    return None


def render(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="A run's folder.")],
    seed: Annotated[int, typer.Option(min=0, max=2**32 - 1, help="Seed of starts and goals, as of `archlang eval`.")] = 0,
    episode: Annotated[int, typer.Option(min=0, max=9_999, metavar="N", help="Which of the seed's episodes.")] = 0,
    steps: Annotated[int | None, typer.Option(min=1, metavar="N", help="Stop after so many steps.", show_default=False)] = None,
    checkpoint: Annotated[str, typer.Option(metavar="EPOCH", help=WHICH)] = "newest",
    out: Annotated[Path | None, typer.Option(metavar="FILE", help=RENDER_OUT, show_default=False)] = None,
) -> None:
    """Show an episode of a run's agent, which acts as in the run's evaluations.

    The GIF plays in real time. The HTML page is one file that loads nothing from anywhere: drag turns, the wheel zooms. The
    sphere is the goal, green while the agent is within its radius. Neither needs a GPU or a display.
    """
    if out:
        refuse_unknown(out.suffix.lower(), RENDERS, "--out")
    from archlang_runtime.render import film_run, save

    with diagnosed(run):
        film = film_run(RunFolder(run), seed, episode, steps, checkpoint)
        name = film.title.replace(", ", "-").replace(" ", "-")
        places = [out] if out else [run / "renders" / f"{name}{kind}" for kind in RENDERS]
        save(film, places)
    print(f"{film.title}: {len(film.pos) - 1:,} steps, {film.at_goal[1:].sum():,} of them at the goal", *places, sep="\n")


def refuse_unknown(value: str, known: tuple[str, ...], at: str) -> None:
    """A value that an option does not take is E0603."""
    if value not in known:
        similar = did_you_mean(value, known)
        help = f"did you mean `{similar}`?" if similar else None
        raise error("E0603", f"{at} takes {', '.join(known)}; got {value!r}", at, help)
