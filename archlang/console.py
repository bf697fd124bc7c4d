"""What the command line prints: tables and diagnostics for people, JSON for programs."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Iterable, Sequence
from math import prod

from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

from archlang.diagnostics import Diagnostic, listing, printable, short
from archlang.report import Report, diagnostics_of
from archlang.spec import Point, Spec

WIDTH = 90  # columns that the widest table takes


def console(stderr: bool = False) -> Console:
    """Colours and the width of the terminal where there is one; plain text, unwrapped, elsewhere, and where NO_COLOR is set."""
    file = sys.stderr if stderr else sys.stdout
    width = max(shutil.get_terminal_size().columns, WIDTH) if file.isatty() else 10 * WIDTH  # a table loses no digit
    colors = None if os.environ.get("NO_COLOR") else "auto"  # rich's own `no_color` leaves bold, dim and italic
    return Console(stderr=stderr, width=width, highlight=False, soft_wrap=not file.isatty(), color_system=colors)


def columns() -> int:
    """The width of the terminal; where there is none, more than any line takes."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else 10 * WIDTH


def print_json(value: object) -> None:
    print(json.dumps(value))


def print_diagnostics(diagnostics: Sequence[Diagnostic]) -> None:
    for parts in listing(diagnostics):
        console(stderr=True).print(Text.assemble(*parts), soft_wrap=True)


def print_notes(notes: Iterable[str]) -> None:
    """What is worth knowing, though nothing is wrong with the result."""
    for note in notes:
        console(stderr=True).print(Text(f"note: {printable(note)}", "cyan"), soft_wrap=True)


def print_first_point(spec: Spec, free: Sequence[str] = ()) -> None:
    """Which point of a grid was looked at, where it is one alone; `free` are axes that stand at none."""
    axes = [axis for axis in spec.axes if axis.name not in free]
    if axes:
        where = ", ".join(f"{axis.name} = {short(axis.options[0])}" for axis in axes)
        number = prod(len(axis.options) for axis in axes)
        print_notes([f"{where}: the first of {number:,} points; `--set` picks another"])


def print_table(table: Table) -> None:
    """A table without blanks at the ends of its lines."""
    screen = console()
    with screen.capture() as captured:
        screen.print(table)
    sys.stdout.write("".join(f"{line.rstrip()}\n" for line in captured.get().splitlines()))


def print_report(report: Report) -> None:
    """The networks of a specification, or what is wrong with it."""
    print_diagnostics(report.diagnostics)
    if report.wrong:
        return
    headings = ("network", right("input"), right("output"), right("dense layers"), right("parameters"), "hash")
    table = Table(*headings, box=None, pad_edge=False, show_footer=len(report.networks) > 1)
    for name, network in report.networks.items():
        numbers = (network.in_features, network.out_features, network.dense_layers, network.params)
        table.add_row(name, *(counted(number) for number in numbers), network.hash)
    table.columns[0].footer, table.columns[4].footer = "all", counted(report.params)
    print_table(table)
    if report.num_points > 1:
        print(f"{report.where}: the first of {report.num_points:,} points, all of them right; `archlang expand` lists them")


def print_grid(spec: Spec, rows: Sequence[tuple[Point, Report]]) -> None:
    """The points of a grid with their counts, and what is wrong at some of them."""
    headings = (*(axis.name for axis in spec.axes), right("dense layers"), right("parameters"), "")
    table = Table(*headings, box=None, pad_edge=False)
    for point, report in rows:
        wrong = ", ".join(sorted({d.code for d in report.diagnostics if d.severity == "error"}))
        numbers = ("", "") if wrong else (counted(report.dense_layers), counted(report.params))
        table.add_row(*(short(value) for value in point.values.values()), *numbers, wrong)
    print_table(table)
    print_diagnostics(diagnostics_of(spec, rows))


def right(heading: str) -> Column:
    return Column(heading, justify="right")


def counted(number: int | None) -> str:
    return "?" if number is None else f"{number:,}"
