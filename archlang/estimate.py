"""What training takes, before anything is launched: parameters, memory, FLOPs, time; and whether it fits a GPU."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from archlang.diagnostics import Diagnostic, DiagnosticError, as_json
from archlang.exact import ExactPlan, exact_plan
from archlang.plan import MARGIN, Forced
from archlang.question import Question
from archlang.report import Inputs, Report, points, refuse_unknown_width
from archlang.source import Source
from archlang.spec import Point, Spec
from archlang.targets import Gpu
from archlang.verdict import Fix, costliest, verdict

TEMPORARY = "temporary"
MAX_BYTES = 2**63


@dataclass(frozen=True)
class Options:
    """What is asked besides the networks: settings of the run that are not the runtime's own, how stacks are run, the GPU and
    the part of its memory that is to stay free, and whether XLA is asked (`exact`)."""

    settings: Mapping[str, Any] = field(default_factory=dict)
    forced: Forced = field(default_factory=Forced)
    gpu: Gpu | None = None
    margin: float = MARGIN
    exact: bool = False


@dataclass(frozen=True)
class Estimate:
    """What is known of a program. Where networks are wrong there is nothing but the `report`."""

    report: Report
    question: Question | None = None
    exact: ExactPlan | None = None

    @cached_property
    def judged(self) -> tuple[Diagnostic, tuple[Fix, ...]] | None:
        """What is wrong where it does not fit, and what was found to mend it: some hundred estimates more."""
        if self.question is None or self.question.target is None or self.fits:
            return None
        return verdict(self.question, self.question.target, self.exact and self.exact.total)

    @property
    def diagnostics(self) -> tuple[Diagnostic, ...]:
        """Everything that is wrong."""
        return (*self.report.diagnostics, *((self.judged[0],) if self.judged else ()))

    @property
    def fixes(self) -> tuple[Fix, ...]:
        """What would make it fit; each was tried."""
        return self.judged[1] if self.judged else ()

    @property
    def wrong(self) -> bool:
        """Whether the networks are, or do not fit."""
        return self.report.wrong or self.fits is False

    @property
    def fits(self) -> bool | None:
        """Whether it surely fits the GPU; None where there is no GPU, or no program."""
        if self.question is None or self.question.target is None:
            return None
        return self.question.fits if self.exact is None else self.exact.total <= self.question.target.budget

    @property
    def terms(self) -> dict[str, int]:
        """Bytes by term. XLA's plan has names for what is held always, and one for all else: temporary."""
        if self.question is None:
            return {}
        if self.exact is None:
            return self.question.memory.terms
        return {**self.exact.terms, TEMPORARY: self.exact.total - sum(self.exact.terms.values())}

    @property
    def total(self) -> int | None:
        """Bytes of all terms: argument + output + temporary - aliased, as XLA counts them."""
        return sum(self.terms.values()) if self.terms else None

    @property
    def flops_per_update(self) -> int | None:
        """FLOPs of the matrix products of one update: forward, and for the gradients that are needed."""
        return None if self.question is None else self.question.work.networks

    @property
    def tier(self) -> str:
        return "instant" if self.exact is None else "exact"

    def as_json(self) -> dict[str, Any]:
        """As `archlang estimate --json` has it."""
        diagnostics = [as_json(diagnostic) for diagnostic in self.diagnostics]
        return (
            self.report.as_json()
            | {"diagnostics": diagnostics, "fixes": [fix.as_json() for fix in self.fixes]}
            | self.numbers()
        )

    def numbers(self) -> dict[str, Any]:
        """What is known of the program, as data; what fits is judged, and not mended."""
        if self.question is None:
            return {"memory": None, "fits": None, "flops_per_update": None, "flops": None, "time": None, "tier": self.tier}
        memory = memory_json(self, self.question)
        flops = flops_json(self.question)
        known = {"memory": memory, "fits": self.fits, "flops_per_update": self.flops_per_update, "flops": flops}
        return known | {"time": self.question.time and self.question.time.as_json(), "tier": self.tier}


def memory_json(found: Estimate, question: Question) -> dict[str, Any]:
    """Bytes. `at_most`: with what the closed form may be wrong by; `instant_total` is its own, beside XLA's."""
    target, memory, exact = question.target, question.memory, found.exact
    limits = {"capacity": target and target.gpu.memory_bytes, "budget": target and target.budget}
    about = {"terms": found.terms, "total": found.total} | limits
    if exact is None:
        return about | {"at_most": memory.at_most, "moment": memory.moment}
    sizes = {"argument": exact.argument, "output": exact.output, "temp": exact.temp, "alias": exact.alias}
    return about | {"planned_for": exact.target, **sizes, "instant_total": memory.total}


def flops_json(question: Question) -> dict[str, Any]:
    """FLOPs of one row forward through each network, of one update by kind, and of the whole run."""
    return {"forward": question.forward_flops, "update": question.work.as_json(), "run": question.run_flops}


def estimate(report: Report, inputs: Inputs, options: Options) -> Estimate:
    """What the program of these networks takes. Raises `DiagnosticError` for options that cannot be."""
    if report.wrong:
        return Estimate(report)
    refuse_unknown_width(report.networks, inputs)
    question = Question(report.networks, inputs, options.settings, options.forced, options.gpu, options.margin)
    _ = question.target, question.memory  # what cannot be is wrong here, not when it is looked at
    refuse_beyond_measure(question)
    refuse_without_stacks(question)
    return Estimate(report, question, plan_of(question) if options.exact else None)


def refuse_beyond_measure(question: Question) -> None:
    """Raise E0501 for a program of more bytes than any machine can address."""
    if question.memory.total >= MAX_BYTES:
        span, label = costliest(question)
        raise DiagnosticError([Diagnostic("E0501", "fits nowhere: needs more bytes than 64 bits count", span, label)])


def refuse_without_stacks(question: Question) -> None:
    """Raise E0603 where a way to run stacks is asked for, and there are none."""
    if any(question.plan.stacks.values()):
        return
    for name, value in vars(question.forced).items():
        if value is not None:
            message, help = f"`--{name}` changes nothing: no network has a stack", "a stack is written `(…)*n`"
            raise DiagnosticError([Diagnostic("E0603", message, Source(str(value), f"--{name}").span(), help=help)])


def plan_of(question: Question) -> ExactPlan:
    """XLA's plan of the same program; without a GPU, for the CPU of this machine."""
    return exact_plan(question.plan.networks, question.types, question.workload, question.gpu)


def estimates(spec: Spec, inputs: Inputs, options: Options) -> Iterator[tuple[Point, Estimate]]:
    """The same at every point of a grid, one after the other."""
    return ((point, estimate(report, inputs, options)) for point, report in points(spec, inputs))
