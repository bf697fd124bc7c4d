"""The data that ships is found, and a spec's name never leads anywhere else."""

from pathlib import Path

import pytest

from archlang import resources


@pytest.fixture
def specs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout of its own, with two specs and an outsider beside them."""
    (tmp_path / "pyproject.toml").touch()
    (tmp_path / "secret.arch").write_text("dense1")
    folder = tmp_path / "specs"
    (folder / "paper").mkdir(parents=True)
    (folder / "small.arch").write_text("dense8")
    (folder / "paper" / "base.arch").write_text("dense256")
    monkeypatch.setattr(resources, "_PACKAGE", tmp_path / "archlang")
    return folder


def test_the_shipped_data_is_found() -> None:
    assert "start" in resources.grammar()
    assert "reacher" in resources.spec_names()
    assert [name for name in resources.spec_names() if resources.spec_path(name) is None] == []


def test_names_are_sorted_and_have_no_suffix(specs: Path) -> None:
    (specs / "notes.txt").touch()
    (specs / ".small.arch").touch()
    assert resources.spec_names() == ["paper/base", "small"]
    assert resources.spec_path("paper/base") == specs / "paper" / "base.arch"


@pytest.mark.parametrize(
    "name",
    [
        "",
        ".",
        "..",
        "paper",
        "paper/",
        "small.arch",
        "small\n",
        "small\0",
        "small/",
        "/small",
        "./small",
        "../secret",
        "paper/../small",
        "paper\\base",
        "paper//base",
        "SMALL",
        "\ud800",
        "x" * 100_000,
    ],
)
def test_other_names_lead_nowhere(specs: Path, name: str) -> None:
    assert resources.spec_path(name) is None


def test_an_absolute_name_leads_nowhere(specs: Path) -> None:
    assert resources.spec_path(str(specs / "small")) is None


def test_a_link_out_of_the_specs_is_not_one_of_them(specs: Path) -> None:
    (specs / "link.arch").symlink_to(specs.parent / "secret.arch")
    (specs / "folder").symlink_to(specs.parent)
    assert resources.spec_names() == ["paper/base", "small"]
    assert resources.spec_path("link") is None
    assert resources.spec_path("folder/secret") is None


def test_data_in_the_package_comes_first(specs: Path) -> None:
    inside = specs.parent / "archlang" / "specs"
    inside.mkdir(parents=True)
    (inside / "other.arch").touch()
    assert resources.spec_names() == ["other"]


def test_missing_data_says_where_it_was_sought(specs: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"archlang's grammars are missing; looked in .*archlang.grammars, "):
        resources.grammar()
