"""Checkpoints: everything comes back, and what is damaged or foreign is refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from archlang import DiagnosticError
from archlang_runtime.checkpoint import KEPT, Checkpoints

State = dict[str, Any]


def state() -> State:
    """Names that sort unlike their order, keys, scalars, several types."""
    layers = {i: jnp.full((2, 3), i, jnp.float32) for i in range(12)}
    numbers = {"count": jnp.array(3, jnp.int32), "half": jnp.arange(4, dtype=jnp.bfloat16), "flag": jnp.array([True])}
    return {"z": layers, "a": numbers, "key": jax.random.key(5)}


def same(one: State, other: State) -> bool:
    def equal(x: jax.Array, y: jax.Array) -> bool:
        is_key = jnp.issubdtype(x.dtype, jax.dtypes.prng_key)
        x, y = (jax.random.key_data(x), jax.random.key_data(y)) if is_key else (x, y)
        return x.dtype == y.dtype and np.array_equal(np.asarray(x), np.asarray(y))

    return all(jax.tree.leaves(jax.tree.map(equal, one, other)))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    with Checkpoints(tmp_path / "checkpoints") as checkpoints:
        checkpoints.save(1, state())
    return tmp_path / "checkpoints"


def restore(folder: Path, like: State, name: str = "") -> State:
    with Checkpoints(folder) as checkpoints:
        return checkpoints.restore(1, like, name)


def test_everything_comes_back(folder: Path) -> None:
    assert same(restore(folder, jax.eval_shape(state)), state())


def test_a_part_comes_back(folder: Path) -> None:
    assert same(restore(folder, state()["a"], "a."), state()["a"])


def test_the_newest_are_kept(tmp_path: Path) -> None:
    with Checkpoints(tmp_path / "checkpoints") as checkpoints:
        assert checkpoints.latest() is None
        for epoch in range(1, 5):
            checkpoints.save(epoch, state())
        assert checkpoints.latest() == 4
    assert sorted(int(place.name) for place in (tmp_path / "checkpoints").iterdir()) == list(range(5 - KEPT, 5))


def without_a_layer() -> State:
    whole = state()
    return whole | {"z": {i: whole["z"][i] for i in range(11)}}


FOREIGN: dict[str, Callable[[], State]] = {
    "another shape": lambda: state() | {"key": jax.random.split(jax.random.key(0))},
    "another type": lambda: state() | {"a": state()["a"] | {"count": jnp.array(3.0)}},
    "more": lambda: state() | {"b": jnp.zeros(2)},
    "less": without_a_layer,
}


@pytest.mark.parametrize("like", FOREIGN.values(), ids=FOREIGN.keys())
def test_a_foreign_checkpoint_is_refused(folder: Path, like: Callable[[], State]) -> None:
    with pytest.raises(DiagnosticError) as refused:
        restore(folder, like())
    assert refused.value.diagnostics[0].code == "E0704"


def cut(content: bytes) -> bytes:
    return content[: len(content) // 2]


def flip(content: bytes) -> bytes:
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 0xFF]) + content[middle + 1 :]


@pytest.mark.parametrize("damage", [cut, flip])
def test_damage_to_any_file_is_refused(folder: Path, damage: Callable[[bytes], bytes]) -> None:
    files = [place for place in sorted((folder / "1").rglob("*")) if place.is_file()]
    assert len(files) > 5
    for place in files:
        content = place.read_bytes()
        place.write_bytes(damage(content))
        with pytest.raises(DiagnosticError) as refused:
            restore(folder, jax.eval_shape(state))
        assert refused.value.diagnostics[0].code == "E0704", place
        place.write_bytes(content)
    assert same(restore(folder, jax.eval_shape(state)), state())


def test_a_missing_file_is_refused(folder: Path) -> None:
    max((folder / "1" / "arrays").rglob("*"), key=lambda place: place.is_file() and place.stat().st_size).unlink()
    with pytest.raises(DiagnosticError) as refused:
        restore(folder, jax.eval_shape(state))
    assert refused.value.diagnostics[0].code == "E0704"


def test_what_a_killed_process_left_is_no_checkpoint(folder: Path) -> None:
    (folder / "1").rename(folder / "2.tmp")
    with Checkpoints(folder) as checkpoints:
        assert checkpoints.latest() is None
        checkpoints.save(2, state())
        assert checkpoints.epochs() == [2]
    assert [place.name for place in folder.iterdir()] == ["2"]


def test_a_folder_that_cannot_be_written_to_is_a_diagnostic(tmp_path: Path) -> None:
    with Checkpoints(tmp_path / "checkpoints") as checkpoints:
        checkpoints.save(1, state())
        (tmp_path / "checkpoints").rename(tmp_path / "moved")
        (tmp_path / "checkpoints").write_text("in the way")
        with pytest.raises(DiagnosticError) as refused:
            checkpoints.save(2, state())
    assert refused.value.diagnostics[0].code == "E0705"
