"""Learning curves as numbers: which runs belong together, what sets them apart, and what their seeds say together.

Runs that differ in nothing but the seed are one curve: at every epoch the interquartile mean over seeds, and a 95 % interval by
percentile bootstrap over them (Agarwal et al. 2021, "Deep RL at the Edge of the Statistical Precipice", section 4). An
environment has a panel of its own, so their bootstrap, stratified by task, is the plain one within each panel.

The authors' rliable is not used: its last release is of 2024, and it brings arch, seaborn, pandas and statsmodels for what is a
dozen lines of NumPy here.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import takewhile
from pathlib import Path
from typing import Any

import numpy as np

from archlang import did_you_mean, read
from archlang_runtime.config import TrainConfig
from archlang_runtime.errors import error
from archlang_runtime.folder import RunFolder

INTERVAL = 0.95
RESAMPLES = 2000
AXES = ("env_steps", "updates", "elapsed_seconds")
NOT_A_SETTING = {"environment", "seed", "steps"}  # these set no two curves of a panel apart
LONGEST_VALUE, LONGEST_LABEL = 20, 45
NUMBERS_AND_WORDS = re.compile(r"([0-9]+(?:\.[0-9]+)?(?:e-?[0-9]+)?)|([^0-9]+)")
Line = Mapping[str, Any]


@dataclass(frozen=True)
class Run:
    """A run as it is plotted: its folder, what it was asked for (config.json, `config` of it checked), its lines of metrics."""

    path: Path
    config: TrainConfig
    asked: Mapping[str, Any]
    lines: Sequence[Line]

    @property
    def environment(self) -> str:
        return self.config.environment

    @property
    def setting(self) -> tuple[Any, ...]:
        """What it shares with the other seeds of its curve."""
        return self.environment, self.config.model_dump(exclude=NOT_A_SETTING), self.asked["networks"]

    @cached_property
    def facts(self) -> dict[str, str]:
        """What can set it apart from others, in words: `depth` → `64`, `batch size` → `256`."""
        spec = read(str(RunFolder(self.path).spec), self.asked["set"])
        written = {d.name: " ".join(d.span.text.partition("=")[2].split()) for d in spec.file.definitions}
        chosen = {name: options[0] for name, options in spec.grid.items()}
        settings = self.config.model_dump(exclude=NOT_A_SETTING)
        return written | chosen | {name.replace("_", " "): in_words(value) for name, value in settings.items()}

    def points(self, x: str, metric: str) -> dict[int, tuple[float, float]]:
        """Place and value by epoch, where all of them are finite numbers."""
        keys = ("epoch", x, metric)
        found = [[line[key] for key in keys] for line in self.lines if all(is_number(line.get(key)) for key in keys)]
        return {epoch: (place, value) for epoch, place, value in found}


@dataclass(frozen=True)
class Curve:
    """One line of a panel. `low` and `high` are NaN where fewer than two seeds have data; `count` is how many have."""

    label: str
    x: np.ndarray
    middle: np.ndarray
    low: np.ndarray
    high: np.ndarray
    count: np.ndarray
    runs: tuple[Run, ...] = ()

    def as_json(self) -> dict[str, Any]:
        numbers = {name: listed(getattr(self, name)) for name in ("x", "low", "high", "count")}
        runs = {"runs": [str(run.path) for run in self.runs], "seeds": [run.config.seed for run in self.runs]}
        return {"label": self.label, **runs, "iqm": listed(self.middle), **numbers}


@dataclass(frozen=True)
class Panel:
    """The curves of one environment."""

    title: str
    curves: tuple[Curve, ...]

    def as_json(self) -> dict[str, Any]:
        return {"environment": self.title, "curves": [curve.as_json() for curve in self.curves]}


def read_run(path: Path) -> Run:
    """The run in a folder. A folder that is none is E0701, one that cannot be understood E0702."""
    folder = RunFolder(path)
    folder.refuse_if_no_run()
    asked = folder.read_experiment()
    return Run(path, TrainConfig.model_validate(asked["config"]), asked, folder.read_metrics())


def make_panels(runs: Sequence[Run], metric: str, x: str) -> tuple[list[Panel], list[str]]:
    """The panels of `runs`, one for each environment, and what is to be said of what they leave out.

    A metric that no run has is E0603; runs without any metrics are E0712.
    """
    used, notes = usable(runs, metric, x)
    groups, repeated = without_repetitions(grouped(used))
    curves = [label_and_join(group, alike(group, groups), metric, x) for group in groups]
    notes += repeated + [note for curve in curves for note in uneven(curve)]
    environments = dict.fromkeys(run.environment for run in used)
    return [Panel(name, tuple(ordered(c for c in curves if c.runs[0].environment == name))) for name in environments], notes


def usable(runs: Sequence[Run], metric: str, x: str) -> tuple[list[Run], list[str]]:
    """The runs that have the metric, and what the others lack."""
    known = dict.fromkeys(key for run in runs for line in run.lines for key in line if is_number(line[key]))
    if not known:
        help = "the first line comes before the first epoch; train on"
        raise error("E0712", f"{', '.join(str(run.path) for run in runs)}: no metrics yet", runs[0].path, help)
    if metric not in known:
        similar = did_you_mean(metric, known)
        help = f"did you mean `{similar}`?" if similar else f"there are: {', '.join(known)}"
        raise error("E0603", f"no run has a metric `{metric}`", "--metric", help)
    without = [run for run in runs if not run.points(x, metric)]
    notes = [f"{run.path} has no {metric if run.lines else 'metrics'} yet; it is left out" for run in without]
    return [run for run in runs if run not in without], notes


def grouped(runs: Sequence[Run]) -> list[list[Run]]:
    """The runs that differ in nothing but the seed together, in the order of their first."""
    groups: list[list[Run]] = []
    for run in runs:
        group = next((group for group in groups if group[0].setting == run.setting), None)
        groups.append([run]) if group is None else group.append(run)
    return groups


def without_repetitions(groups: Sequence[list[Run]]) -> tuple[list[list[Run]], list[str]]:
    """A seed once in each group, the longest of its runs: twice the same numbers would make an interval too narrow."""
    kept, notes = [], []
    for group in groups:
        seeds: dict[int, Run] = {}
        for run in sorted(group, key=lambda run: -len(run.lines)):
            first = seeds.setdefault(run.config.seed, run)
            notes += [] if first is run else [f"{run.path} repeats {first.path} (seed {run.config.seed}); it is left out"]
        kept.append([run for run in group if run in seeds.values()])
    return kept, notes


def uneven(curve: Curve) -> list[str]:
    """What is to be said where seeds end at different epochs."""
    ends = {run.lines[-1]["epoch"] for run in curve.runs}
    if len(ends) < 2:
        return []
    last = f"its last point is of {curve.count[-1]} of {len(curve.runs)} seeds"
    return [f"{curve.label or curve.runs[0].environment}: seeds end at epochs {min(ends)} to {max(ends)}; {last}"]


# --- statistics ------------------------------------------------------------------------------------------------------


def label_and_join(runs: Sequence[Run], others: Sequence[Sequence[Run]], metric: str, x: str) -> Curve:
    """The curve of a group of seeds, in the panel with the groups `others`."""
    points = [run.points(x, metric) for run in runs]
    epochs = sorted({epoch for found in points for epoch in found})
    pairs = [np.array([found[epoch] for found in points if epoch in found]).T for epoch in epochs]
    # Counts are the same for every seed; the clock is not, and an epoch stands at its mean.
    where, columns = np.array([places.mean() for places, _ in pairs]), [values for _, values in pairs]
    middle = np.array([interquartile_mean(column) for column in columns])
    low, high = np.array([interval(column) for column in columns]).reshape(-1, 2).T
    count = np.array([column.size for column in columns])
    return Curve(label(runs, others), where, middle, low, high, count, tuple(runs))


def interquartile_mean(values: np.ndarray) -> np.ndarray:
    """The mean of the middle half of f64[..., n] along its last axis; of all where n < 4."""
    n = values.shape[-1]
    return np.sort(values, axis=-1)[..., n // 4 : n - n // 4].mean(axis=-1)


def interval(values: np.ndarray) -> tuple[float, float]:
    """The bootstrapped interval of the interquartile mean of f64[n]; NaN where n < 2.

    Every call draws the same resamples, so that the interval along a curve changes with the data alone.
    """
    if values.size < 2:
        return math.nan, math.nan
    drawn = np.random.default_rng(0).integers(values.size, size=(RESAMPLES, values.size))
    low, high = np.quantile(interquartile_mean(values[drawn]), [(1 - INTERVAL) / 2, (1 + INTERVAL) / 2])
    return float(low), float(high)


# --- labels ----------------------------------------------------------------------------------------------------------


def alike(group: Sequence[Run], groups: Sequence[Sequence[Run]]) -> list[Sequence[Run]]:
    """The groups of the same environment."""
    return [other for other in groups if other[0].environment == group[0].environment]


def label(runs: Sequence[Run], groups: Sequence[Sequence[Run]]) -> str:
    """What sets a group apart from the others, in few words: `depth 64`; where that takes many, the folder's name."""
    if len(groups) < 2:
        return ""
    labels = [", ".join(differing(group, groups)) for group in groups]
    if not all(0 < len(found) <= LONGEST_LABEL for found in labels) or len(set(labels)) < len(labels):
        labels = [folder_name(group) for group in groups]
    if len(set(labels)) < len(labels):
        labels = [str(group[0].path) for group in groups]
    return labels[groups.index(runs)]


def differing(runs: Sequence[Run], groups: Sequence[Sequence[Run]]) -> list[str]:
    """The facts that are not the same in all groups."""
    mine, all_facts = runs[0].facts, [group[0].facts for group in groups]
    names = [name for name in mine if len({facts.get(name) for facts in all_facts}) > 1]
    return [f"{name} {mine[name]}" for name in names if len(mine[name]) <= LONGEST_VALUE]


def folder_name(runs: Sequence[Run]) -> str:
    """What the folders' names begin with: `deep` for deep-0 and deep-1."""
    names = [run.path.resolve().name for run in runs]
    parts = [same[0] for same in takewhile(all_one, zip(*(name.split("-") for name in names), strict=False))]
    return "-".join(parts) or names[0]


def all_one(values: Sequence[str]) -> bool:
    return len(set(values)) == 1


def ordered(curves: Any) -> list[Curve]:
    """By label, numbers in it by size: depth 4 before depth 16."""

    def key(curve: Curve) -> list[tuple[float, str]]:
        parts = NUMBERS_AND_WORDS.findall(curve.label)
        return [(float(number or math.inf), word) for number, word in parts]

    return sorted(curves, key=key)


def in_words(value: Any) -> str:
    if value is None:
        return "as usual"
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def listed(numbers: np.ndarray) -> list[float | None]:
    """For JSON, which has no NaN."""
    return [None if isinstance(number, float) and math.isnan(number) else number for number in numbers.tolist()]
