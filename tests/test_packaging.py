"""The wheel, the sdist and the bare checkout all hold what they need, and the lock is sound."""

import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import tomllib
import venv
import zipfile
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import archlang

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
NOT_COPIED = shutil.ignore_patterns(".git", ".venv", "runs", "dist", "__pycache__", ".*_cache", ".hypothesis")

WHERE = "import archlang, archlang_runtime; print(archlang.__file__); print(archlang_runtime.__file__)"
DATA = "from archlang import resources; print(len(resources.grammar()) > 100, 'reacher' in resources.spec_names())"
CHECK = ("check", "reacher", "--env", "reacher", "--json")
CHECK_ALONE = ("check", "reacher", "--in", "13", "--action", "2", "--json")  # a bare tree has no entry points


def run(*command: str | Path, cwd: str | Path = "/", **environment: str) -> str:
    done = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": "", **environment},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def run_from(folder: Path, *arguments: str) -> str:
    """Runs Python with the packages of an unpacked tree, from elsewhere."""
    return run(sys.executable, *arguments, PYTHONPATH=f"{folder}{os.pathsep}{folder / 'runtime'}")


def test_the_version_is_one() -> None:
    assert archlang.__version__ == PROJECT["version"]


# --- the wheel and the sdist -----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the sdist of a copy of the checkout and the wheel built from that sdist."""
    folder = tmp_path_factory.mktemp("built")
    checkout = shutil.copytree(ROOT, folder / "a checkout", ignore=NOT_COPIED)
    (checkout / "specs" / "notes.tmp").write_text("not for the wheel")
    (checkout / "runs").mkdir()
    (checkout / "runs" / "log.txt").write_text("not for the sdist")
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", folder, checkout)
    return folder


@pytest.fixture(scope="module")
def wheel(built: Path) -> Path:
    return next(built.glob("*.whl"))


@pytest.fixture(scope="module")
def unpacked_sdist(built: Path) -> Path:
    with tarfile.open(next(built.glob("*.tar.gz"))) as archive:
        archive.extractall(built / "sdist", filter="data")
    return next((built / "sdist").iterdir())


def shipped(root: Path) -> set[str]:
    """What the wheel must hold, as paths inside the wheel."""
    data = [*root.glob("grammars/*.lark"), *root.glob("specs/**/*.arch")]
    code = [*root.glob("archlang/**/*.py"), *root.glob("archlang/py.typed")]
    runtime = [
        path for kind in ("*.py", "*.json", "*.html", "py.typed") for path in root.glob(f"runtime/archlang_runtime/**/{kind}")
    ]
    return {
        *(f"archlang/{file.relative_to(root).as_posix()}" for file in data),
        *(file.relative_to(root).as_posix() for file in code),
        *(file.relative_to(root / "runtime").as_posix() for file in runtime),
    }


@pytest.mark.slow
def test_the_wheel_holds_the_packages_and_the_data(wheel: Path) -> None:
    names = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    assert "archlang/grammars/archlang.lark" in names
    assert "archlang/specs/reacher.arch" in names
    assert names >= shipped(ROOT)
    assert {name.split("/")[0] for name in names} == {"archlang", "archlang_runtime"}
    assert not [name for name in names if name.endswith(".tmp")]


@pytest.mark.slow
def test_the_wheel_says_what_it_is(wheel: Path) -> None:
    archive = zipfile.ZipFile(wheel)
    info = f"archlang-{PROJECT['version']}.dist-info"
    metadata = archive.read(f"{info}/METADATA").decode()
    assert "License-Expression: Apache-2.0" in metadata
    assert f"{info}/licenses/LICENSE" in archive.namelist()
    assert "[archlang.runtime]\ncontrastive_rl = archlang_runtime:runtime" in archive.read(f"{info}/entry_points.txt").decode()


@pytest.mark.slow
def test_the_sdist_keeps_the_layout_of_the_checkout(unpacked_sdist: Path) -> None:
    wanted = ["grammars/archlang.lark", "specs/reacher.arch", "Makefile", "requirements.lock", "tests/conftest.py"]
    assert [name for name in wanted if not (unpacked_sdist / name).is_file()] == []
    assert not (unpacked_sdist / "archlang" / "grammars").exists()
    assert not (unpacked_sdist / "runs").exists()


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bin folder of an environment with the wheel; it sees our dependencies but not our editable archlang.

    (A path named in a .pth file is searched, but the .pth files that lie there are not read.)
    """
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, with_pip=False, symlinks=True)
    site_packages = next(folder.glob("lib/python*/site-packages"))
    (site_packages / "dependencies.pth").write_text(sysconfig.get_path("purelib"))
    python = folder / "bin" / "python"
    run(sys.executable, "-m", "pip", "--python", python, "install", "-q", "--no-index", "--no-deps", wheel)
    return folder / "bin"


@pytest.mark.slow
def test_the_installed_wheel_works_from_anywhere(installed: Path) -> None:
    assert run(installed / "python", "-c", WHERE).count(str(installed.parent)) == 2
    assert run(installed / "python", "-c", DATA) == "True True\n"
    assert '"params"' in run(installed / "archlang", *CHECK)
    assert '"params"' in run(installed / "python", "-m", "archlang", *CHECK)


# --- without an installation -----------------------------------------------------------------------------------------


@pytest.fixture(scope="module", params=["checkout", "sdist"])
def tree(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    if request.param == "sdist":
        return request.getfixturevalue("unpacked_sdist")
    return shutil.copytree(ROOT, tmp_path_factory.mktemp("bare") / "a checkout", ignore=NOT_COPIED)


@pytest.mark.slow
def test_a_bare_tree_works_from_anywhere(tree: Path) -> None:
    assert run_from(tree, "-c", WHERE).count(str(tree)) == 2
    assert run_from(tree, "-c", DATA) == "True True\n"
    assert '"params"' in run_from(tree, "-m", "archlang", *CHECK_ALONE)


# --- the lock --------------------------------------------------------------------------------------------------------

LOCK = (ROOT / "requirements.lock").read_text(encoding="utf-8")
PYTHONS = ("3.11.0", "3.12.0", "3.13.0")
EXTRAS = ("dev", "gpu-check")


def locked(python: str) -> dict[str, str]:
    """Name and version of every package that the lock gives to this Python on Linux."""
    environment = {"python_full_version": python, "python_version": python.rsplit(".", 1)[0], "sys_platform": "linux"}
    lines = re.findall(r"^([a-zA-Z0-9][^#\n\\]*?) *\\?$", LOCK, flags=re.MULTILINE)
    requirements = [Requirement(line) for line in lines]
    return {
        canonicalize_name(each.name): str(each.specifier).removeprefix("==")
        for each in requirements
        if each.marker is None or each.marker.evaluate(environment)
    }


@pytest.mark.parametrize("python", PYTHONS)
def test_the_lock_meets_the_project(python: str) -> None:
    extras = [line for extra in EXTRAS for line in PROJECT["optional-dependencies"][extra]]
    wanted = [Requirement(line) for line in PROJECT["dependencies"] + extras]
    versions = locked(python)
    environment = {"python_version": python.rsplit(".", 1)[0], "sys_platform": "linux"}
    for each in wanted:
        if each.marker is None or each.marker.evaluate(environment):
            assert each.specifier.contains(versions[canonicalize_name(each.name)]), str(each)


@pytest.mark.parametrize("python", PYTHONS)
def test_the_gpu_compiler_has_the_version_of_jax(python: str) -> None:
    versions = locked(python)
    assert versions["jax-cuda12-pjrt"] == versions["jaxlib"] == versions["jax"]


def test_a_newer_python_gets_a_newer_jax() -> None:
    versions = [tuple(map(int, locked(python)["jax"].split("."))) for python in PYTHONS]
    assert versions[0] < versions[1] == versions[2]


def test_every_locked_package_has_hashes() -> None:
    blocks = re.split(r"^(?=[a-zA-Z0-9])", LOCK, flags=re.MULTILINE)[1:]
    assert len(blocks) > 50
    assert [block.splitlines()[0] for block in blocks if "--hash=sha256:" not in block] == []


def test_the_lock_names_no_host_and_no_place() -> None:
    assert re.findall(r".*(?:://|--index|--extra-index|--find-links| /|@ ).*", LOCK) == []
