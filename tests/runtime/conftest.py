"""What the runtime's tests share: toy environments in the table, and one cache for all compilations."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import jax
import pytest
import toy
from jax.experimental.compilation_cache import compilation_cache

from archlang_runtime import envs


@pytest.fixture(autouse=True)
def toy_environments(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(envs, "TASKS", {**envs.TASKS, **toy.tasks()})


@pytest.fixture(scope="session")
def cache_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("compiled")


@pytest.fixture(scope="module", autouse=True)
def compile_once(cache_folder: Path) -> Iterator[None]:
    """The same small programs are trained again and again, here and in commands that tests start."""
    settings = {"jax_compilation_cache_dir": str(cache_folder), "jax_persistent_cache_min_compile_time_secs": 0}
    with pytest.MonkeyPatch.context() as patch:
        before = {name: getattr(jax.config, name) for name in settings}
        for name, value in settings.items():
            jax.config.update(name, value)
            patch.setenv(name.upper(), str(value))
        compilation_cache.reset_cache()
        yield
        for name, value in before.items():
            jax.config.update(name, value)
        compilation_cache.reset_cache()
