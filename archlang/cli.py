"""The commands. Each is a few lines over the public names."""

from __future__ import annotations

import sys
from collections.abc import Callable
from itertools import takewhile
from pathlib import Path
from textwrap import shorten
from typing import Annotated

import typer
from rich.table import Table

from archlang import __version__, pipeline, resources
from archlang.app import App
from archlang.cli_estimate import estimate
from archlang.cli_solve import solve
from archlang.codes import CODES
from archlang.console import print_first_point, print_grid, print_json, print_report, print_table, right
from archlang.diagnostics import DiagnosticError, did_you_mean
from archlang.limits import MAX_WIDTH
from archlang.options import (
    Action,
    Env,
    In,
    Json,
    Remat,
    Setting,
    SpecArgument,
    Unroll,
    read,
    refuse_both,
    refused,
    with_actions,
)
from archlang.read import is_file_name
from archlang.report import Report
from archlang.spec import settings
from archlang.targets import FIGURES, GPUS
from archlang.workload import runtimes

app = App(
    name="archlang",
    help="A compiler for network architectures, and the runtime that trains what it compiles.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


@app.command()
def check(
    spec: SpecArgument,
    in_: In = None,
    env: Env = None,
    action: Action = None,
    set_: Setting = None,
    fix: Annotated[bool, typer.Option("--fix", help="Mend in the file what can only be meant in one way.")] = False,
    json_: Json = False,
) -> None:
    """Types, parameters and problems of a specification, at every point of its grid."""
    refuse_both(in_, env)

    def checked() -> Report:
        return pipeline.check(read(spec, set_, action), in_features=in_, env=env)

    if fix:
        mend(spec, checked)
    report = attempt(checked)
    print_json(report.as_json()) if json_ else print_report(report)
    raise typer.Exit(1 if report.wrong else 0)


def attempt(checked: Callable[[], Report]) -> Report:
    """The report, or one that holds nothing but what is wrong."""
    try:
        return checked()
    except DiagnosticError as error:
        return Report(diagnostics=error.diagnostics)


def mend(spec: str, checked: Callable[[], Report]) -> None:
    """Apply safe fixes to a file until none is left, and say what was done."""
    from archlang.fix import fix_file

    if not is_file_name(spec):
        raise typer.BadParameter("--fix changes a file; give a path that ends in .arch")
    for edit, was in fix_file(Path(spec), checked):
        print(f"{spec}:{edit.span.line}:{edit.span.column}: `{was}` → `{edit.text}`", file=sys.stderr)


@app.command()
def expand(
    spec: SpecArgument,
    in_: In = None,
    env: Env = None,
    action: Action = None,
    set_: Setting = None,
    json_: Json = False,
) -> None:
    """Every point of a specification's grid, with its parameters."""
    refuse_both(in_, env)
    try:
        found = read(spec, set_, action)
        rows = list(pipeline.expand(found, in_features=in_, env=env))
    except DiagnosticError as error:
        raise refused(error, json_, {"axes": {}, "points": []}) from None
    if json_:
        print_json({"axes": found.grid, "points": [{"set": dict(point.values)} | report.as_json() for point, report in rows]})
    else:
        print_grid(found, rows)
    raise typer.Exit(1 if any(report.wrong for _, report in rows) else 0)


app.command()(estimate)
app.command()(solve)


@app.command()
def fmt(
    files: Annotated[list[str], typer.Argument(metavar="SPEC...", help="Files to rewrite; other texts are printed.")],
    check: Annotated[bool, typer.Option("--check", help="Change nothing; exit code 1 if something would change.")] = False,
    diff: Annotated[bool, typer.Option("--diff", help="Change nothing; print what would change.")] = False,
) -> None:
    """Bring specifications into the canonical layout."""
    from archlang.rewrite import laid_out

    done = [laid_out(spec, check, diff) for spec in files]
    raise typer.Exit(0 if all(done) else 1)


@app.command()
def diff(
    before: Annotated[str, typer.Argument(metavar="A", help="A specification.")],
    after: Annotated[str, typer.Argument(metavar="B", help="Another.")],
    in_: In = None,
    env: Env = None,
    action: Action = None,
    set_a: Annotated[list[str] | None, typer.Option("--set-a", metavar="NAME=VALUE", help="As --set, for A.")] = None,
    set_: Annotated[list[str] | None, typer.Option("--set", metavar="NAME=VALUE", help="Another value in B.")] = None,
    json_: Json = False,
) -> None:
    """What changes from one specification to another: the networks, parameters, FLOPs, saved activations, the axes.

    Networks are compared at the first point of each: `archlang diff wang2025/base wang2025/base --set depth=256`.
    """
    refuse_both(in_, env)
    try:
        one, other = with_actions([pipeline.read(before, settings(set_a)), pipeline.read(after, settings(set_))], action)
        found = pipeline.diff(one, other, in_features=in_, env=env, action_dim=action)
    except DiagnosticError as error:
        raise refused(error, json_, {"networks": {}}) from None
    print_json(found.as_json()) if json_ else print("\n".join(found.lines()))


SUMMARY = 100  # characters of a specification's opening comment


@app.command()
def emit(
    stage: Annotated[str, typer.Argument(metavar="STAGE", help="One of those above.")],
    spec: SpecArgument,
    in_: In = None,
    env: Env = None,
    action: Action = None,
    set_: Setting = None,
    remat: Remat = None,
    unroll: Unroll = None,
    gpu: Annotated[str | None, typer.Option(metavar="G", help="Plan or compile for this GPU, there or not.")] = None,
    batch: Annotated[
        int | None, typer.Option(min=0, max=MAX_WIDTH, metavar="B", help="Rows of a batch; 512 if not given.")
    ] = None,
    network: Annotated[str | None, typer.Option(metavar="NAME", help="This network alone.")] = None,
    backward: Annotated[bool, typer.Option("--backward", help="The program of the parameters' gradients.")] = False,
    json_: Annotated[bool, typer.Option("--json", help="The plan as one JSON object.")] = False,
) -> None:
    """What a specification is at a stage of the compiler.

    syntax: the tree of the text. text: the networks with every definition put in, in canonical form. ir, canonical, rolled: the
    networks as JSON, as they are written, in canonical form, and with identical blocks made stacks. plan: how each stack is
    run, and why; with --gpu, so that an update fits. flax: a Flax file that gives the same without archlang. jaxpr, stablehlo,
    hlo: the program of each network; hlo with --gpu compiled for that GPU. Of a grid, the first point.
    """
    from archlang import emit as stages

    refuse_both(in_, env)
    if stage not in stages.STAGES:
        similar = did_you_mean(stage, stages.STAGES)
        help = f"did you mean `{similar}`?" if similar else f"there are {', '.join(stages.STAGES)}"
        raise typer.BadParameter(f"no stage `{stage}`; {help}")
    try:
        options = stages.Options(remat, unroll, gpu, batch, network, backward, json_)
        found = read(spec, set_, action)
        print(stages.emit(stage, found, pipeline.inputs_of(in_, env), options))
    except DiagnosticError as error:
        raise refused(error, json_, {}) from None
    if stage != "syntax":
        print_first_point(found)


@app.command()
def schema() -> None:
    """The JSON Schema of the networks that `archlang emit ir` prints."""
    from archlang.schema import schema as make_schema

    print_json(make_schema())


@app.command()
def explain(
    code: Annotated[str | None, typer.Argument(metavar="[CODE]", help="For instance E0301; all without.")] = None,
) -> None:
    """What a diagnostic means, why it is one, and an example that is wrong and one that is right."""
    from archlang.explain import explanation

    if code is None:
        return print("\n".join(f"{code}  {meaning}" for code, meaning in CODES.items()))
    if code.upper() not in CODES:
        raise typer.BadParameter(f"there is no code {code}; `archlang explain` lists them")
    return print(explanation(code.upper()))


@app.command()
def specs(
    name: Annotated[str | None, typer.Argument(metavar="[NAME]", help="Print this one, as it is written.")] = None,
    json_: Json = False,
) -> None:
    """The specifications that are shipped."""
    if name is not None:
        return print_shipped(name)
    summaries = {name: summary(pipeline.text(name).text) for name in resources.spec_names()}
    if json_:
        return print_json(summaries)
    table = Table("name", "", box=None, pad_edge=False, show_header=False)
    for name, text in summaries.items():
        table.add_row(name, text)
    return print_table(table)


def print_shipped(name: str) -> None:
    if resources.spec_path(name) is None:
        similar = did_you_mean(name, resources.spec_names())
        raise typer.BadParameter(f"no shipped specification `{name}`" + (f"; did you mean `{similar}`?" if similar else ""))
    sys.stdout.write(pipeline.text(name).text)


def summary(text: str) -> str:
    """The beginning of the comment that opens a specification."""
    comment = " ".join(line.lstrip("# ") for line in takewhile(lambda line: line.startswith("#"), text.splitlines()))
    return shorten(comment, SUMMARY, placeholder=" …")


@app.command()
def envs(json_: Json = False) -> None:
    """The environments that `--env` knows."""
    known = [env for runtime in runtimes() for env in runtime.environments.values()]
    if json_:
        print_json({e.name: {"state": e.state_dim, "goal": e.goal_dim, "action": e.action_dim} for e in known})
        return
    table = Table("environment", right("state"), right("goal"), right("action"), "", box=None, pad_edge=False)
    for e in known:
        table.add_row(e.name, str(e.state_dim), str(e.goal_dim), str(e.action_dim), e.summary)
    print_table(table)


@app.command()
def gpus(json_: Json = False) -> None:
    """The GPUs that `--gpu` knows; `custom:24GB` is any other, of which only the memory is known.

    GiB as a program sees them, GB/s of that memory, dense TFLOP/s with f32, tf32 and bf16, compute capability; and who says so.
    """
    if json_:
        print_json({name: gpu.as_json() for name, gpu in GPUS.items()})
        return
    table = Table("GPU", *(right(heading) for heading in FIGURES), "sources", box=None, pad_edge=False)
    for name, gpu in GPUS.items():
        table.add_row(name, *gpu.figures(), "; ".join(gpu.sources()))
    print_table(table)


# --- options ------------------------------------------------------------------------------------------------------------


def version(wanted: bool) -> None:
    if wanted:
        print(f"archlang {__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[bool, typer.Option("--version", callback=version, is_eager=True, help="Print the version.")] = False,
) -> None:
    """A compiler for network architectures, and the runtime that trains what it compiles."""
