"""Checkpoints: everything comes back, and what is damaged or foreign is refused."""

from __future__ import annotations

import resource
import shutil
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from archlang import DiagnosticError
from archlang_runtime.checkpoint import Checkpoints
from archlang_runtime.process import KEPT

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
        checkpoints.wait()
        assert checkpoints.latest() == 4
    assert stored(tmp_path / "checkpoints") == list(range(5 - KEPT, 5))


def stored(folder: Path) -> list[int]:
    """Everything that is in the folder: epochs, and nothing half done."""
    return sorted(int(place.name) for place in folder.iterdir())


def test_so_many_are_kept_and_the_best(tmp_path: Path) -> None:
    with Checkpoints(tmp_path, keep=1) as checkpoints:
        for epoch, best in enumerate([1, 2, 2, 2], start=1):
            checkpoints.save(epoch, state(), best)
    assert stored(tmp_path) == [2, 4]
    with Checkpoints(tmp_path, keep=3) as checkpoints:  # another process, which keeps more
        for epoch, best in enumerate([2, 6, 6], start=5):
            checkpoints.save(epoch, state(), best)
    assert stored(tmp_path) == [5, 6, 7]


# --- in the background -----------------------------------------------------------------------------------------------


def test_training_goes_on_while_a_checkpoint_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is written is what was saved, though the next epoch's program has already written over it."""
    gate, write = threading.Event(), Checkpoints.write

    def slow(self: Checkpoints, draft: Path, arrays: dict[str, np.ndarray]) -> None:
        assert gate.wait(60)
        write(self, draft, arrays)

    monkeypatch.setattr(Checkpoints, "write", slow)
    overwrite = jax.jit(lambda x: x.at[:].add(1), donate_argnums=0)
    before = jnp.zeros(1000)
    place = before.unsafe_buffer_pointer()
    with Checkpoints(tmp_path) as checkpoints:
        checkpoints.save(1, {"x": before})
        after = overwrite(before)
        assert after.unsafe_buffer_pointer() == place  # in place, with no second copy
        assert checkpoints.latest() is None
        gate.set()
        checkpoints.wait()
        assert not jnp.any(checkpoints.restore(1, {"x": after})["x"])


@contextmanager
def full_disk(size: int) -> Generator[None, None, None]:
    """No file may grow beyond `size` bytes: root too is refused that."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


def test_what_goes_wrong_in_the_background_is_said_at_the_next_point(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    big = {f"x{i}": jax.random.normal(jax.random.key(i), (20_000,)) for i in range(20)}
    with Checkpoints(tmp_path) as checkpoints:
        checkpoints.save(1, big)
        checkpoints.wait()
        with full_disk(50_000):
            checkpoints.save(2, big)
            with pytest.raises(DiagnosticError) as refused:
                checkpoints.save(3, big)
    assert refused.value.diagnostics[0].code == "E0705"
    assert "File too large" in refused.value.diagnostics[0].message
    assert stored(tmp_path) == [1]
    assert "Traceback" not in capfd.readouterr().err  # of all the other writes that failed
    with Checkpoints(tmp_path) as checkpoints:
        assert same(checkpoints.restore(1, big), big)


def test_what_goes_wrong_in_the_background_is_said_at_the_end(tmp_path: Path) -> None:
    (tmp_path / "checkpoints").write_text("in the way")
    with pytest.raises(DiagnosticError) as refused, Checkpoints(tmp_path / "checkpoints") as checkpoints:
        checkpoints.save(1, state())
    assert refused.value.diagnostics[0].code == "E0705"


# --- refusing --------------------------------------------------------------------------------------------------------


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


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b'{"arrays": 1, "files": {}}', b"\xff"])
def test_a_list_of_contents_that_makes_no_sense_is_refused(folder: Path, content: bytes) -> None:
    (folder / "1" / "contents.json").write_bytes(content)
    with pytest.raises(DiagnosticError) as refused:
        restore(folder, jax.eval_shape(state))
    assert refused.value.diagnostics[0].code == "E0704"
    assert "contents.json has changed since it was written" in refused.value.diagnostics[0].message


def test_the_way_on_is_the_newest_that_is_whole(folder: Path) -> None:
    """1 is whole, 2 and 3 are damaged, 4 is foreign."""
    for epoch in (2, 3, 4):
        shutil.copytree(folder / "1", folder / str(epoch))
        (folder / str(epoch) / "contents.json").write_text("")
    shutil.rmtree(folder / "4")
    with Checkpoints(folder, keep=4) as checkpoints:
        checkpoints.save(4, {"another": jnp.zeros(3)})
        checkpoints.wait()
        with pytest.raises(DiagnosticError) as refused:
            checkpoints.restore(4, jax.eval_shape(state))
        removed = " and ".join(str(folder / name) for name in "234")
        expected = f"the checkpoint of epoch 1 is whole; to go on from there, remove {removed}"
        assert refused.value.diagnostics[0].help == expected
        (folder / "1" / "contents.json").unlink()
        with pytest.raises(DiagnosticError) as refused:
            checkpoints.restore(4, jax.eval_shape(state))
    assert "no other checkpoint of this run is whole" in str(refused.value.diagnostics[0].help)


def test_what_a_killed_process_left_is_no_checkpoint(folder: Path) -> None:
    (folder / "1").rename(folder / "2.tmp")
    (folder / "1.tmp").mkdir()  # half removed
    with Checkpoints(folder) as checkpoints:
        assert checkpoints.latest() is None
        checkpoints.save(2, state())
    assert stored(folder) == [2]
