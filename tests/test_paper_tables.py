"""The paper's own tables of FLOPs, memory and parameters: counted again, as they are recorded, and within their bounds."""

from __future__ import annotations

import json
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent
RECORDED: dict[str, Any] = json.loads((ROOT / "benchmarks" / "results" / "paper_tables.json").read_text())["results"]
FLOPS, NEEDED, MEMORY = "flops (10^9)", "flops_per_update (10^9)", "memory (MiB)"


@pytest.fixture
def tables(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    yield import_module("paper_tables")
    del sys.modules["paper_tables"]


def test_what_is_recorded_is_what_is_counted(tables: Any) -> None:
    assert json.loads(json.dumps(tables.results())) == RECORDED


@pytest.mark.parametrize(("name", "percent"), [(FLOPS, 3), (MEMORY, 5)])
def test_every_figure_is_within_its_bound(tables: Any, name: str, percent: float) -> None:
    paper = tables.FLOPS if name == FLOPS else tables.MEMORY
    assert [row["paper"] for row in RECORDED[name]] == list(paper)
    assert all(abs(row["counted"] / row["paper"] - 1) <= percent / 100 for row in RECORDED[name])


def test_an_update_needs_twelve_of_the_fifteen_passes() -> None:
    ratios = [needed["counted"] / row["counted"] for needed, row in zip(RECORDED[NEEDED], RECORDED[FLOPS], strict=True)]
    assert all(0.74 < ratio < 0.8 for ratio in ratios)
    assert ratios[4] == pytest.approx(12 / 15, rel=0.003)  # the widest, where all else is little


def test_each_claim_about_parameters_is_right_for_other_networks() -> None:
    rights = [claim["right_for"] for claim in RECORDED["parameters"]]
    assert rights == ["sa_encoder + g_encoder", "sa_encoder", "sa_encoder"]
    assert all(abs(claim["error_percent"]) < 11 for claim in RECORDED["parameters"])
    wide, deep, _ = (claim["counted"]["critic"] for claim in RECORDED["parameters"])
    assert wide / deep == pytest.approx(7.9, abs=0.1)


def test_the_page_has_the_figures_that_are_recorded() -> None:
    page = (ROOT / "docs" / "estimating.md").read_text()
    for one, needed, other in zip(RECORDED[FLOPS], RECORDED[NEEDED], RECORDED[MEMORY], strict=True):
        cells = (one["width"], one["depth"], one["paper"], one["counted"], needed["counted"], other["paper"], other["counted"])
        assert f"| {' | '.join(map(str, cells))} |" in page
