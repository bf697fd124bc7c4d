"""Estimates as a picture: a stacked bar of terms for each point, against what the GPU has."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from archlang.plan import GIB, Target

# Okabe and Ito's colours, apart for colour-blind readers too, and two greys.
COLOURS = {
    "parameters": "#0072B2",
    "gradients": "#56B4E9",
    "optimizer": "#B0578D",
    "saved activations": "#009E73",
    "loss": "#F0E442",
    "replay": "#E69F00",
    "hindsight batch": "#8C8C8C",
    "environment state": "#2F2F2F",
    "workspace": "#D55E00",
    "temporary": "#009E73",
}
GREY, PALE = "#666666", "#e5e5e5"
ROW, WIDTH = 0.42, 9.0  # inches
SMALLEST = 0.003  # of a bar: a term that is smaller in all of them has no name in the legend


def draw_estimates(bars: Sequence[tuple[str, Mapping[str, int]]], target: Target | None, title: str, place: Path) -> None:
    """A bar for each label and its terms in bytes, as a picture of the kind that the name of `place` ends in."""
    with rc_context({"svg.hashsalt": "archlang", "svg.fonttype": "none", "pdf.fonttype": 42, "font.size": 9}):
        figure = Figure(figsize=(WIDTH, 1.5 + ROW * len(bars)), dpi=150, layout="constrained")
        axes = figure.subplots()
        draw_bars(axes, bars)
        if target is not None:
            draw_capacity(axes, target)
        axes.set_title(title, loc="left")
        axes.legend(loc="upper left", bbox_to_anchor=(1, 1), frameon=False)
        figure.savefig(place)


def draw_bars(axes: Axes, bars: Sequence[tuple[str, Mapping[str, int]]]) -> None:
    rows, starts = range(len(bars)), [0.0] * len(bars)
    for term in dict.fromkeys(term for _, terms in bars for term in terms):
        sizes = [terms.get(term, 0) / GIB for _, terms in bars]
        label = term if any(terms.get(term, 0) > SMALLEST * sum(terms.values()) for _, terms in bars) else None
        axes.barh(rows, sizes, left=starts, height=0.62, color=COLOURS[term], label=label)
        starts = [start + size for start, size in zip(starts, sizes, strict=True)]
    axes.set_yticks(rows, [label for label, _ in bars])
    axes.invert_yaxis()
    axes.set_xlabel("GiB")
    axes.xaxis.set_major_locator(MaxNLocator(8))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda size, _: f"{size:,g}"))
    axes.spines[["top", "right"]].set_visible(False)


def draw_capacity(axes: Axes, target: Target) -> None:
    """What the GPU has, and of it the margin."""
    budget, capacity = target.budget / GIB, target.gpu.memory_bytes / GIB
    axes.axvspan(budget, capacity, color=PALE, zorder=0)
    axes.axvline(capacity, color=GREY, linewidth=1, label=f"{target.gpu.name}: {capacity:,.1f} GiB\n(grey: the margin)")
