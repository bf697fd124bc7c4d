"""How tests compile: small programs take longer to compile than to run, and with few optimizations a third less."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

import pytest

QUICKLY: dict[str, Any] = {"jax_disable_most_optimizations": True}  # of the machine code; XLA's own passes are as always


@contextmanager
def configured(settings: dict[str, Any]) -> Generator[None]:
    """Settings of jax, here and in commands that tests start."""
    import jax
    from jax.experimental.compilation_cache import compilation_cache

    before = {name: getattr(jax.config, name, False) for name in settings}  # jax does not tell of its flags, which are off
    with pytest.MonkeyPatch.context() as patch:
        for name, value in settings.items():
            jax.config.update(name, value)
            patch.setenv(name.upper(), str(value))
        compilation_cache.reset_cache()
        yield
        for name, value in before.items():
            jax.config.update(name, value)
        compilation_cache.reset_cache()


@pytest.fixture(scope="module")
def quickly_compiled() -> Generator[None]:
    """For modules that compile much and measure nothing of it: neither memory nor machine code."""
    with configured(QUICKLY):
        yield
