"""What an environment's bodies look like: flat faces, each fixed to a link, from the geoms of its model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from archlang_runtime.envs.physics import Simulation, mujoco
from archlang_runtime.picture import Scene

AROUND = 20  # faces around an axis
UNCOLOURED = ((0.4, 0.33, 0.26, 1.0), (0.5, 0.5, 0.5, 1.0), (1.0, 1.0, 1.0, 1.0))  # brax's and mujoco's colours for want of one
STILL, MOVING = (0.76, 0.72, 0.66), ((0.27, 0.45, 0.70), (0.86, 0.47, 0.20), (0.55, 0.36, 0.65))  # one for each free body
Profile = Sequence[tuple[float, float]]


@dataclass(frozen=True)
class Solid:
    """A closed surface, fixed to a link, of one colour; the arrays are as in `Scene`."""

    link: int
    vertices: np.ndarray
    faces: np.ndarray
    colour: tuple[float, float, float]


def make_scene(simulation: Simulation) -> Scene:
    """The geoms of a model that can be seen."""
    model = simulation.system.mj_model
    parents = [int(parent) for parent in simulation.system.link_parents]
    seen = [geom for geom in range(model.ngeom) if model.geom_rgba[geom][3] > 0]
    floors = [float(model.geom_pos[geom][2]) for geom in seen if kind(model, geom) == "plane"]
    solids = [solid(model, geom, parents) for geom in seen if kind(model, geom) in SURFACES]
    seconds = float(simulation.system.opt.timestep) * simulation.frames
    return join(solids, min(floors, default=None), seconds)


def join(solids: Sequence[Solid], floor: float | None, seconds: float) -> Scene:
    """All solids in one table."""
    offsets = np.cumsum([0, *(len(solid.vertices) for solid in solids)])
    return Scene(
        vertices=np.concatenate([solid.vertices for solid in solids]),
        links=np.concatenate([np.full(len(solid.vertices), solid.link) for solid in solids]),
        faces=np.concatenate([solid.faces + offset for solid, offset in zip(solids, offsets, strict=False)]),
        colours=np.concatenate([np.tile(solid.colour, (len(solid.faces), 1)) for solid in solids]),
        floor=floor,
        seconds=seconds,
    )


def kind(model: Any, geom: int) -> str:
    """`sphere`, `capsule`, `box` …"""
    return mujoco.mjtGeom(model.geom_type[geom]).name.removeprefix("mjGEOM_").lower()


def solid(model: Any, geom: int, parents: Sequence[int]) -> Solid:
    """One geom, with its place in the link put into its vertices."""
    vertices, faces = SURFACES[kind(model, geom)](model.geom_size[geom])
    rotation = np.zeros(9)
    mujoco.mju_quat2Mat(rotation, model.geom_quat[geom])
    link = int(model.geom_bodyid[geom]) - 1
    placed = vertices @ rotation.reshape(3, 3).T + model.geom_pos[geom]
    return Solid(link, placed, faces, colour(model.geom_rgba[geom], link, parents))


def colour(rgba: np.ndarray, link: int, parents: Sequence[int]) -> tuple[float, float, float]:
    """The model's own; where it has none, one for each tree of links, and one for what never moves."""
    if not any(np.allclose(rgba, default, atol=1e-3) for default in UNCOLOURED):
        return tuple(float(part) for part in rgba[:3])  # pyright: ignore[reportReturnType]
    if link < 0:
        return STILL
    roots = [index for index, parent in enumerate(parents) if parent < 0]
    while parents[link] >= 0:
        link = parents[link]
    return MOVING[roots.index(link) % len(MOVING)]


# --- surfaces, from a geom's size as mujoco gives it -----------------------------------------------------------------


def sphere(size: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return lathe(arc(size[0], 0, -90, 90))


def ellipsoid(size: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    vertices, faces = lathe(arc(1, 0, -90, 90))
    return vertices * size, faces


def capsule(size: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Radius and half the length between the centres of its ends."""
    return lathe([*arc(size[0], -size[1], -90, 0), *along(size[0], size[1])[1:-1], *arc(size[0], size[1], 0, 90)])


def cylinder(size: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return lathe([(0, -size[1]), *along(size[0], size[1]), (0, size[1])])


def box(size: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Half the sides. Long faces are cut up: a painter who goes from far to near needs faces that are small."""
    pieces = np.maximum(1, np.ceil(size / max(size.min(), size.max() / 12))).astype(int)
    sides = [side(size, pieces, axis, sign) for axis in range(3) for sign in (-1, 1)]
    offsets = np.cumsum([0, *(len(vertices) for vertices, _ in sides[:-1])])
    vertices = np.concatenate([vertices for vertices, _ in sides])
    return vertices, np.concatenate([faces + offset for (_, faces), offset in zip(sides, offsets, strict=True)])


def side(size: np.ndarray, pieces: np.ndarray, axis: int, sign: int) -> tuple[np.ndarray, np.ndarray]:
    """One side of a box as a grid of rectangles."""
    u, v = ((axis + 1) % 3, (axis + 2) % 3)[::sign]
    grid = np.meshgrid(np.linspace(-size[u], size[u], pieces[u] + 1), np.linspace(-size[v], size[v], pieces[v] + 1))
    vertices = np.zeros((grid[0].size, 3))
    vertices[:, u], vertices[:, v], vertices[:, axis] = grid[0].ravel(), grid[1].ravel(), sign * size[axis]
    return vertices, quads(pieces[v], pieces[u] + 1, closed=False)


def arc(radius: float, height: float, first: float, last: float) -> list[tuple[float, float]]:
    """A profile of degrees `first` to `last` of a circle: distances from the axis, and heights."""
    angles = np.radians(np.linspace(first, last, 1 + round((last - first) / 180 * AROUND / 2)))
    return [(float(radius * np.cos(a)), float(height + radius * np.sin(a))) for a in angles]


def along(radius: float, half: float) -> list[tuple[float, float]]:
    """A straight profile, cut up where it is long."""
    pieces = int(np.clip(np.ceil(half / radius / 2), 1, 12))
    return [(radius, float(height)) for height in np.linspace(-half, half, pieces + 1)]


def lathe(profile: Profile) -> tuple[np.ndarray, np.ndarray]:
    """What a profile, from the bottom to the top, encloses when it is turned around the z axis."""
    turn = np.linspace(0, 2 * np.pi, AROUND, endpoint=False)
    rings = [np.stack([r * np.cos(turn), r * np.sin(turn), np.full(AROUND, z)], axis=1) for r, z in profile]
    return np.concatenate(rings), quads(len(profile) - 1, AROUND, closed=True)


def quads(rows: int, columns: int, closed: bool) -> np.ndarray:
    """The faces between `rows + 1` rows of `columns` vertices: int[m, 4]. `closed`: the last column meets the first."""
    across = columns if closed else columns - 1
    row, column = (index.ravel() for index in np.meshgrid(np.arange(rows), np.arange(across), indexing="ij"))
    here, beside = row * columns + column, row * columns + (column + 1) % columns
    return np.stack([here, beside, beside + columns, here + columns], axis=1)


SURFACES = {"sphere": sphere, "capsule": capsule, "ellipsoid": ellipsoid, "cylinder": cylinder, "box": box}
