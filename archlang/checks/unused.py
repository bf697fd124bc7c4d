"""What a text defines and no network needs: misspelt, or left over. Warnings, as the networks are right without it."""

from __future__ import annotations

from collections.abc import Collection
from functools import lru_cache

from archlang import syntax
from archlang.definitions import KEPT, idle_parameters, needed_in
from archlang.diagnostics import Diagnostic, did_you_mean


@lru_cache(maxsize=KEPT)
def unused(written: syntax.File, file: syntax.File, networks: tuple[str, ...]) -> tuple[Diagnostic, ...]:
    """A warning for each definition of a text itself that no network depends on, and for each parameter without a use.

    `written` is the text, `file` the same with bindings in the place of definitions. Remembered, as `needed_in`.
    """
    known, needed = file.by_name, needed_in(file, networks)
    own = [definition for definition in written.definitions if definition.span.source is written.source]
    left = (nothing_uses(definition, known, needed) for definition in own if definition.name not in needed)
    idle = ((d, parameter) for d in own if d.name in needed for parameter in idle_parameters(d, known))
    return (*left, *(changes_nothing(definition, parameter) for definition, parameter in idle))


def nothing_uses(definition: syntax.Definition, known: Collection[str], needed: Collection[str]) -> Diagnostic:
    similar = did_you_mean(definition.name, [name for name in known if name in needed], cutoff=0.7)
    help = f"did you mean `{similar}`?" if similar else "use it, or take it away"
    message = f"no network uses `{definition.name}`"
    return Diagnostic("E0213", message, definition.name_span, help=help, severity="warning")


def changes_nothing(definition: syntax.Definition, parameter: syntax.Name) -> Diagnostic:
    message = f"`{definition.name}` does not use its parameter `{parameter.text}`"
    return Diagnostic("E0213", message, parameter.span, help="use it, or take it away", severity="warning")
