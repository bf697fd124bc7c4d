"""Mazes, as pictures: what stands where, and how it becomes walls, starts and goals.

`#` is a wall, `S` where an episode may start, `g` where a goal may be. A row further down is further along x, a column further
right is further along y; the cell in row 0 and column 0 is centred at the origin. The layouts are those of
github.com/wang-kevin3290/scaling-crl (`envs/ant_maze.py`, `envs/humanoid_maze.py`); in those that end in `_eval`, goals are far
from the start only.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import jax
import jax.numpy as jnp

from archlang_runtime.envs.physics import add_wall

Cell = tuple[int, int]
PICTURES = MappingProxyType(
    {
        "u_maze": """
            #####
            #Sgg#
            ###g#
            #ggg#
            #####
            """,
        "u_maze_eval": """
            #####
            #S  #
            ### #
            #ggg#
            #####
            """,
        "u4_maze": """
            #####
            #ggg#
            #S#g#
            ###g#
            #g#g#
            #ggg#
            #####
            """,
        "u4_maze_eval": """
            #####
            #   #
            #S# #
            ### #
            #g# #
            #ggg#
            #####
            """,
        "u5_maze": """
            ########
            #gggggg#
            #S####g#
            ######g#
            #g####g#
            #gggggg#
            ########
            """,
        "u5_maze_eval": """
            ########
            #      #
            #S#### #
            ###### #
            #g####g#
            #gggggg#
            ########
            """,
        "big_maze": """
            ########
            #Sg##gg#
            #gg#ggg#
            ##ggg###
            #gg#ggg#
            #g#gg#g#
            #ggg#gg#
            ########
            """,
        "big_maze_eval": """
            ########
            #S ##gg#
            #  # gg#
            ##   ###
            #  #   #
            # #g #g#
            # gg#gg#
            ########
            """,
        # The ant's differs in one cell: the one in row 2 and column 5 is no goal.
        "ant_big_maze_eval": """
            ########
            #S ##gg#
            #  #  g#
            ##   ###
            #  #   #
            # #g #g#
            # gg#gg#
            ########
            """,
        "hardest_maze": """
            ############
            #Sggg#ggggg#
            #g##g#g#g#g#
            #gggggg#ggg#
            #g####g###g#
            #gg#g#ggggg#
            ##g#g#g#g###
            #gg#ggg#ggg#
            ############
            """,
    }
)


@dataclass(frozen=True)
class Maze:
    """A picture at a scale: `size` is the side of a cell in m. Walls are half as high as a cell is wide."""

    rows: tuple[str, ...]
    size: float

    @property
    def identity(self) -> dict[str, Any]:
        return {"layout": self.rows, "size": self.size}

    def cells(self, sign: str) -> list[Cell]:
        """Where the picture shows `sign`, row by row."""
        return [(i, j) for i, row in enumerate(self.rows) for j, found in enumerate(row) if found == sign]

    @property
    def start(self) -> tuple[float, float]:
        """The centre (x, y) of the one cell where episodes start, m."""
        ((row, column),) = self.cells("S")
        return row * self.size, column * self.size

    def draw_goal(self, key: jax.Array) -> jax.Array:
        """The centre (x, y) of one of the cells with a goal, each equally likely, m: f32[2]."""
        return jax.random.choice(key, self.size * jnp.array(self.cells("g"), jnp.float32))

    def build(self, spec: Any) -> None:
        """Put the walls into a model (a `mujoco.MjSpec`)."""
        for (top, left), (bottom, right) in merge(set(self.cells("#"))):
            centre = ((top + bottom) / 2 * self.size, (left + right) / 2 * self.size)
            half = ((bottom - top + 1) / 2 * self.size, (right - left + 1) / 2 * self.size)
            add_wall(spec, centre, half, self.size / 2)


def open_maze(layout: str, size: float) -> Maze:
    """The maze called `layout`, in cells of `size` m."""
    return Maze(tuple(row.strip() for row in PICTURES[layout].split("\n") if row.strip()), size)


def merge(cells: set[Cell]) -> Iterator[tuple[Cell, Cell]]:
    """Straight walls that fill the same cells, each by its first and last cell: far fewer pairs to test for contact."""
    while cells:
        first = min(cells)
        wall = max(run(cells, first, (0, 1)), run(cells, first, (1, 0)), key=len)
        yield wall[0], wall[-1]
        cells = cells - set(wall)


def run(cells: set[Cell], first: Cell, step: Cell) -> list[Cell]:
    """The cells from `first` on, in one direction, for as long as they are in `cells`."""
    found = [first]
    while (following := (found[-1][0] + step[0], found[-1][1] + step[1])) in cells:
        found.append(following)
    return found
