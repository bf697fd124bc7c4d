"""The command line: the commands of the compiler and of the runtimes, which are found, not imported."""

from __future__ import annotations

import gc
import io
import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

from archlang.cli import app
from archlang.console import print_diagnostics
from archlang.diagnostics import Diagnostic, DiagnosticError
from archlang.workload import runtimes


def main() -> None:
    """Run the command line: exit code 0, 1 where what the user gave is wrong, 2 where the options are."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # it was closed before
            setattr(sys, name, Path(os.devnull).open("w"))  # noqa: SIM115, it stays open
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a name or a text may hold what the terminal cannot show
    gc.set_threshold(200_000, 30, 30)  # trees have no cycles; to look for some took a third of the time of a large grid
    own = {command.callback.__name__ for command in app.registered_commands if command.callback}
    if not sys.argv[1:] or sys.argv[1] not in own:
        add_runtime_commands()
    try:
        run()
    except OSError as error:
        give_up(error)


def run() -> None:
    """The command, with everything that it prints on its way."""
    try:
        app(prog_name="archlang")
    except DiagnosticError as error:
        print_diagnostics(error.diagnostics)
        sys.exit(1)
    finally:
        sys.stdout.flush()


def give_up(error: OSError) -> NoReturn:
    """End where nothing more can be printed: the disk is full, or the reader has seen enough (`archlang … | head`)."""
    with suppress(OSError):
        if not isinstance(error, BrokenPipeError):
            message = f"{error.filename or 'the output'} cannot be written: {error.strerror or error}"
            print_diagnostics([Diagnostic("E0705", message)])
    for stream in (sys.stdout, sys.stderr):  # what they still hold would fail once more when Python ends
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
    sys.exit(1)


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


if __name__ == "__main__":
    main()
