"""The command line's own kind of command: nothing that is given to it is silently ignored."""

from __future__ import annotations

from typing import Any

import typer
from typer.core import TyperCommand


class Command(TyperCommand):
    """Refuses an option that is given twice, where the last would win: but flags, and options that take several values."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        rest = super().parse_args(ctx, [*args])
        _, _, given = self.make_parser(ctx).parse_args(args=[*args])
        for option in given:
            if given.count(option) > 1 and not (getattr(option, "multiple", False) or getattr(option, "is_flag", False)):
                ctx.fail(f"{option.opts[0]} is given twice")
        return rest


class App(typer.Typer):
    """An app whose commands are such ones."""

    def command(self, *args: Any, **options: Any) -> Any:
        return super().command(*args, cls=Command, **options)
