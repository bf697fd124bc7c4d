"""`use`: which files may be used, what a redefinition reaches, and one text that needs no other."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import archlang

BASE = "width = 8\nunit = <dense{width}, ln>\nnet = unit, dense4\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "base.arch").write_text(BASE)
    (tmp_path / "inner").mkdir()
    return tmp_path


def write(folder: Path, name: str, text: str) -> str:
    (folder / name).write_text(text)
    return str(folder / name)


def body(spec: archlang.Spec | str) -> Any:
    spec = archlang.load(spec) if isinstance(spec, str) else spec
    return spec.networks["net"].body


def codes(path: str) -> list[str]:
    with pytest.raises(archlang.SpecError) as caught:
        archlang.load(path)
    return [diagnostic.code for diagnostic in caught.value.diagnostics]


def test_a_redefinition_holds_inside_the_used_file(folder: Path) -> None:
    path = write(folder, "a.arch", 'use "base.arch"\nwidth = 16\n')
    assert body(path) == archlang.parse("net = (dense16, ln), dense4").networks["net"].body
    assert body(archlang.load(path, {"width": 32})) == archlang.parse("net = (dense32, ln), dense4").networks["net"].body


def test_files_below_and_shipped_ones_are_found(folder: Path) -> None:
    write(folder, "inner/low.arch", 'use "../base.arch"\nwidth = 2\n')
    assert (
        body(write(folder, "a.arch", 'use "inner/low.arch"'))
        == archlang.parse("net = (dense2, ln), dense4").networks["net"].body
    )
    shipped = archlang.load(write(folder, "b.arch", 'use "wang2025/base.arch"\ndepth = 4\n'), action_dim=3)
    assert shipped.networks["actor"].dense_layers == 5


def test_two_files_may_share_a_third(folder: Path) -> None:
    write(folder, "b.arch", 'use "base.arch"\nb = unit\n')
    write(folder, "c.arch", 'use "base.arch"\nc = unit\n')
    assert {"b", "c", "net"} == archlang.load(write(folder, "a.arch", 'use "b.arch"\nuse "c.arch"')).networks.keys()


def test_two_that_define_one_name_are_refused_unless_the_file_does(folder: Path) -> None:
    write(folder, "b.arch", "net = dense3\n")
    assert codes(write(folder, "a.arch", 'use "base.arch"\nuse "b.arch"\n')) == ["E0202"]
    assert body(write(folder, "a.arch", 'use "base.arch"\nuse "b.arch"\nnet = unit\n'))


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("../outside.arch", "E0005"),
        ("inner/../../outside.arch", "E0005"),
        ("link.arch", "E0005"),
        ("folder_link/outside.arch", "E0005"),
        ("/etc/hostname", "E0005"),
        ("a.arch", "E0203"),
        ("ring.arch", "E0203"),
        ("inner", "E0001"),
        ("none.arch", "E0001"),
        ("bare.arch", "E0005"),
        ("torn.arch", "E0103"),
        ("x" * 5000, "E0001"),
    ],
)
def test_what_may_not_be_used_is_told_so_once(tmp_path: Path, path: str, code: str) -> None:
    (tmp_path / "outside.arch").write_text(BASE)
    folder = tmp_path / "mine"
    (folder / "inner").mkdir(parents=True)
    (folder / "link.arch").symlink_to(tmp_path / "outside.arch")
    (folder / "folder_link").symlink_to(tmp_path)
    write(folder, "ring.arch", 'use "ring2.arch"')
    write(folder, "ring2.arch", 'use "ring.arch"')
    write(folder, "bare.arch", "dense4, ln")
    write(folder, "torn.arch", "net = dense{4")
    assert codes(write(folder, "a.arch", f'use "{path}"\nmine = dense{{width}}, unit\n')) == [code]


def test_a_mistake_in_a_used_file_names_both(folder: Path) -> None:
    write(folder, "b.arch", "unit(w) = dense{w/3}\n")
    with pytest.raises(archlang.SpecError) as caught:
        archlang.load(write(folder, "a.arch", 'use "b.arch"\nnet = unit(4)\n'))
    (found,) = caught.value.diagnostics
    assert found.span is not None
    assert found.span.source.name.endswith("b.arch")
    ((use, label),) = found.secondary
    assert (use.source.name.endswith("a.arch"), use.text, label) == (True, "unit(4)", "used here")


def test_an_inline_text_may_use_shipped_files_alone(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    assert codes('use "base.arch"\n') in (["E0001"], ["E0005"])
    assert archlang.load('use "reacher.arch"\n', action_dim=2).networks.keys() == {"actor", "sa_encoder", "g_encoder"}


@pytest.mark.parametrize("name", ["wang2025/asymmetric", "jaxgcrl_skip", "wang2025/block"])
def test_the_text_of_a_specification_needs_no_other_file(name: str) -> None:
    """It is what a run's folder keeps."""
    spec = archlang.load(name, action_dim=3)
    again = archlang.parse(spec.text.replace("gaussian", "gaussian3"))
    assert spec.written.uses
    assert 'use "' not in spec.text
    assert again == spec


@pytest.mark.parametrize("expression", ["trunk", "actor, ln", "res(trunk, dense256)"])
def test_the_text_of_an_expression_needs_no_other_file(expression: str) -> None:
    spec = archlang.load(f'use "wang2025/base.arch"\n{expression}', {"depth": 8}, action_dim=3)
    again = archlang.load(spec.text, {"depth": 8}, action_dim=3)
    assert again == spec
    assert 'use "' not in spec.text


@pytest.mark.parametrize(("path", "code"), [("bare.arch", "E0005"), ("none.arch", "E0001")])
def test_a_file_that_cannot_be_used_is_told_once(folder: Path, path: str, code: str) -> None:
    write(folder, "bare.arch", "dense4, ln")
    assert codes(write(folder, "a.arch", f'use "{path}"\n' * 40 + "net = unit\n")) == [code]
