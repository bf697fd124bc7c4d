"""An estimate for people: a table of terms, and a bar of them against the memory that there is."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from rich.table import Table
from rich.text import Text

from archlang.analysis.time import CALIBRATION, Time
from archlang.console import columns, console, counted, print_table, right
from archlang.diagnostics import Diagnostic, DiagnosticError, did_you_mean, short
from archlang.estimate import Estimate
from archlang.exact import CPU
from archlang.plan import Target
from archlang.question import Question
from archlang.source import Source, Span
from archlang.spec import Point, Spec
from archlang.verdict import option_span, sized

CELLS, FEWEST, INDENT = 72, 8, 3  # of the bar
LETTERS = {  # and colours of the terms
    "parameters": ("p", "blue"),
    "gradients": ("g", "cyan"),
    "optimizer": ("o", "magenta"),
    "saved activations": ("a", "green"),
    "loss": ("l", "bright_yellow"),
    "replay": ("r", "yellow"),
    "hindsight batch": ("h", "bright_blue"),
    "environment state": ("e", "bright_green"),
    "workspace": ("w", "red"),
    "temporary": ("t", "green"),
}
FREE, MARGIN = ("·", "dim"), ("-", "dim")
UNITS = {"MiB": 2**20, "KiB": 2**10}


def print_estimate(found: Estimate) -> None:
    """The terms, the bar, and what else is known. What is wrong is printed elsewhere."""
    if found.question is None:
        return
    question = found.question
    print(f"{question.workload.summary.rstrip(',')}: {counted(found.report.params)} parameters")
    print_table(terms_table(found, question))
    if question.target is not None:
        console().print(bar(found.terms, question.target, columns()))
    for line in lines(found, question):
        print(line)


def terms_table(found: Estimate, question: Question) -> Table:
    """A row for each term that is there: bytes, the part of the whole, and where most of it comes from."""
    total = found.total or 1
    name, unit = next(((name, unit) for name, unit in UNITS.items() if total >= unit), ("bytes", 1))
    table = Table("", "memory", right(name), right("%"), "most of it from", box=None, pad_edge=False, show_footer=True)
    for term, size in found.terms.items():
        if size:
            row = (f"{size / unit:,.1f}", f"{100 * size / total:.1f}", origin(question, term))
            table.add_row(LETTERS[term][0], term, *row)
    table.columns[1].footer, table.columns[2].footer = "total", f"{total / unit:,.1f}"
    return table


def origin(question: Question, term: str) -> str:
    """The place or the option that most of a term comes from."""
    memory = question.memory
    places = {span: terms[term] for span, terms in memory.places.items() if terms[term]}
    if places:
        return place(max(places, key=lambda span: places[span]))
    options = [option_span(question, share.term) for share in memory.elsewhere if share.term == term]
    return f"{options[0].source.name} {options[0].text}" if options else ""


def place(span: Span) -> str:
    return f"{span.first_line}  {span.source.name}:{span.line}:{span.column}"


def bar(terms: dict[str, int], target: Target, columns: int) -> Text:
    """The terms to scale, with the margin, and a mark where the memory ends: behind it is what there is no room for."""
    capacity = target.gpu.memory_bytes
    whole, text, done = max(capacity, sum(terms.values())), Text(" " * INDENT), 0
    behind = f"{' │ is' if whole > capacity else ''} {sized(capacity)}"
    cells = max(FEWEST, min(CELLS, columns - INDENT - 1 - len(behind)))
    parts = [(size, *LETTERS[term]) for term, size in terms.items()]
    parts += [(max(0, target.budget - sum(terms.values())), *FREE), (whole, *MARGIN)]
    for size, letter, style in parts:
        start, done = done, min(whole, done + size)
        text.append(letter * (cells * done // whole - cells * start // whole), style=style)
    end = INDENT + cells * capacity // whole
    return Text.assemble(text[:end], "│", text[end:], behind)


def lines(found: Estimate, question: Question) -> Iterator[str]:
    """What there is to say beside the terms."""
    yield where(found, question)
    if question.target is not None and found.fits:
        yield room(found, question.target)
    yield from arithmetic(question)
    if question.time is not None and question.gpu is not None:
        yield from hours(question.time, question.gpu.name)


def where(found: Estimate, question: Question) -> str:
    """When the most is held; or, of XLA's plan, how far the closed form is from it."""
    exact, memory = found.exact, question.memory
    if exact is None:
        return f"the most is held in {memory.moment}"
    target = "the CPU of this machine, not for a GPU" if exact.target == CPU else exact.target
    return f"as XLA plans it for {target}; the closed form says {sized(memory.total)}: {memory.total / exact.total - 1:+.1%}"


def room(found: Estimate, target: Target) -> str:
    free = f"a margin of {target.margin:.0%} leaves {sized(target.budget)}"
    most = "" if found.exact or not found.question else f", at most {sized(found.question.memory.at_most)}"
    return f"fits {target.gpu.name}: {sized(found.total or 0)}{most}, where {free} of {sized(target.gpu.memory_bytes)}"


def arithmetic(question: Question) -> Iterator[str]:
    """FLOPs of an update, and of the run."""
    again = f", {scaled(question.work.recomputed)} of it computed again" if question.work.recomputed else ""
    yield f"an update takes {scaled(question.work.networks + question.work.recomputed)}FLOP of matrix products{again}"
    if question.run_flops is not None:
        load = question.workload
        yield f"the run, {load.env_steps:,} environment steps and {load.updates:,} updates, {scaled(question.run_flops)}FLOP"


def hours(time: Time, gpu: str) -> Iterator[str]:
    """The least that the GPU's figures allow; and, apart from that, what runs that were timed suggest, or why nothing."""
    if time.least is not None:
        run = f", the run's updates {clock(time.least_run_seconds or 0)}" if time.env_steps else ""
        yield f"at least: an update {clock(time.least.seconds)}{run}, bound by {time.least.bound} at {gpu}'s peak rates"
    if time.predicted is not None:
        run = "" if time.predicted_run_seconds is None else f", the run {clock(time.predicted_run_seconds)}"
        yield f"predicted: an update {clock(time.predicted.update_seconds)}{run}, from {CALIBRATION}"
        yield from (f"  beyond that: {what}" for what in time.predicted.beyond)
    yield from time.notes


def clock(seconds: float) -> str:
    """A time in the unit that people would take.

    >>> clock(5400)
    '1.5 h'
    """
    size, unit = next((size, unit) for size, unit in CLOCK if seconds >= size or size == CLOCK[-1][0])
    return f"{seconds / size:.3g} {unit}"


CLOCK = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"), (1e-3, "ms"), (1e-6, "µs"))


def scaled(number: int) -> str:
    """A number with three digits and its prefix.

    >>> scaled(51_880_000_000)
    '51.9 G'
    """
    power = min(max(0, (len(str(number)) - 1) // 3), len(PREFIXES) - 1)
    return f"{number / 1000**power:.3g} {PREFIXES[power]}"


# --- a grid ---------------------------------------------------------------------------------------------------------------


def print_points(spec: Spec, rows: Sequence[tuple[Point, Estimate]]) -> None:
    """A row for each point of a grid; those that do not fit are marked."""
    names = [axis.name for axis in spec.axes]
    table = Table(*names, *(right(column) for column in NUMBERS), "", box=None, pad_edge=False)
    for point, found in rows:
        numbers = (shown(found) for shown in SHOWN.values())
        table.add_row(*(short(value) for value in point.values.values()), *numbers, mark(found))
    print_table(table)


def mark(found: Estimate) -> str:
    """What is to be said of a point in a word."""
    wrong = sorted({diagnostic.code for diagnostic in found.report.diagnostics if diagnostic.severity == "error"})
    if found.fits is not False or found.question is None or found.question.target is None:
        return ", ".join(wrong)
    return "may not fit" if (found.total or 0) <= found.question.target.budget else "does not fit"


def ordered(spec: Spec, rows: Sequence[tuple[Point, Estimate]], sort: str | None) -> Sequence[tuple[Point, Estimate]]:
    """The rows by a column, the smallest first; points that are wrong come last. Raises `DiagnosticError` for no column."""
    names = [axis.name for axis in spec.axes]
    if sort is None:
        return rows
    if sort in NUMBERS and any(NUMBERS[sort](found) is not None for _, found in rows):
        return sorted(rows, key=lambda row: (NUMBERS[sort](row[1]) is None, NUMBERS[sort](row[1]) or 0))
    if sort in names:
        return sorted(rows, key=lambda row: natural(row[0].values[sort]))
    columns = [*names, *NUMBERS]
    similar = did_you_mean(sort, columns)
    help = (
        f"did you mean `{similar}`?" if similar not in (None, sort) else f"there are {', '.join(columns)}; a time needs a GPU"
    )
    message = f"there is nothing to sort by in `{short(sort)}`"
    raise DiagnosticError([Diagnostic("E0603", message, Source(sort, "--sort").span(), help=help)])


def natural(value: str) -> tuple[int, int, str]:
    """Numbers by their size, before words."""
    return (0, int(value), "") if value.isascii() and value.isdigit() else (1, 0, value)


def clock_of(found: Estimate) -> str:
    """The least time that the updates of a run can take."""
    seconds = NUMBERS["least time"](found)
    return "" if seconds is None else clock(seconds)


PREFIXES = ("", "k", "M", "G", "T", "P", "E", "Z", "Y")
NUMBERS: dict[str, Callable[[Estimate], float | None]] = {
    "parameters": lambda found: found.report.params,
    "memory": lambda found: found.total,
    "FLOP/update": lambda found: found.flops_per_update,
    "least time": lambda found: found.question and found.question.time and found.question.time.least_run_seconds,
}
SHOWN: dict[str, Callable[[Estimate], str]] = {
    "parameters": lambda found: counted(found.report.params) if found.report.networks else "",
    "memory": lambda found: "" if found.total is None else sized(found.total),
    "FLOP/update": lambda found: "" if found.flops_per_update is None else scaled(found.flops_per_update).rstrip(),
    "least time": clock_of,
}
