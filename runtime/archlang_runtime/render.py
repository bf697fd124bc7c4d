"""An episode of a run's agent to look at: a GIF, and a page to turn and zoom in a browser."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from importlib.resources import files
from math import ceil
from pathlib import Path
from typing import Any

import jax
import numpy as np
from PIL import Image

from archlang_runtime import envs, picture
from archlang_runtime.envs.base import EnvState
from archlang_runtime.envs.episodes import reset
from archlang_runtime.errors import error
from archlang_runtime.evaluate import ACTIONS, evaluation_key, make_rollout, restore_policy
from archlang_runtime.folder import RunFolder, write
from archlang_runtime.picture import Film, draw_frames, make_camera

FRAME = 0.04  # seconds that a picture of the GIF stays, at least
DIGITS = 5  # of metres: hundredths of a millimetre


def film_run(folder: RunFolder, seed: int, episode: int, steps: int | None = None, which: str = "newest") -> Film:
    """What a checkpoint's agent does from the start and goal that episode number `episode` of `archlang eval --seed` has.

    It acts as in evaluations, by the same code. The film ends with the episode, or after `steps` steps.
    """
    config, policy, epoch, agent = restore_policy(folder, which)
    refuse_too_long(steps, config.episode_length)
    task = envs.find_task(config.evaluated_in)
    env = envs.load(task)
    key = evaluation_key(seed, 0)
    start = jax.tree.map(lambda leaf: leaf[episode:], reset(env, key, episode + 1))
    rollout = jax.jit(make_rollout(config.evaluated_in, policy, steps or config.episode_length, links))
    going_on, at_goal, moved = rollout(agent, start, jax.random.fold_in(key, ACTIONS))
    pos, rot = (np.concatenate([before[None], after])[:, 0] for before, after in zip(links(start), moved, strict=True))
    last = 1 + int(going_on.sum())
    arrived = np.concatenate([task.at_goal(start.state, start.goal), at_goal[:, 0]])
    title = f"{config.evaluated_in}, epoch {epoch}, seed {seed}, episode {episode}"
    scene = envs.scene(env)
    return Film(title, scene, pos[:last], rot[:last], place(start.goal[0]), task.radius, arrived[:last])


def links(state: EnvState) -> tuple[jax.Array, jax.Array]:
    """Where the links are, and how they are turned."""
    return state.physics.x.pos, state.physics.x.rot


def place(goal: jax.Array) -> np.ndarray:
    """A goal as a point of the world: coordinates that it leaves open are zero. f64[3]."""
    return np.concatenate([goal, np.zeros(3 - goal.size)])


def refuse_too_long(steps: int | None, episode_length: int) -> None:
    if steps is not None and steps > episode_length:
        message = f"--steps is at most the run's episode_length, {episode_length:,}; got {steps:,}"
        raise error("E0603", message, "--steps", "leave it away to see the whole episode")


def save_gif(film: Film, file: Path) -> None:
    """In real time, to a hundredth of a second for each picture."""
    every = ceil(FRAME / film.scene.seconds - 1e-6)
    frames = range(0, len(film.pos), every)
    pictures = in_one_palette(film, frames)
    milliseconds = max(2, round(every * film.scene.seconds * 100)) * 10
    draft = file.with_name(file.name + ".tmp")
    next(pictures).save(draft, "GIF", save_all=True, append_images=pictures, duration=milliseconds, loop=0)
    draft.replace(file)


def in_one_palette(film: Film, frames: range) -> Iterator[Image.Image]:
    """The pictures with the colours of the first and the last: what stays as it is takes no space."""
    ends = list(draw_frames(film, range(frames[0], frames[-1] + 1, max(1, frames[-1]))))
    both = Image.new("RGB", (picture.WIDTH, picture.HEIGHT * len(ends)))
    for index, end in enumerate(ends):
        both.paste(end, (0, picture.HEIGHT * index))
    palette = both.quantize(255)
    return (frame.quantize(palette=palette, dither=Image.Dither.NONE) for frame in draw_frames(film, frames))


def save_page(film: Film, file: Path) -> None:
    """One HTML file that needs no other, and no network."""
    template = files("archlang_runtime").joinpath("viewer.html").read_text(encoding="utf-8")
    content = json.dumps(as_json(film), separators=(",", ":")).replace("</", "<\\/")
    write(file, template.replace("/*FILM*/ null", content))


def as_json(film: Film) -> dict[str, Any]:
    """The film, and how a picture of it is made, for viewer.html."""
    scene, camera = film.scene, make_camera(film)
    arrays = {"vertices": scene.vertices, "pos": film.pos, "rot": film.rot, "goal": film.goal, "centre": camera.centre}
    arrays |= {"colours": 255 * scene.colours, "light": picture.LIGHT}
    lists = {name: np.round(np.asarray(array, float), DIGITS).tolist() for name, array in arrays.items()}
    whole = {"links": scene.links.tolist(), "faces": scene.faces.tolist(), "atGoal": film.at_goal.tolist()}
    view = {"azimuth": camera.azimuth, "elevation": camera.elevation, "distance": camera.distance}
    numbers = {"floor": scene.floor, "tile": film.tile, "seconds": scene.seconds, "radius": film.radius}
    extent = {"tiles": picture.tiles_around(film), "focal": picture.FOCAL, "near": picture.NEAR}
    paint = {name: getattr(picture, name.upper()) for name in ("sky", "tiles", "shadow", "goal", "at_goal")}
    return {"title": film.title, **lists, **whole, **numbers, **extent, "view": view, "paint": paint}


SAVERS = {".gif": save_gif, ".html": save_page}


def save(film: Film, files: Sequence[Path]) -> None:
    """As each of the files, by the ends of their names."""
    for file in files:
        file.parent.mkdir(exist_ok=True)
        SAVERS[file.suffix.lower()](film, file)
