"""The seam to a runtime: what the compiler must know of the program around the networks. No jax.

archlang never imports a runtime. A runtime is found through the entry-point group `archlang.runtime`; it offers one `Runtime`:
its environments (for the widths of `--env`), its commands (for the command line), what a run of it needs (a `Workload`), and
the program of a run.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any

from archlang.diagnostics import Diagnostic, DiagnosticError, did_you_mean, short
from archlang.source import Source

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

GROUP = "archlang.runtime"
BATCH = 512  # rows, where nothing else is said: the paper's


@dataclass(frozen=True)
class Environment:
    """The widths of a goal-conditioned environment."""

    name: str
    state_dim: int
    goal_dim: int
    action_dim: int
    summary: str = field(default="", compare=False)

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
class Simulator:
    """Bytes that environments need: `state` of each between steps, `work` of each while all step, `fixed` of all together."""

    state: int = 0
    work: int = 0
    fixed: int = 0


# Arrays that an optimizer keeps for each array of parameters: optax's.
OPTIMIZERS: Mapping[str, int] = {"adam": 2, "adamw": 2, "sgd": 0, "lion": 1}


@dataclass(frozen=True)
class Workload:
    """What a program around the networks needs. Without an environment it is an update of each network on a batch.

    `row_bytes`: one transition of one environment, as the buffer keeps it. `hindsight_bytes`: the batch that is drawn for an
    update. `loss_bytes`: what the loss holds beside the networks' outputs. `acting`: rows that networks take for a step of all
    environments, by role. `metrics_bytes`: what is recorded of updates until the program is over. `updates` and `env_steps`:
    those of the whole run. `settings`: the runtime's own, for its `program`.
    """

    batch_size: int = BATCH
    optimizer: str = "adam"
    environment: Environment | None = None
    num_envs: int = 0
    replay_rows: int = 0
    row_bytes: int = 0
    hindsight_bytes: int = 0
    loss_bytes: int = 0
    acting: Mapping[str, int] = field(default_factory=dict)
    metrics_bytes: int = 0
    simulator: Simulator = Simulator()
    updates: int = 1
    env_steps: int = 0
    settings: Mapping[str, Any] = field(default_factory=dict)

    @property
    def summary(self) -> str:
        """In a few words, for a message."""
        rows = f"{self.batch_size:,} rows"
        return (
            f"an update on {rows}" if self.environment is None else f"training in {self.environment.name}, on {rows} at a time,"
        )

    @property
    def replay_bytes(self) -> int:
        """The whole buffer."""
        return self.num_envs * self.replay_rows * self.row_bytes

    @property
    def kept_per_parameter(self) -> int:
        """Arrays that the optimizer keeps for each array of parameters."""
        return OPTIMIZERS[self.optimizer]


@dataclass(frozen=True)
class Command:
    """A command that a runtime adds: where its function is (`module:name`), and its line in `archlang --help`."""

    target: str
    help: str

    def load(self) -> Any:
        module, name = self.target.split(":")
        return getattr(import_module(module), name)


# Planned networks by role, and a workload → the function that a run spends its time in; the shapes of its one argument, which
# it consumes; the parts of that, by the term of memory that they are: "parameters", "optimizer", "replay", "environment state".
Program = Callable[[Mapping[str, Any], Workload], tuple[Callable[..., Any], Any, Mapping[str, Any]]]


@dataclass(frozen=True)
class Runtime:
    """What a runtime offers to the compiler.

    `workload`: the name of an environment, and settings by name where they are not the runtime's own → what a run needs;
    raises `DiagnosticError` for settings that cannot be. `program`: that of a run; imports jax when called.
    """

    environments: Mapping[str, Environment] = field(default_factory=dict)
    commands: Mapping[str, Command] = field(default_factory=dict)
    workload: Callable[[str, Mapping[str, Any]], Workload] | None = None
    program: Program | None = None


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
    if not isinstance(name, str):
        message = f"an environment is given by its name; got {short(repr(name))}"
        raise DiagnosticError([Diagnostic("E0601", message, Source(str(name), "--env").span())])
    known = {key: value for runtime in runtimes() for key, value in runtime.environments.items()}
    if name in known:
        return known[name]
    similar = did_you_mean(name, known)
    help = f"did you mean `{similar}`?" if similar else f"there are: {', '.join(known) or 'none; no runtime is installed'}"
    span = Source(name, "--env").span()
    raise DiagnosticError([Diagnostic("E0601", f"there is no environment `{name}`", span, help=help)])


def workload_in(env: Environment | None, settings: Mapping[str, Any]) -> Workload:
    """What a run in an environment needs; `settings` in place of the runtime's own, None for what is not given.

    In no environment, or in one that no runtime has, it is an update of the networks alone: it has a `batch_size` and an
    `optimizer`. Raises `DiagnosticError` for settings that cannot be (E0603).
    """
    given = {name: value for name, value in settings.items() if value is not None}
    runtime = next((runtime for runtime in runtimes() if knows(runtime, env)), None)
    if runtime is not None and runtime.workload is not None and env is not None:
        return runtime.workload(env.name, given)
    for name in given.keys() - {"batch_size", "optimizer"}:
        raise changes_nothing(name, given[name])
    rows = given.get("batch_size", BATCH)
    if type(rows) is not int or not 1 <= rows < 2**31:
        raise no_batch(rows)
    if given.get("optimizer", "adam") not in OPTIMIZERS:
        raise no_optimizer(str(given["optimizer"]))
    return Workload(**given)


def program_in(env: Environment) -> Program:
    """The program of a run in an environment. Raises `DiagnosticError` (E0602) where its runtime offers none."""
    offered = next((runtime.program for runtime in runtimes() if knows(runtime, env) and runtime.program), None)
    if offered is None:
        message = f"the runtime of `{env.name}` does not offer the program of a run"
        raise DiagnosticError([Diagnostic("E0602", message, Source(env.name, "--env").span(), help="leave `--exact` out")])
    return offered


def no_batch(rows: object) -> DiagnosticError:
    takes = "fewer than 2³¹ rows" if type(rows) is int and rows > 0 else "a whole number of rows, at least one"
    message = f"a batch has {takes}; got {short(repr(rows))}"
    return DiagnosticError([Diagnostic("E0603", message, Source(str(rows), "--batch").span())])


def no_optimizer(name: str) -> DiagnosticError:
    similar = did_you_mean(name, OPTIMIZERS)
    help = f"did you mean `{similar}`?" if similar else None
    message = f"optimizer takes {', '.join(OPTIMIZERS)}; got {short(name)!r}"
    return DiagnosticError([Diagnostic("E0603", message, Source(name, "--optimizer").span(), help=help)])


def knows(runtime: Runtime, env: Environment | None) -> bool:
    """Whether a runtime has this environment: one of its name and widths."""
    return env is not None and runtime.environments.get(env.name) == env


def changes_nothing(name: str, value: Any) -> DiagnosticError:
    option = f"--{name.replace('_', '-')}"
    similar = did_you_mean(name, ("batch_size", "optimizer"))
    message = f"`{option}` changes nothing without an environment"
    help = f"did you mean `{similar}`?" if similar else "give one with `--env`"
    return DiagnosticError([Diagnostic("E0603", message, Source(str(value), option).span(), help=help)])
