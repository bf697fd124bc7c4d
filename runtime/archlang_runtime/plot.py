"""The learning curve of a run as a picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter, PercentFormatter

# metric, name, colour, line width; the two colours differ in lightness too, for print and for colour-blind readers.
CURVES = (
    ("reached_goal", "reached the goal", "#7d9cc0", 1.5),
    ("time_at_goal", "time at the goal", "#1f4e8c", 2.5),
)
GREY = "#666666"


def draw_learning_curve(lines: Sequence[Mapping[str, Any]], title: str, place: Path) -> None:
    """Time at the goal against environment steps, from the lines of metrics.jsonl, as a PNG."""
    figure = Figure(figsize=(7, 4.2), dpi=150, layout="constrained")
    axes = figure.add_subplot()
    for metric, name, colour, width in CURVES:
        draw_curve(axes, lines, metric, name, colour, width)
    axes.set_title(title, loc="left", fontsize=11)
    axes.set_xlabel("environment steps")
    axes.set_ylim(0, 1.02)
    axes.set_xlim(left=0, right=max(1, lines[-1]["env_steps"]) * 1.02)
    axes.xaxis.set_major_formatter(EngFormatter(sep=""))
    axes.yaxis.set_major_formatter(PercentFormatter(1))
    axes.grid(axis="y", color="#e5e5e5", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(colors=GREY)
    draft = place.with_name(place.name + ".tmp")
    figure.savefig(draft, format="png")
    draft.replace(place)


def draw_curve(axes: Axes, lines: Sequence[Mapping[str, Any]], metric: str, name: str, colour: str, width: float) -> None:
    """One metric, with its name and its last value at the end of the line."""
    steps, values = [line["env_steps"] for line in lines], [line[metric] for line in lines]
    axes.plot(steps, values, color=colour, linewidth=width, marker="o", markersize=width + 1.5, clip_on=False)
    label = f"{name}\n{values[-1]:.0%}"
    axes.annotate(label, (steps[-1], values[-1]), (8, 0), textcoords="offset points", color=colour, va="center")
