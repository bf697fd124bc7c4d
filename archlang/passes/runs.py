"""Runs in a row of numbers: which patterns stand several times in succession, so that together they cover the most."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from operator import itemgetter
from typing import NamedTuple

MAX_PERIOD = 16  # numbers of a pattern; longer patterns are not looked for


class Run(NamedTuple):
    """The numbers from `start` to `end` (not included) are copies of the first `period` of them."""

    start: int
    end: int
    period: int


class Score(NamedTuple):
    """How good some runs are together: how much they cover; then how short their patterns are; then how many begin where
    the repetition begins, as `(a, b)*2, a` does and `a, (b, a)*2` does not."""

    covered: int = 0
    minus_lengths: int = 0
    minus_shifted: int = 0

    def plus(self, covered: int, minus_lengths: int = 0, minus_shifted: int = 0) -> Score:
        return Score(self.covered + covered, self.minus_lengths + minus_lengths, self.minus_shifted + minus_shifted)


def best_runs(row: Sequence[int], allowed: Callable[[int, int], bool]) -> list[Run]:
    """The best disjoint runs of two copies or more, in order. `allowed(start, end)`: whether this part may be a pattern.

    >>> best_runs([1, 2, 1, 2, 1, 3, 3], lambda start, end: True)
    [Run(start=0, end=4, period=2), Run(start=5, end=7, period=1)]
    """
    search = Search(row, allowed)
    for end in range(1, len(row) + 1):
        search.step(end)
    return list(search.runs())[::-1]


Plan = tuple[Score, Run | None]  # how good the best is that ends here, and its last run if that ends here too


@dataclass
class Search:
    """Dynamic programming over where the row ends: the best plan for its first 0, 1, 2, … numbers. Linear in the row."""

    row: Sequence[int]
    allowed: Callable[[int, int], bool]
    best: list[Plan] = field(default_factory=lambda: [(Score(), None)])
    growing: dict[tuple[int, int], tuple[Score, Run]] = field(default_factory=dict)  # by end and period
    matched: list[int] = field(default_factory=lambda: [0] * (MAX_PERIOD + 1))  # by period: how long it has held up to here

    def step(self, end: int) -> None:
        plans: list[Plan] = [(self.best[-1][0], None)]
        for period in range(1, min(MAX_PERIOD, end - 1) + 1):
            holds = self.row[end - 1] == self.row[end - 1 - period]
            self.matched[period] = self.matched[period] + 1 if holds else 0
            if self.matched[period] >= period:
                plans += self.ending(end, period)
        self.best.append(max(plans, key=itemgetter(0)))

    def ending(self, end: int, period: int) -> list[tuple[Score, Run]]:
        """The best plan whose last run has this period and ends here: it begins two copies ago, or one before has grown."""
        start, found = end - 2 * period, []
        if self.allowed(start, start + period):
            shifted = self.matched[period] % period != 0
            found.append((self.best[start][0].plus(2 * period, -period, -shifted), Run(start, end, period)))
        if (end - period, period) in self.growing:
            score, run = self.growing[end - period, period]
            found.append((score.plus(period), Run(run.start, end, period)))
        if found:
            self.growing[end, period] = max(found)
        return found

    def runs(self) -> Iterator[Run]:
        """The runs of the best plan, last first."""
        end = len(self.row)
        while end:
            run = self.best[end][1]
            if run is not None:
                yield run
            end = end - 1 if run is None else run.start
