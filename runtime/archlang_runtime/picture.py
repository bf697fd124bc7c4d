"""Pictures of a scene without a graphics library: faces are painted from far to near, by Pillow.

A renderer on OpenGL needs a GPU or system libraries that a fresh headless machine lacks. viewer.html does the same in a
browser.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont

WIDTH, HEIGHT = 640, 480
FINER = 2  # drawn so much larger, and then scaled down, against jagged edges
FOCAL = 3.2  # of half the height of the picture
AZIMUTH, MARGIN = -65.0, 1.12  # degrees
STEEP, FLAT = 62.0, 30.0  # elevation in degrees: among walls and around arms; on open ground
NEAR = 0.2  # of the camera's distance: what is nearer stands in the way
LIGHT = np.array([0.35, -0.45, 0.82]) / np.linalg.norm([0.35, -0.45, 0.82])
SKY, TILES, SHADOW = (236, 240, 245), ((214, 218, 222), (203, 208, 213)), (176, 181, 187)
GOAL, AT_GOAL, INK = (214, 120, 0), (0, 158, 115), (40, 44, 52)


@dataclass(frozen=True)
class Scene:
    """What a world looks like: flat faces, each fixed to a link.

    `vertices`: f64[n, 3], m, each in the frame of its link in `links`, int[n] (-1: in that of the world). `faces`: int[m, 4],
    counterclockwise from outside; `colours`: f64[m, 3] in [0, 1]. `floor`: the height of the ground, if there is one.
    `seconds`: the time between two states.
    """

    vertices: np.ndarray
    links: np.ndarray
    faces: np.ndarray
    colours: np.ndarray
    floor: float | None
    seconds: float


@dataclass(frozen=True)
class Film:
    """An episode in a scene of L links: T states.

    `pos`: f64[T, L, 3], m, and `rot`: f64[T, L, 4], quaternions w, x, y, z, are those of the links. `goal`: f64[3], with its
    `radius`. `at_goal`: bool[T].
    """

    title: str
    scene: Scene
    pos: np.ndarray
    rot: np.ndarray
    goal: np.ndarray
    radius: float
    at_goal: np.ndarray

    def posed(self, frame: int) -> np.ndarray:
        """Where every vertex is: f64[n, 3]."""
        pos = np.concatenate([self.pos[frame], np.zeros((1, 3))])[self.scene.links]  # -1 is the last: the world
        rot = np.concatenate([self.rot[frame], [[1, 0, 0, 0]]])[self.scene.links]
        return pos + rotate(rot, self.scene.vertices)

    @cached_property
    def reach(self) -> np.ndarray:
        """Points that a picture should show: what moves, wherever it goes, and the goal. f64[n, 3]."""
        frames = range(0, len(self.pos), max(1, len(self.pos) // 50))
        moving = [self.posed(frame)[self.scene.links >= 0] for frame in frames]
        corners = self.goal + self.radius * (2 * np.indices((2, 2, 2)).reshape(3, -1).T - 1)
        return np.concatenate([*moving, corners])

    @cached_property
    def tile(self) -> float:
        """The side of a tile of the floor, m: a round number."""
        size = np.ptp(self.reach, axis=0).max() / 6
        power = 10.0 ** np.floor(np.log10(size))
        return power * (1 if size < 2 * power else 2 if size < 5 * power else 5)


@dataclass(frozen=True)
class Camera:
    """It looks at `centre` from `distance` m, `azimuth` and `elevation` in degrees."""

    centre: np.ndarray
    azimuth: float
    elevation: float
    distance: float

    @property
    def eye(self) -> np.ndarray:
        """Where it is: f64[3]."""
        return self.centre - self.distance * self.axes[2]

    @property
    def axes(self) -> np.ndarray:
        """To the right, up, and away: the rows of f64[3, 3]."""
        a, e = np.radians(self.azimuth), np.radians(self.elevation)
        away = -np.array([np.cos(e) * np.cos(a), np.cos(e) * np.sin(a), np.sin(e)])
        right = np.array([-np.sin(a), np.cos(a), 0.0])
        return np.stack([right, np.cross(right, away), away])

    def see(self, points: np.ndarray) -> np.ndarray:
        """Points of the world (f64[..., 3]) from the camera: right, up, away."""
        return (points - self.centre) @ self.axes.T + np.array([0, 0, self.distance])


def rotate(rot: np.ndarray, vectors: np.ndarray) -> np.ndarray:
    """Vectors (f64[n, 3]) turned by unit quaternions w, x, y, z (f64[n, 4])."""
    w, axis = rot[:, :1], rot[:, 1:]
    twice = 2 * np.cross(axis, vectors)
    return vectors + w * twice + np.cross(axis, twice)


def make_camera(film: Film) -> Camera:
    """As near as everything that `film.reach` holds allows, and with that in the middle."""
    low, high = film.reach.min(axis=0), film.reach.max(axis=0)
    among_walls = bool((film.scene.links < 0).any())
    camera = back_off(Camera((low + high) / 2, AZIMUTH, STEEP if among_walls else FLAT, 0.0), film.reach)
    for _ in range(4):  # to move it changes the perspective
        seen = camera.see(film.reach)
        paper = seen[:, :2] / seen[:, 2:]
        off = camera.distance * (paper.min(axis=0) + paper.max(axis=0)) / 2
        camera = back_off(replace(camera, centre=camera.centre + off @ camera.axes[:2]), film.reach)
    return camera


def back_off(camera: Camera, points: np.ndarray) -> Camera:
    """The same camera at the distance from which all the points are in the picture."""
    right, up, away = replace(camera, distance=0.0).see(points).T
    wanted = MARGIN * FOCAL * np.maximum(np.abs(right) * HEIGHT / WIDTH, np.abs(up)) - away
    return replace(camera, distance=float(wanted.max()))


def draw_frames(film: Film, frames: range) -> Iterator[Image.Image]:
    """Pictures of those frames, WIDTH x HEIGHT."""
    camera = make_camera(film)
    background = Image.new("RGB", (WIDTH * FINER, HEIGHT * FINER), SKY)
    draw_floor(background, film, camera)
    font: Any = ImageFont.load_default(15)
    for frame in frames:
        picture = background.copy()
        draw_frame(picture, film, camera, frame)
        small = picture.resize((WIDTH, HEIGHT), Image.Resampling.BOX)
        arrived = bool(film.at_goal[frame])
        text = f"{film.title}   {frame * film.scene.seconds:.1f} s{'   at the goal' if arrived else ''}"
        ImageDraw.Draw(small).text((12, 10), text, AT_GOAL if arrived else INK, font, stroke_width=1, stroke_fill=SKY)
        yield small


def draw_floor(picture: Image.Image, film: Film, camera: Camera) -> None:
    """Tiles around everything, as far as they are in front of the camera."""
    if film.scene.floor is None:
        return
    x, y, half = tiles_around(film)
    index = np.stack(np.meshgrid(np.arange(x - half, x + half), np.arange(y - half, y + half)), axis=-1).reshape(-1, 2)
    corners = index[:, None] + np.array([[0, 0], [1, 0], [1, 1], [0, 1]])
    flat = np.concatenate([corners * film.tile, np.full((*corners.shape[:2], 1), film.scene.floor)], axis=-1)
    seen = camera.see(flat)
    pen = ImageDraw.Draw(picture)
    for points, (i, j) in zip(seen, index, strict=True):
        if points[:, 2].min() > NEAR * camera.distance:
            pen.polygon(on_paper(points), TILES[int(i + j) % 2])


def tiles_around(film: Film) -> tuple[int, int, int]:
    """The tile in the middle (x, y), and how many there are to each side."""
    low, high = film.reach.min(axis=0), film.reach.max(axis=0)
    x, y = np.round((low + high)[:2] / 2 / film.tile)
    return int(x), int(y), int(2.5 * (high - low).max() / film.tile)


def draw_frame(picture: Image.Image, film: Film, camera: Camera, frame: int) -> None:
    """Shadows, then faces and the goal from far to near."""
    world = film.posed(frame)
    pen = ImageDraw.Draw(picture, "RGBA")
    draw_shadows(pen, film, camera, world)
    corners = camera.see(world)[film.scene.faces]  # f64[m, 4, 3]
    away = corners[..., 2].mean(axis=1)
    normals = normals_of(world[film.scene.faces])
    shades = shade(normals, film.scene.colours)
    facing = np.sum(normals * (world[film.scene.faces[:, 0]] - camera.eye), axis=1) < 0
    visible = facing & (corners[..., 2].min(axis=1) > NEAR * camera.distance)
    goal = camera.see(film.goal)
    order = [face for face in np.argsort(-away) if visible[face]]
    behind = sum(away[face] > goal[2] for face in order)
    for face in order[:behind]:
        pen.polygon(on_paper(corners[face]), tuple(shades[face]))
    draw_goal(pen, goal, film.radius, AT_GOAL if film.at_goal[frame] else GOAL)
    for face in order[behind:]:
        pen.polygon(on_paper(corners[face]), tuple(shades[face]))


def draw_shadows(pen: Any, film: Film, camera: Camera, world: np.ndarray) -> None:
    """Of what moves, straight below it."""
    if film.scene.floor is None:
        return
    faces = film.scene.faces[film.scene.links[film.scene.faces[:, 0]] >= 0]
    flat = np.concatenate([world[:, :2], np.full((len(world), 1), film.scene.floor)], axis=1)
    below = world[faces, 2].max(axis=1) < film.scene.floor
    corners = camera.see(flat)[faces[~below]]
    for points in corners[corners[..., 2].min(axis=1) > NEAR * camera.distance]:
        pen.polygon(on_paper(points), SHADOW)


def draw_goal(pen: Any, centre: np.ndarray, radius: float, colour: tuple[int, int, int]) -> None:
    """A sphere that can be seen through, at `centre` as the camera sees it."""
    turn = np.linspace(0, 2 * np.pi, 48, endpoint=False)
    rim = centre + radius * np.stack([np.cos(turn), np.sin(turn), 0 * turn], axis=1)
    pen.polygon(on_paper(rim), (*colour, 90), (*colour, 255), FINER)


def normals_of(corners: np.ndarray) -> np.ndarray:
    """Unit vectors out of faces (f64[m, 4, 3]): the cross product of the diagonals. f64[m, 3]."""
    normals = np.cross(corners[:, 2] - corners[:, 0], corners[:, 3] - corners[:, 1])
    return normals / np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12)


def shade(normals: np.ndarray, colours: np.ndarray) -> np.ndarray:
    """The colour of each face, by its angle to the light: int[m, 3]."""
    light = 0.55 + 0.45 * np.maximum(0, normals @ LIGHT)
    return (255 * colours * light[:, None]).astype(int)


def on_paper(points: np.ndarray) -> list[tuple[float, float]]:
    """Points from the camera (f64[k, 3]) to pixels."""
    scale = FINER * HEIGHT / 2 * FOCAL / points[:, 2]
    return list(zip(FINER * WIDTH / 2 + points[:, 0] * scale, FINER * HEIGHT / 2 - points[:, 1] * scale, strict=True))
