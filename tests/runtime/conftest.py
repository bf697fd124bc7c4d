"""What the runtime's tests share: toy environments in the table, and one cache for all compilations."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import toy
from compiling import QUICKLY, configured

from archlang_runtime import envs


@pytest.fixture(autouse=True)
def toy_environments(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(envs, "TASKS", {**envs.TASKS, **toy.tasks()})


@pytest.fixture(scope="session")
def cache_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("compiled")


@pytest.fixture(scope="module", autouse=True)
def compile_once(cache_folder: Path, request: pytest.FixtureRequest) -> Iterator[None]:
    """The same small programs are trained again and again, here and in commands that tests start.

    With few optimizations, but for modules that are marked `optimized`: those run programs as users have them.
    """
    settings = {"jax_compilation_cache_dir": str(cache_folder), "jax_persistent_cache_min_compile_time_secs": 0}
    optimized = request.node.get_closest_marker("optimized") is not None
    with configured(settings if optimized else settings | QUICKLY):
        yield
