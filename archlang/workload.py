"""The seam to a runtime: what the compiler must know of the program around the networks. No jax.

archlang never imports a runtime. A runtime is found through the entry-point group `archlang.runtime`; it offers one `Runtime`:
its environments (for the widths of `--env`) and its commands (for the command line).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any

from archlang.diagnostics import Diagnostic, DiagnosticError, did_you_mean
from archlang.source import Source

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

GROUP = "archlang.runtime"


@dataclass(frozen=True)
class Environment:
    """The widths of a goal-conditioned environment."""

    name: str
    state_dim: int
    goal_dim: int
    action_dim: int
    summary: str = ""

    def in_features(self, role: str) -> int:
        """The input width of a role: actor [state, goal], sa_encoder [state, action], g_encoder [goal].

        Raises `ValueError` for another name.
        """
        widths = {
            "actor": self.state_dim + self.goal_dim,
            "sa_encoder": self.state_dim + self.action_dim,
            "g_encoder": self.goal_dim,
        }
        if role not in widths:
            raise ValueError(f"an environment gives widths to {', '.join(widths)}; got {role!r}")
        return widths[role]


@dataclass(frozen=True)
class Command:
    """A command that a runtime adds: where its function is (`module:name`), and its line in `archlang --help`."""

    target: str
    help: str

    def load(self) -> Any:
        module, name = self.target.split(":")
        return getattr(import_module(module), name)


@dataclass(frozen=True)
class Runtime:
    """What a runtime offers to the compiler."""

    environments: Mapping[str, Environment] = field(default_factory=dict)
    commands: Mapping[str, Command] = field(default_factory=dict)


@cache
def runtimes() -> tuple[Runtime, ...]:
    """The installed runtimes."""
    from importlib.metadata import entry_points  # slow to import, and most commands need no runtime

    return tuple(load_point(point) for point in entry_points(group=GROUP))


def load_point(point: EntryPoint) -> Runtime:
    """One runtime; a package that is broken is a diagnostic, whatever it raises."""
    try:
        return point.load()
    except Exception as error:
        message = f"the runtime `{point.name}` ({point.value}) cannot be loaded: {type(error).__name__}: {error}"
        help = "reinstall the package that holds it"
        raise DiagnosticError([Diagnostic("E0602", message, Source("", point.value).span(), help=help)]) from error


def environment(name: str) -> Environment:
    """The environment of that name. Raises `DiagnosticError` (E0601) if no runtime has it."""
    known = {key: value for runtime in runtimes() for key, value in runtime.environments.items()}
    if name in known:
        return known[name]
    similar = did_you_mean(name, known)
    help = f"did you mean `{similar}`?" if similar else f"there are: {', '.join(known) or 'none; no runtime is installed'}"
    span = Source(name, "--env").span()
    raise DiagnosticError([Diagnostic("E0601", f"there is no environment `{name}`", span, help=help)])
