"""`archlang estimate`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from archlang import pipeline
from archlang.bars import ordered, print_estimate, print_points
from archlang.console import print_diagnostics, print_json, print_notes
from archlang.diagnostics import Diagnostic, DiagnosticError
from archlang.diagnostics import short as shortened
from archlang.estimate import Estimate
from archlang.options import (
    NO_ESTIMATE,
    RUN_SETTINGS,
    Action,
    BatchSize,
    Energy,
    Env,
    ExploreBestOf,
    Gpu,
    In,
    Json,
    Loss,
    Margin,
    NumEnvs,
    Optimizer,
    PrefillRows,
    Remat,
    ReplayDtype,
    ReplayRows,
    Setting,
    SpecArgument,
    Unroll,
    UnrollLength,
    UpdatesPerUnroll,
    read,
    refuse_both,
    refused,
)
from archlang.report import diagnostics_of
from archlang.source import Source
from archlang.spec import Point, Spec

Row = tuple[Point, Estimate]


def estimate(
    spec: SpecArgument,
    env: Env = None,
    in_: In = None,
    action: Action = None,
    set_: Setting = None,
    gpu: Gpu = None,
    exact: Annotated[bool, typer.Option("--exact", help="Ask XLA for its own plan of the whole program.")] = False,
    margin: Margin = None,
    batch_size: BatchSize = None,
    num_envs: NumEnvs = None,
    replay_rows: ReplayRows = None,
    replay_dtype: ReplayDtype = None,
    prefill_rows: PrefillRows = None,
    optimizer: Optimizer = None,
    energy: Energy = None,
    loss: Loss = None,
    explore_best_of: ExploreBestOf = None,
    unroll_length: UnrollLength = None,
    updates_per_unroll: UpdatesPerUnroll = None,
    steps: Annotated[int | None, typer.Option(metavar="N", help="Environment steps of the whole run.")] = None,
    remat: Remat = None,
    unroll: Unroll = None,
    sort: Annotated[str | None, typer.Option(metavar="COLUMN", help="Order the points of a grid by a column.")] = None,
    plot: Annotated[Path | None, typer.Option(metavar="FILE", help="Draw the terms: a .png, .svg or .pdf.")] = None,
    json_: Json = False,
) -> None:
    """What training takes: memory by term, FLOPs, time; and whether it fits a GPU, which need not be there.

    Settings that are not given are the runtime's own for the environment; without one it is an update of the networks alone. Of
    a grid, every point.
    """
    refuse_both(in_, env)
    given = {name: value for name, value in locals().items() if name in RUN_SETTINGS}
    try:
        found = read(spec, set_, action)
        pipeline.refuse_idle(not found.axes, "--sort", sort, "where there is one point: give a definition several values")
        options = pipeline.make_options(gpu, exact, margin, remat, unroll, given)
        kind_of_picture(plot)
        rows = list(pipeline.estimates(found, pipeline.inputs_of(in_, env), options))
        listed = ordered(found, rows, sort)
    except DiagnosticError as error:
        raise refused(error, json_, NO_ESTIMATE) from None
    print_notes(note for _, row in rows if row.exact is not None for note in row.exact.notes)
    print_json(as_json(found, rows[0][1], listed)) if json_ else show(found, rows[0][1], listed)
    if plot is not None:
        draw(found, rows, plot)
    raise typer.Exit(1 if any(row.wrong for _, row in rows) else 0)


def as_json(spec: Spec, first: Estimate, rows: Sequence[Row]) -> dict[str, Any]:
    """The first point; and, of a grid, every one of them, without what would mend it."""
    if not spec.axes:
        return first.as_json()
    return first.as_json() | {
        "points": [{"set": dict(point.values)} | found.report.as_json() | found.numbers() for point, found in rows]
    }


def show(spec: Spec, first: Estimate, rows: Sequence[Row]) -> None:
    """One point with its terms; a grid as a table, with what is wrong with its networks anywhere."""
    if not spec.axes:
        print_estimate(first)
        return print_diagnostics(first.diagnostics)
    print_points(spec, rows)
    return print_diagnostics(diagnostics_of(spec, [(point, found.report) for point, found in rows]))


# --- the picture ----------------------------------------------------------------------------------------------------------

PICTURES = (".png", ".svg", ".pdf")


def kind_of_picture(plot: Path | None) -> None:
    """Raise `DiagnosticError` (E0603) for a picture of a kind that there is not."""
    if plot is not None and plot.suffix not in PICTURES:
        message = f"a picture is a {', '.join(PICTURES)}; got `{plot.suffix or plot.name}`"
        raise DiagnosticError([Diagnostic("E0603", message, Source(str(plot), "--plot").span())])


def draw(spec: Spec, rows: Sequence[Row], plot: Path) -> None:
    """The terms of every point that has any."""
    from archlang.picture import draw_estimates  # matplotlib

    bars = [(label(point), found.terms) for point, found in rows if found.question is not None]
    question = next((found.question for _, found in rows if found.question is not None), None)
    if question is None:
        return
    try:
        draw_estimates(bars, question.target, question.workload.summary.rstrip(","), plot)
    except OSError as error:
        message = f"{plot} cannot be written: {error.strerror or error}"
        raise DiagnosticError([Diagnostic("E0705", message)]) from error


def label(point: Point) -> str:
    return ", ".join(f"{name} = {shortened(value)}" for name, value in point.values.items())
