"""The options that several commands have, and what they make of them."""

from __future__ import annotations

from typing import Annotated

import typer

from archlang import pipeline
from archlang.console import print_diagnostics, print_json
from archlang.diagnostics import Diagnostic, DiagnosticError, as_json
from archlang.limits import MAX_WIDTH
from archlang.source import Source
from archlang.spec import Spec, settings

SpecArgument = Annotated[str, typer.Argument(metavar="SPEC", help="A .arch file, a shipped name, or the text itself.")]
Setting = Annotated[list[str] | None, typer.Option("--set", metavar="NAME=VALUE", help="Give a definition another value.")]
In = Annotated[int | None, typer.Option("--in", min=1, max=MAX_WIDTH, metavar="N", help="The input width of every network.")]
Action = Annotated[int | None, typer.Option(min=1, max=MAX_WIDTH, metavar="N", help="The width of a bare gaussian.")]
Env = Annotated[str | None, typer.Option(metavar="E", help="Take all widths from this environment.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")]
Remat = Annotated[str | None, typer.Option(metavar="POLICY", help="Policy of every stack: none, dots, full, nested.")]
Unroll = Annotated[int | None, typer.Option(min=1, metavar="N", help="Copies in each step of every loop.")]
Gpu = Annotated[str | None, typer.Option(metavar="G", help="The GPU to fit; `archlang gpus` lists them.")]
Margin = Annotated[float | None, typer.Option(metavar="PART", help="The part of the GPU to leave; else 0.1.")]
BatchSize = Annotated[int | None, typer.Option("--batch-size", "--batch", metavar="B", help="Rows of a batch.")]
NumEnvs = Annotated[int | None, typer.Option(metavar="N", help="Environments side by side.")]
ReplayRows = Annotated[int | None, typer.Option(metavar="N", help="Transitions kept of each environment.")]
ReplayDtype = Annotated[str | None, typer.Option(metavar="T", help="What they are kept in: float32 or bfloat16.")]
PrefillRows = Annotated[int | None, typer.Option(metavar="N", help="Of them, before the first update.")]
Optimizer = Annotated[str | None, typer.Option(metavar="O", help="Of the networks: adam, adamw, sgd or lion.")]
Energy = Annotated[str | None, typer.Option(metavar="E", help="The critic's energy, as for `archlang train`.")]
Loss = Annotated[str | None, typer.Option(metavar="L", help="The critic's loss, as for `archlang train`.")]
ExploreBestOf = Annotated[int | None, typer.Option(metavar="K", help="Actions drawn for each step of training.")]
UnrollLength = Annotated[int | None, typer.Option(metavar="N", help="Steps of an environment between updates.")]
UpdatesPerUnroll = Annotated[int | None, typer.Option(metavar="N", help="Updates after each unroll.")]

RUN_SETTINGS = (  # the options that are settings of a run
    "batch_size",
    "num_envs",
    "replay_rows",
    "replay_dtype",
    "prefill_rows",
    "optimizer",
    "energy",
    "loss",
    "explore_best_of",
    "unroll_length",
    "updates_per_unroll",
    "steps",
)

NO_ESTIMATE: dict[str, object] = {  # the keys of an estimate, where there is none
    "networks": {},
    "params": None,
    "fixes": [],
    "memory": None,
    "fits": None,
    "flops_per_update": None,
    "flops": None,
    "time": None,
    "tier": "instant",
}


def read(spec: str, set_: list[str] | None, action: int | None) -> Spec:
    """A specification as the options change it."""
    return with_actions([pipeline.read(spec, settings(set_), action_dim=action)], action)[0]


def with_actions(specs: list[Spec], action: int | None) -> list[Spec]:
    """The same, where it makes a difference that `--action` is given."""
    if action is None or any(spec.takes_actions or spec.elaboration.diagnostics for spec in specs):
        return specs
    message, help = "no network has a bare `gaussian`: `--action` changes nothing", "leave it away"
    raise DiagnosticError([Diagnostic("E0603", message, Source(str(action), "--action").span(), help=help)])


def refuse_both(in_: int | None, env: str | None) -> None:
    if in_ is not None and env is not None:
        raise typer.BadParameter(pipeline.ONE_WIDTH)


def refused(error: DiagnosticError, json_: bool, nothing: dict[str, object]) -> typer.Exit:
    """What is wrong, as a program asked for it or as people read it."""
    if json_:
        print_json(nothing | {"diagnostics": [as_json(diagnostic) for diagnostic in error.diagnostics]})
    else:
        print_diagnostics(error.diagnostics)
    return typer.Exit(1)
