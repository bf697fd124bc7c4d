"""The instant estimate of an update beside what XLA plans for it: the published comparison, and a smaller one."""

from __future__ import annotations

import statistics
import sys
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent.parent / "benchmarks"))

from estimates import Setting, compared, compiled, settings, summary
from record import recorded

PUBLISHED = recorded("estimates")
FEW = 3


def again(row: dict[str, Any]) -> dict[str, Any]:
    """A published row with today's estimate."""
    return compared({name: row[name] for name in (*Setting.__dataclass_fields__, "exact", "temporary")})


def test_the_published_summary_is_that_of_the_published_rows() -> None:
    assert PUBLISHED["summary"] == summary(PUBLISHED["settings"])
    assert len(PUBLISHED["settings"]) >= 150
    assert PUBLISHED["summary"]["failed"] == 0


def test_estimates_are_near_what_was_planned() -> None:
    """With what is estimated now."""
    rows = [again(row) for row in (*PUBLISHED["settings"], *PUBLISHED["held_out_settings"])]
    found = summary(rows)
    assert found["median_percent"] <= 1
    assert found["p95_percent"] <= 3
    assert found["max_percent"] <= 6
    assert all(row["exact"] <= row["at_most"] for row in rows)  # what is said to fit does


def test_settings_are_the_same_for_a_seed_and_differ_in_all_there_is() -> None:
    drawn = settings(7)
    assert drawn == settings(7) != settings(8)
    for name in ("policy", "body", "batch", "gpu", "environment"):
        values = [getattr(each, name) for each in drawn]
        counts = {values.count(value) for value in set(values)}
        assert max(counts) - min(counts) <= 1


@pytest.mark.slow
def test_estimates_of_a_few_settings_are_near_what_xla_plans(tmp_path: Path) -> None:
    rows = [compared(row) for row in compiled(settings(2)[:FEW], tmp_path / "plans.jsonl")]
    off = [abs(row["error_percent"]) for row in rows]
    assert max(off) <= 6
    assert statistics.median(off) <= 3
