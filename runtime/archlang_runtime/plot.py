"""Learning curves as pictures: that of one run, drawn at its end, and those of many (`archlang plot`)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import cycle
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter, FuncFormatter, PercentFormatter

from archlang_runtime.curves import INTERVAL, Curve, Panel

# Okabe and Ito's colours, apart for colour-blind readers too, without their yellow, and the orange and the light blue darker
# than theirs: labels are written in them. An eighth curve begins again, dashed.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#B0578D", "#2F2F2F", "#3C9CCB", "#A97800")
DASHES = ("solid", (0, (4, 1.5)), (0, (1, 1.5)))
GREY, PALE = "#666666", "#e5e5e5"
PANEL = (5.0, 3.6)  # inches, without its labels
COLUMNS = 3
LINE_HEIGHT = 11.5  # points
LEADER = {"arrowstyle": "-", "linewidth": 0.6, "relpos": (0, 0.5), "shrinkA": 1, "shrinkB": 2}

SHARES = {"time_at_goal", "reached_goal", "accuracy"}
NAMES = {"time_at_goal": "time at the goal", "reached_goal": "episodes that reach the goal", "env_steps": "environment steps"}
RUN_CURVES = {"time_at_goal": "time at the goal", "reached_goal": "reached the goal"}
CLOCKS = ((2 * 86_400, 86_400, "days"), (2 * 3_600, 3_600, "hours"), (120, 60, "minutes"), (0, 1, "seconds"))


def draw_learning_curve(lines: Sequence[Mapping[str, Any]], title: str, place: Path) -> None:
    """The curve of one run from its lines of metrics: time at the goal, and episodes that reach it, by environment steps."""
    curves = tuple(curve_of(lines, metric, name) for metric, name in RUN_CURVES.items())
    draw([Panel(title, curves)], "time_at_goal", "env_steps", place, heading="")


def curve_of(lines: Sequence[Mapping[str, Any]], metric: str, name: str) -> Curve:
    steps, values = (np.array([line[key] for line in lines], float) for key in ("env_steps", metric))
    nothing = np.full(steps.shape, np.nan)
    return Curve(f"{name} {values[-1]:.0%}", steps, values, nothing, nothing, np.ones(steps.shape, int))


def draw(panels: Sequence[Panel], metric: str, x: str, place: Path, heading: str | None = None) -> None:
    """One panel for each environment, as a picture of the kind that the name of `place` ends in.

    `heading`: what the vertical axis shows; by default the metric's name.
    """
    columns = min(len(panels), COLUMNS)
    rows = -(-len(panels) // columns)
    with rc_context({"svg.hashsalt": "archlang", "svg.fonttype": "none", "pdf.fonttype": 42, "font.size": 9}):
        figure = Figure(figsize=(PANEL[0] * columns + 1.6, PANEL[1] * rows + 0.3), dpi=150, layout="constrained")
        grid = list(figure.subplots(rows, columns, squeeze=False).flat)
        for axes, panel in zip(grid, panels, strict=False):
            draw_panel(axes, panel, metric, x, name_of(metric) if heading is None else heading)
        for axes in grid[len(panels) :]:
            axes.remove()
        figure.draw_without_rendering()  # now panels have their size
        for axes, panel in zip(grid, panels, strict=False):
            label_ends(axes, panel.curves, axes.get_position().height * figure.get_figheight() * 72)
        if footnote := describe(panels):
            figure.supxlabel(footnote, x=0.01, ha="left", fontsize=7.5, color=GREY)
        save(figure, place)


def draw_panel(axes: Axes, panel: Panel, metric: str, x: str, heading: str) -> None:
    scale, unit = clock(panel) if x == "elapsed_seconds" else (1, name_of(x))
    dress(axes, metric, unit, x)
    axes.set_title(heading, loc="left", fontsize=8.5, color=GREY)
    axes.annotate(panel.title, (0, 1), (0, 20 if heading else 6), "axes fraction", "offset points", fontsize=10, weight="bold")
    styles = [(colour, dash) for dash in DASHES for colour in COLOURS]
    for curve, (colour, dash) in zip(panel.curves, cycle(styles), strict=False):
        draw_curve(axes, curve, scale, colour, dash)
    last = max(curve.x[-1] for curve in panel.curves) / scale
    axes.set_xlim(0, last or 1)
    if metric in SHARES:
        axes.set_ylim(0, 1.02)


def dress(axes: Axes, metric: str, unit: str, x: str) -> None:
    """Everything around the lines."""
    axes.set_xlabel(unit, color=GREY)
    axes.xaxis.set_major_formatter(FuncFormatter("{:g}".format) if x == "elapsed_seconds" else EngFormatter(sep=""))
    if metric in SHARES:
        axes.yaxis.set_major_formatter(PercentFormatter(1))
    axes.grid(axis="y", color=PALE, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color("#aaaaaa")
    axes.tick_params(colors=GREY)


def draw_curve(axes: Axes, curve: Curve, scale: float, colour: str, dash: Any) -> None:
    """A line, the interval around it, and a point where a line would be none."""
    marker = "o" if curve.x.size <= 2 else ""
    axes.plot(curve.x / scale, curve.middle, color=colour, linestyle=dash, linewidth=1.8, marker=marker, clip_on=False)
    axes.fill_between(curve.x / scale, curve.low, curve.high, color=colour, alpha=0.18, linewidth=0)


def label_ends(axes: Axes, curves: Sequence[Curve], height: float) -> None:
    """Every label to the right of the panel, at the height of its line's end, or as near to it as the others leave room.

    `height`: the panel's, in points.
    """
    if not any(curve.label for curve in curves):
        return
    bottom, top = axes.get_ylim()
    wanted = np.array([(curve.middle[-1] - bottom) / (top - bottom) * height for curve in curves])
    for curve, line, y, free in zip(curves, axes.lines, wanted, spread(wanted, LINE_HEIGHT), strict=True):
        end = (float(np.asarray(line.get_xdata())[-1]), float(curve.middle[-1]))
        colour, straight = line.get_color(), abs(free - y) < 1 and end[0] >= axes.get_xlim()[1]
        leader = None if straight else LEADER | {"color": colour}
        text = axes.annotate(curve.label, end, (1.03, free / height), "data", "axes fraction", leader, annotation_clip=False)
        text.set(color=colour, verticalalignment="center", fontsize=8.5)


def spread(wanted: np.ndarray, apart: float) -> np.ndarray:
    """Heights that are at least `apart`, in the same order and near those that are wanted: f64[n]."""
    order = np.argsort(wanted, kind="stable")
    # Who stands too near is joined to a block, and blocks are centred on what their members want (isotonic regression).
    blocks: list[list[float]] = []
    for rank, height in enumerate(wanted[order]):
        blocks.append([height - rank * apart])
        while len(blocks) > 1 and np.mean(blocks[-2]) > np.mean(blocks[-1]):
            blocks[-2:] = [blocks[-2] + blocks[-1]]
    placed = np.concatenate([np.full(len(block), np.mean(block)) for block in blocks]) + np.arange(len(wanted)) * apart
    return placed[np.argsort(order, kind="stable")]


def describe(panels: Sequence[Panel]) -> str:
    """What lines and bands are, where there are bands."""
    seeds = {len(curve.runs) for panel in panels for curve in panel.curves}
    if max(seeds) < 2:
        return ""
    count = f"{min(seeds)}" if len(seeds) == 1 else f"{min(seeds)} to {max(seeds)}"
    return f"line: interquartile mean over {count} seeds; band: its bootstrapped {INTERVAL:.0%} interval"


def clock(panel: Panel) -> tuple[float, str]:
    """The unit for times: its seconds, and the words for it."""
    longest = max(curve.x[-1] for curve in panel.curves)
    return next((seconds, f"{unit} of training") for least, seconds, unit in CLOCKS if longest >= least)


def name_of(key: str) -> str:
    return NAMES.get(key, key.replace("_", " "))


def save(figure: Figure, place: Path) -> None:
    """As a whole or not at all, and the same bytes for the same numbers."""
    kind = place.suffix.removeprefix(".").lower()
    draft = place.with_name(place.name + ".tmp")
    dateless = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}
    figure.savefig(draft, format=kind, metadata=dateless.get(kind))
    draft.replace(place)
