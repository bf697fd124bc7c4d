"""The command line. Every command is a few lines over the public names; a runtime's commands are found, not imported."""

from __future__ import annotations

import io
import json
import shutil
import sys
from collections.abc import Callable, Sequence
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

from archlang import __version__, resources
from archlang.diagnostics import Diagnostic, DiagnosticError, listing
from archlang.limits import MAX_WIDTH
from archlang.pipeline import Report, load
from archlang.pipeline import check as check_spec
from archlang.spec import Spec
from archlang.workload import runtimes

app = typer.Typer(
    name="archlang",
    help="A compiler for network architectures, and the runtime that trains what it compiles.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

SpecArgument = Annotated[str, typer.Argument(metavar="SPEC", help="A .arch file, a shipped name, or the text itself.")]
Setting = Annotated[list[str] | None, typer.Option("--set", metavar="NAME=VALUE", help="Give a definition another value.")]
In = Annotated[int | None, typer.Option("--in", min=1, max=MAX_WIDTH, metavar="N", help="The input width of every network.")]
Action = Annotated[int | None, typer.Option(min=1, max=MAX_WIDTH, metavar="N", help="The width of a bare gaussian.")]
Env = Annotated[str | None, typer.Option(metavar="E", help="Take all widths from this environment.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")]


@app.command()
def check(
    spec: SpecArgument,
    in_: In = None,
    env: Env = None,
    action: Action = None,
    set_: Setting = None,
    json_: Json = False,
) -> None:
    """Types, parameters and problems of a specification."""
    if in_ is not None and env is not None:
        raise typer.BadParameter("--env gives every network its input width; leave --in away")
    settings = dict(setting(text) for text in set_ or [])
    report = attempt(lambda: check_spec(bound(spec, settings, action), in_features=in_, env=env))
    print_json(report.as_json()) if json_ else print_report(report)
    raise typer.Exit(1 if report.diagnostics else 0)


def bound(spec: str, settings: dict[str, str], action: int | None) -> Spec:
    return load(spec, settings, action_dim=action)


def setting(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise typer.BadParameter(f"--set takes NAME=VALUE; got {text}")
    return name.strip(), value.strip()


def attempt(checked: Callable[[], Report]) -> Report:
    """The report, or one that holds nothing but what is wrong."""
    try:
        return checked()
    except DiagnosticError as error:
        return Report(diagnostics=error.diagnostics)


@app.command()
def specs() -> None:
    """The specifications that are shipped, by name."""
    for name in resources.spec_names():
        print(name)


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
    console().print(table)


WIDTH = 90  # columns that the widest table takes

# --- output -----------------------------------------------------------------------------------------------------------


def console(stderr: bool = False) -> Console:
    """Colours and the width of the terminal where there is one; plain text, unwrapped, elsewhere."""
    file = sys.stderr if stderr else sys.stdout
    width = max(shutil.get_terminal_size().columns, WIDTH) if file.isatty() else 2 * WIDTH  # a table loses no digit
    return Console(stderr=stderr, width=width, highlight=False, soft_wrap=not file.isatty())


def print_json(value: object) -> None:
    print(json.dumps(value))


def print_report(report: Report) -> None:
    if report.diagnostics:
        print_diagnostics(report.diagnostics)
        return
    headings = ("network", right("input"), right("output"), right("dense layers"), right("parameters"), "hash")
    table = Table(*headings, box=None, pad_edge=False, show_footer=len(report.networks) > 1)
    for name, network in report.networks.items():
        numbers = (network.in_features, network.out_features, network.dense_layers, network.params)
        table.add_row(name, *(counted(number) for number in numbers), network.hash)
    table.columns[0].footer, table.columns[4].footer = "all", counted(report.params)
    console().print(table)


def right(heading: str) -> Column:
    return Column(heading, justify="right")


def counted(number: int | None) -> str:
    return "?" if number is None else f"{number:,}"


def print_diagnostics(diagnostics: Sequence[Diagnostic]) -> None:
    for parts in listing(diagnostics):
        console(stderr=True).print(Text.assemble(*parts), soft_wrap=True)


# --- entry ------------------------------------------------------------------------------------------------------------


def version(wanted: bool) -> None:
    if wanted:
        print(f"archlang {__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[bool, typer.Option("--version", callback=version, is_eager=True, help="Print the version.")] = False,
) -> None:
    """A compiler for network architectures, and the runtime that trains what it compiles."""


def add_runtime_commands() -> None:
    """The compiler goes on without the commands of a runtime that is broken."""
    try:
        found = runtimes()
    except DiagnosticError as error:
        print_diagnostics(error.diagnostics)
        return
    for runtime in found:
        for name, command in runtime.commands.items():
            app.command(name, help=command.help)(command.load())


def main() -> None:
    """Run the command line: exit code 0, 1 where what the user gave is wrong, 2 where the options are."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a name or a text may hold what the terminal cannot show
    own = {command.callback.__name__ for command in app.registered_commands if command.callback}
    if not sys.argv[1:] or sys.argv[1] not in own:
        add_runtime_commands()
    try:
        app(prog_name="archlang")
    except DiagnosticError as error:
        print_diagnostics(error.diagnostics)
        sys.exit(1)
    except BrokenPipeError:  # `archlang … | head`
        sys.stderr.close()
        sys.exit(1)
