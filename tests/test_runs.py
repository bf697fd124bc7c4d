"""Runs in a row of numbers: they are runs, and together they cover as much as can be covered."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archlang.passes.runs import Run, best_runs


@settings(max_examples=500)
@given(st.lists(st.integers(0, 2), max_size=9))
def test_the_best_runs_cover_as_much_as_can_be(row: list[int]) -> None:
    runs = best_runs(row, lambda start, end: True)
    covered = [index for run in runs for index in range(run.start, run.end)]
    assert covered == sorted(set(covered))
    for run in runs:
        pattern = row[run.start : run.start + run.period]
        assert row[run.start : run.end] == pattern * ((run.end - run.start) // run.period)
        assert run.end - run.start >= 2 * run.period
    assert len(covered) == most_covered(row)


def most_covered(row: Sequence[int]) -> int:
    """By trying everything."""
    if not row:
        return 0
    found = [most_covered(row[1:])]
    for period in range(1, len(row) // 2 + 1):
        for copies in range(2, len(row) // period + 1):
            if list(row[: period * copies]) == list(row[:period]) * copies:
                found.append(period * copies + most_covered(row[period * copies :]))
    return max(found)


@pytest.mark.parametrize(
    ("row", "runs"),
    [
        ([1, 1, 1, 1], [Run(0, 4, 1)]),
        ([1, 2, 1, 2, 1], [Run(0, 4, 2)]),
        ([3, 1, 1, 2, 1, 1, 2], [Run(1, 7, 3)]),
        ([1, 2, 1, 2, 2, 2], [Run(0, 4, 2), Run(4, 6, 1)]),
    ],
)
def test_which_of_the_best_runs_is_taken(row: list[int], runs: list[Run]) -> None:
    assert best_runs(row, lambda start, end: True) == runs


def test_a_pattern_that_is_not_allowed_may_begin_later() -> None:
    assert best_runs([1, 2, 3] * 4, lambda start, end: start > 0) == [Run(3, 12, 3)]
