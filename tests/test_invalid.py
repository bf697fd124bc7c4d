"""Wrong programs: each gives the diagnostics that stand beside it in tests/cases/invalid, at the place that stands there."""

from __future__ import annotations

import cases
import pytest

import archlang
from archlang.codes import CODES
from archlang.diagnostics import as_json, render
from archlang.mistakes import MISTAKES, Mistake
from archlang.pipeline import tree, whole

CASES = cases.read("invalid")
ENVIRONMENT = archlang.Environment("toy", state_dim=10, goal_dim=3, action_dim=2)


def diagnostics_of(program: str, options: dict[str, str]) -> tuple[archlang.Diagnostic, ...]:
    width = int(options["in"]) if "in" in options else None
    env = ENVIRONMENT if "env" in options else None
    try:
        return archlang.check(whole(tree(archlang.Source(program))), in_features=width, env=env).diagnostics
    except archlang.SpecError as error:
        return error.diagnostics


def header_of(case: cases.Case, first: archlang.Diagnostic) -> str:
    assert first.span is not None
    options = (f"{key}={value}" if value else key for key, value in case.options.items())
    return " ".join((first.code, f"{first.span.line}:{first.span.column}", *options))


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_a_wrong_program_is_told_so(case: cases.Case) -> None:
    found = diagnostics_of(case.program, case.options)
    assert found, "accepted"
    assert header_of(case, found[0]) == case.header
    assert render(found).strip("\n") == case.expected


def test_every_code_of_the_compiler_has_a_case() -> None:
    by_files = {"E0001", "E0002", "E0003"}
    shown = {case.header.split()[0] for case in CASES} | by_files
    assert {code for code in CODES if code < "E0500"} - shown == set()


@pytest.mark.parametrize("mistake", MISTAKES, ids=[mistake.message for mistake in MISTAKES])
def test_the_table_of_syntax_mistakes_says_what_its_examples_need(mistake: Mistake) -> None:
    assert [diagnostic.message for diagnostic in diagnostics_of(mistake.example, {})] == [mistake.message]


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_json_holds_the_place(case: cases.Case) -> None:
    for diagnostic in diagnostics_of(case.program, case.options):
        assert diagnostic.span is not None
        data, source = as_json(diagnostic), diagnostic.span.source
        assert (data["file"], source.text) == ("<inline>", case.program) or source.path  # a mistake may lie in a used file
        assert 1 <= data["column"] <= len(source.line(data["line"])) + 1
        assert (data["end"]["line"], data["end"]["column"]) >= (data["line"], data["column"])


def test_the_corpus_is_not_lost() -> None:
    assert len(CASES) >= 600
    assert len({case.program for case in CASES}) == len(CASES)


@pytest.mark.parametrize("case", [case for case in CASES if case.file == "peers"], ids=lambda case: case.name)
def test_a_mistake_of_a_peer_names_the_peer(case: cases.Case) -> None:
    assert case.program.startswith("# ")


def update() -> None:
    """Write what the programs give now."""
    found = [(case, diagnostics_of(case.program, case.options)) for case in CASES]
    accepted = [case.name for case, diagnostics in found if not diagnostics]
    if accepted:
        raise SystemExit(f"accepted: {', '.join(accepted)}")
    cases.write("invalid", [(case, header_of(case, got[0]), render(got).strip("\n")) for case, got in found])


if __name__ == "__main__":
    update()
