"""Whether a program fits a GPU: if not, E0501 with the place that costs most, and what would mend it, each of it tried."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from archlang.diagnostics import Diagnostic, DiagnosticError
from archlang.plan import Target
from archlang.question import Question
from archlang.source import Source, Span
from archlang.targets import GPUS

GIB, MIB = 2**30, 2**20
MAX_FIXES = 4  # that are told
OPTIONS = {
    "replay": "--replay-rows",
    "environment state": "--num-envs",
    "hindsight batch": "--batch-size",
    "loss": "--batch-size",
}
OPTIONS |= {"workspace": "--num-envs"}  # of the program as a whole: what all environments need for a step


@dataclass(frozen=True)
class Fix:
    """A change that makes the program fit: an option, the value for it, and the bytes that the program then needs."""

    option: str
    value: Any
    total: int

    def __str__(self) -> str:
        if self.option == "--gpu":
            return f"{self.value} has room for it"
        return f"`{self.option} {self.value}` brings the total to {sized(self.total)}"

    def as_json(self) -> dict[str, Any]:
        return {"option": self.option, "value": self.value, "total": self.total}


def verdict(question: Question, target: Target, exact_total: int | None = None) -> tuple[Diagnostic, tuple[Fix, ...]]:
    """What is wrong where a program does not surely fit its target, and what mends it. `exact_total`: bytes by XLA's plan."""
    total = question.memory.total if exact_total is None else exact_total
    span, label = costliest(question)
    mends = tuple(fixes(question))[:MAX_FIXES]
    help = (
        ";  ".join(map(str, mends)) or "no policy, replay buffer, batch or number of environments makes it fit, and no GPU here"
    )
    found = Diagnostic("E0501", said(question, target, total), span, label, notes=(margin_note(target),), help=help)
    return found, mends


def said(question: Question, target: Target, total: int) -> str:
    if total <= target.budget:
        most = sized(question.memory.at_most)
        return (
            f"may not fit {target.gpu.name}: needs {sized(total)}, at most {most}, has {sized(target.budget)}; `--exact` tells"
        )
    return f"does not fit {target.gpu.name}: needs {sized(total)}, has {sized(target.budget)}"


def margin_note(target: Target) -> str:
    capacity = sized(target.gpu.memory_bytes)
    return f"of {capacity} a margin of {target.margin:.0%} stays free, for CUDA's own and what the allocator wastes: `--margin`"


def sized(size: int) -> str:
    """Bytes as people read them.

    >>> sized(3 * 2**30 // 2)
    '1.5 GiB'
    >>> sized(3 * 2**20 // 2)
    '1.5 MiB'
    """
    return f"{size / GIB:,.1f} GiB" if size >= GIB else f"{size / MIB:,.1f} MiB"


# --- what costs most ------------------------------------------------------------------------------------------------------


def costliest(question: Question) -> tuple[Span, str]:
    """The place of the specification, or the option, that takes the most memory; and how much of which term that is."""
    memory = question.memory
    places = [(sum(terms.values()), span, terms.most_common()) for span, terms in memory.places.items()]
    options = [(share.bytes, option_span(question, share.term), [(share.term, share.bytes)]) for share in memory.elsewhere]
    _, span, terms = max(places + options, key=lambda found: found[0])
    return span, ", ".join(f"{term}: {sized(size)}" for term, size in terms[:2] if size) + " of it"


def option_span(question: Question, term: str) -> Span:
    """The option that a term which is of no network depends on, as it is set."""
    option = OPTIONS.get(term, "--batch-size")
    name = option.removeprefix("--").replace("-", "_")
    return Source(str(question.workload.settings.get(name, getattr(question.workload, name))), option).span()


# --- what mends it --------------------------------------------------------------------------------------------------------


def fixes(question: Question) -> Iterator[Fix]:
    """Changes that make it fit, cheapest first: of time, of what is stored, of what is learned, of money."""
    yield from policies(question)
    yield from numbers(question)
    yield from larger_gpus(question)


def policies(question: Question) -> Iterator[Fix]:
    """The policy that computes copies again and needs the least time for it, if there are stacks."""
    if not any(question.plan.stacks.values()):
        return
    for remat in ("dots", "full", "nested"):
        tried = question.with_remat(remat)
        if tried.fits:
            yield Fix("--remat", remat, tried.memory.total)
            return


def numbers(question: Question) -> Iterator[Fix]:
    """The largest value of each number that makes it fit, the others as they are."""
    for name, value in (("replay_rows", rows_left(question)), *((name, largest(question, name)) for name in SEARCHED)):
        rounded = value // STEP * STEP or value
        if rounded > 0 and fits_with(question, name, rounded):
            yield Fix(option_of(name), rounded, question.with_setting(name, rounded).memory.total)


STEP = 64  # values are told in multiples of it, where that leaves any
SMALLEST = 2  # of a batch, whose rows are each other's negatives; one environment is hardly a run
SEARCHED = ("batch_size", "num_envs")


def rows_left(question: Question) -> int:
    """Rows of the replay buffer that there is room for: all take the same."""
    row = question.workload.num_envs * question.workload.row_bytes
    budget = question.target.budget if question.target else 0
    return question.workload.replay_rows - -(-(question.memory.at_most - budget) // row) if row else 0


def largest(question: Question, name: str) -> int:
    """The largest value of a setting, below the one that it has, with which it fits; 0 if there is none."""
    if fits_with(question, name, SMALLEST) is False:
        return 0
    return last(lambda value: fits_with(question, name, value) is not False, getattr(question.workload, name))


def option_of(setting: str) -> str:
    return f"--{setting.replace('_', '-')}"


def fits_with(question: Question, name: str, value: int) -> bool | None:
    """Whether it fits with another value; None where that cannot be: another setting needs more."""
    try:
        return question.with_setting(name, value).fits
    except DiagnosticError:
        return None


def last(holds: Callable[[int], bool], end: int) -> int:
    """The last number from 0 to below `end` of which something holds that holds up to one number; 0 is taken to be one."""
    low = 0
    while end - low > 1:
        middle = (low + end) // 2
        low, end = (middle, end) if holds(middle) else (low, middle)
    return low


def larger_gpus(question: Question) -> Iterator[Fix]:
    """The smallest GPU on which it fits as it is."""
    least = sum(share.bytes for share in question.memory.always)
    for gpu in sorted(GPUS.values(), key=lambda gpu: gpu.memory_bytes):
        tried = replace(question, gpu=gpu)
        if tried.target is not None and tried.target.budget > least and tried.fits:
            yield Fix("--gpu", gpu.name, tried.memory.total)
            return
