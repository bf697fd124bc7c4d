"""The stages, in order: text → tree → whole → elaborated → checked → planned. Each is a function of the one before;
stop at any."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from archlang import ir, syntax
from archlang.budget import Equal, equal
from archlang.diagnostics import Diagnostic, DiagnosticError, SpecError
from archlang.diff import Difference, axis_differences
from archlang.diff import diff as difference
from archlang.estimate import Estimate, Options
from archlang.estimate import estimate as estimate_report
from archlang.estimate import estimates as estimates_of
from archlang.format import format as format_text
from archlang.free import Problem
from archlang.parse import parse as parse_source
from archlang.plan import MARGIN, Forced, Plan, Target, make_plan
from archlang.read import load_source, shipped_like
from archlang.report import Inputs, Report, check_grid, examine, make_inputs, points, refuse_unknown_width
from archlang.solve import Largest, largest, refuse_goals
from archlang.source import Source
from archlang.spec import Network, Point, Spec, Value, noted
from archlang.targets import find_gpu
from archlang.unparse import unparse
from archlang.uses import merged
from archlang.workload import Environment, environment, workload_in

ONE_WIDTH = "--env gives every network its input width; leave --in away"


def text(spec: str) -> Source:
    """SPEC, as on the command line → the text: a file, a shipped specification, or the text itself."""
    return load_source(spec)


def tree(source: Source) -> syntax.File:
    """Text → surface tree."""
    return parse_source(source)


def whole(file: syntax.File) -> Spec:
    """Surface tree → the same with the definitions of the files that it uses."""
    return Spec.of(merged(file))


def elaborated(spec: Spec, values: Mapping[str, Value] | None = None, action_dim: int | None = None) -> Spec:
    """→ a specification whose networks are typed IR; `values` and `action_dim` as in `Spec.bind`."""
    return spec.bound(values or {}, action_dim)


def checked(spec: Spec, inputs: Inputs) -> Report:
    """→ types, counts and hashes. Raises `SpecError` with everything that is wrong at any point of the grid."""
    return check_grid(spec, inputs)


def planned(spec: Spec, inputs: Inputs, forced: Forced, target: Target | None) -> Plan:
    """→ how each stack is run, for the default point. Raises `SpecError` where a network is wrong or the plan cannot be had,
    `DiagnosticError` where a target is given and a width is not."""
    networks = right(spec, inputs, None)
    if target is not None:
        refuse_unknown_width(networks, inputs)
    return make_plan(networks, {name: inputs.of(name) for name in networks}, forced, target)


# --- the same by name -------------------------------------------------------------------------------------------------


def read(spec: str, values: Mapping[str, Value] | None = None, *, action_dim: int | None = None) -> Spec:
    """Read a specification; what is wrong with its networks is found when they are asked for, or by `check`."""
    note = shipped_note(spec)
    try:
        found = whole(tree(text(spec)))
    except SpecError as error:
        raise SpecError(noted(error.diagnostics, note)) from None
    return elaborated(replace(found, note=note), values, action_dim)


def shipped_note(spec: str) -> str | None:
    """A word that is no network may be a shipped specification, misspelt."""
    similar = None if spec.endswith(".arch") else shipped_like(spec)
    return f"a shipped specification is called `{similar}`" if similar and similar != spec else None


def load(spec: str, values: Mapping[str, Value] | None = None, *, action_dim: int | None = None) -> Spec:
    """Read a specification: a path that ends in `.arch`, the name of a shipped one, or a text. Raises `SpecError`.

    `values` are given to its definitions before anything is looked at, so that they can mend it.
    """
    found = read(spec, values, action_dim=action_dim)
    _ = found.networks
    return found


def parse(text: str, name: str = "<inline>") -> Spec:
    """Parse a text. Raises `SpecError`.

    >>> parse("res(4x<dense256,ln,swish>)*250").networks["network"].num_params(256)
    66304000
    """
    spec = whole(tree(Source(text, name)))
    _ = spec.networks
    return spec


def spec_of(spec: Spec | str | Path) -> Spec:
    """A specification, however it is given. Raises `TypeError` for what cannot be one."""
    if isinstance(spec, Spec):
        return spec
    if not isinstance(spec, str | Path):
        raise TypeError(f"a specification is a text, a name, a path or a `Spec`; got {type(spec).__name__}")
    return read(str(spec))


def inputs_of(in_features: int | None, env: Environment | str | None) -> Inputs:
    """The widths to check with, from a number, an environment or its name. Raises `DiagnosticError` for both."""
    if env is not None:
        refuse_idle(True, "--in", in_features, f"with an environment: {ONE_WIDTH}")
    return make_inputs(in_features, env if env is None or isinstance(env, Environment) else environment(env))


def check(spec: Spec | str | Path, *, in_features: int | None = None, env: Environment | str | None = None) -> Report:
    """Check types and roles at every point of the grid, and count parameters at the default point.

    `in_features` is the input width of every network; `env` gives each role its own, and the width of a bare `gaussian`.
    Raises `SpecError` with everything that is wrong.
    """
    inputs = inputs_of(in_features, env)
    return checked(spec_of(spec), inputs)


def format(what: str | Spec | ir.Node) -> str:
    """The canonical layout of a text; the text of a specification, as it was written; or of a network.

    >>> format("dense256 ,ln")
    'dense256, ln\\n'
    """
    if isinstance(what, ir.Node):
        return format_text(unparse(what))
    return format_text(what.text if isinstance(what, Spec) else what)


def diff(
    before: Spec | str | Path,
    after: Spec | str | Path,
    *,
    in_features: int | None = None,
    env: Environment | str | None = None,
    action_dim: int | None = None,
) -> Difference:
    """What changes from one specification to another, at their default points: networks, parameters, FLOPs, saved activations.

    Widths as in `check`. Raises `SpecError` where one of the two is wrong.
    """
    inputs = inputs_of(in_features, env)
    specs = [spec_of(spec) for spec in (before, after)]
    one, other = (right(spec, inputs, action_dim) for spec in specs)
    found = difference(one, other, {name: inputs.of(name).width for name in (*one, *other)})
    return replace(found, axes=axis_differences(specs[0].grid, specs[1].grid))


def plan(
    spec: Spec | str | Path,
    *,
    in_features: int | None = None,
    env: Environment | str | None = None,
    gpu: str | None = None,
    batch: int | None = None,
    remat: str | None = None,
    unroll: int | None = None,
) -> Plan:
    """How each stack is run, and why; for a GPU, so that a run in `env` fits, or else an update. Widths as in `check`.

    `batch`: rows of an update, where not the runtime's own. `remat` and `unroll` hold for every stack, whatever the
    specification says. `archlang.lower.build` takes `plan(…).networks`.
    """
    inputs = inputs_of(in_features, env)
    target = target_of(gpu, batch, inputs)
    return planned(spec_of(spec), inputs, Forced(remat, unroll), target)


def target_of(gpu: str | None, batch: int | None, inputs: Inputs) -> Target | None:
    """What a plan is to fit: a GPU, with a run on so many rows. Raises `DiagnosticError`."""
    refuse_idle(gpu is None, "--batch", batch, "in a plan without `--gpu`", "give a GPU, for instance h100-80gb")
    return None if gpu is None else Target(find_gpu(gpu), workload_in(inputs.env, {"batch_size": batch}))


def estimate(
    spec: Spec | str | Path,
    *,
    in_features: int | None = None,
    env: Environment | str | None = None,
    gpu: str | None = None,
    exact: bool = False,
    margin: float | None = None,
    remat: str | None = None,
    unroll: int | None = None,
    **settings: Any,
) -> Estimate:
    """What training takes: parameters, memory, FLOPs, time; and whether it fits a GPU. Of a grid, the first of its points.

    Widths as in `check`. `settings` are those of a run, such as `batch_size`, `num_envs`, `replay_rows`, `optimizer`; what is
    not given is the runtime's own for `env`. `exact` asks XLA for its plan. `margin` is the part of the GPU that stays free,
    0.1 if not given. Raises `SpecError` where a network is wrong, `DiagnosticError` for settings that cannot be.
    """
    inputs = inputs_of(in_features, env)
    report = checked(spec_of(spec), inputs)
    return estimate_report(report, inputs, make_options(gpu, exact, margin, remat, unroll, settings))


def estimates(spec: Spec, inputs: Inputs, options: Options) -> Iterator[tuple[Point, Estimate]]:
    """The same at every point of a grid, mistakes included."""
    return estimates_of(spec, inputs, options)


def solve(
    spec: Spec | str | Path,
    *,
    free: str,
    params: str | int | None = None,
    in_features: int | None = None,
    env: Environment | str | None = None,
    gpu: str | None = None,
    margin: float | None = None,
    remat: str | None = None,
    unroll: int | None = None,
    **settings: Any,
) -> Largest | Equal:
    """The largest value of what is `free` that fits a GPU; or, for a number of `params`, the values that come nearest to it.

    `free`: a setting of the run, `batch_size`, `num_envs` or `replay_rows`, or a definition of the specification that is a
    number; for `params` one definition, or two, `"width,depth"`: the first for each value of the second. The rest as in
    `estimate`; of a grid, the first of its points. Raises `DiagnosticError` for what cannot be, and where nothing fits.
    """
    refuse_goals(gpu, params)
    for name, value in {"margin": margin, "remat": remat, "unroll": unroll, **settings}.items():
        refuse_idle(params is not None, f"--{name.replace('_', '-')}", value, "in a number of parameters")
    options = make_options(gpu, False, margin, remat, unroll, settings)
    problem = Problem(spec_of(spec), inputs_of(in_features, env), options)
    return largest(problem, free) if params is None else equal(problem, free, str(params))


def make_options(
    gpu: str | None, exact: bool, margin: float | None, remat: str | None, unroll: int | None, settings: Mapping[str, Any]
) -> Options:
    """The options of an estimate; settings that are None are not given. Raises `DiagnosticError`."""
    refuse_idle(gpu is None, "--margin", margin, "without a GPU: give one with `--gpu`")
    given = {name: value for name, value in settings.items() if value is not None}
    part = MARGIN if margin is None else margin or 0  # -0.0 is 0
    return Options(given, Forced(remat, unroll), None if gpu is None else find_gpu(gpu), part, exact)


def refuse_idle(idle: bool, option: str, value: object, why: str, help: str | None = None) -> None:
    """Raise `DiagnosticError` (E0603) for an option that is given where it changes nothing."""
    if idle and value is not None:
        message, span = f"`{option}` changes nothing {why}", Source(str(value), option).span()
        raise DiagnosticError([Diagnostic("E0603", message, span, help=help)])


def right(spec: Spec, inputs: Inputs, action_dim: int | None) -> Mapping[str, Network]:
    """The networks of a specification without mistakes."""
    found = examine(spec.at(action_dim), inputs)
    if found.wrong:
        raise SpecError(found.diagnostics)
    return {name: network.network for name, network in found.networks.items()}


def expand(
    spec: Spec | str | Path, *, in_features: int | None = None, env: Environment | str | None = None
) -> Iterator[tuple[Point, Report]]:
    """Every point of a specification's grid with what was found there, mistakes included."""
    inputs = inputs_of(in_features, env)
    return points(spec_of(spec), inputs)
