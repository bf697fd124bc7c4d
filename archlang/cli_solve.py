"""`archlang solve`."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from rich.table import Table

from archlang import pipeline
from archlang.bars import print_estimate
from archlang.budget import Equal
from archlang.console import print_first_point, print_json, print_table, right
from archlang.diagnostics import DiagnosticError
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
from archlang.solve import Largest, NothingFits

NO_VALUE = {"free": None, "value": None, "limit": None} | NO_ESTIMATE
NO_ROWS: dict[str, object] = {"budget": None, "free": None, "rows": []}
OF_A_RUN = ("margin", *RUN_SETTINGS, "remat", "unroll")


def solve(
    spec: SpecArgument,
    free: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="batch, num_envs, replay_rows or a definition; with --params one or two of those."),
    ] = None,
    params: Annotated[str | None, typer.Option(metavar="N", help="A number of parameters: 13M, 200k, 1.5B.")] = None,
    gpu: Gpu = None,
    env: Env = None,
    in_: In = None,
    action: Action = None,
    set_: Setting = None,
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
    remat: Remat = None,
    unroll: Unroll = None,
    json_: Json = False,
) -> None:
    """The largest batch, depth or number of environments that fits a GPU; or widths and depths of equal parameters.

    `--gpu h100-80gb --free batch`: the largest value with which training surely fits. `--params 13M --free width,depth`: for
    each depth of its axis, or each power of two, the width whose parameters come nearest. Of a grid, the first point.
    """
    refuse_both(in_, env)
    given: dict[str, Any] = {name: value for name, value in locals().items() if name in OF_A_RUN}
    try:
        asked = read(spec, set_, action)
        found = pipeline.solve(asked, free=free or "", params=params, in_features=in_, env=env, gpu=gpu, **given)
    except NothingFits as error:
        raise refused(error, json_, error.as_json()) from None
    except DiagnosticError as error:
        raise refused(error, json_, NO_VALUE if params is None else NO_ROWS) from None
    print_first_point(asked, found.names)
    print_json({"diagnostics": []} | found.as_json()) if json_ else show(found)


def show(found: Largest | Equal) -> None:
    if isinstance(found, Equal):
        return show_rows(found)
    print(f"{found.name} = {found.value:,} is the largest that fits {found.gpu}")
    if found.limit is not None:
        print(f"more cannot be: {found.limit}")
    print()
    return print_estimate(found.estimate)


def show_rows(found: Equal) -> None:
    """A row for each setting, with how far its parameters are from the budget."""
    table = Table(*map(right, (*reversed(found.names), "parameters", "off by")), box=None, pad_edge=False)
    for row in found.rows:
        values = (str(row.values[name]) for name in reversed(found.names))
        table.add_row(*values, f"{row.params:,}", f"{row.deviation:+.2%}")
    print_table(table)
