"""The environments that can be trained on, as data: dimensions, where the goal stands in the state, what counts as success.

Importing this file loads neither jax nor brax: the compiler reads the dimensions to check a specification, and
`archlang_runtime.envs.load` imports the physics of one environment when it is needed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

from archlang import Environment


@dataclass(frozen=True)
class Task:
    """An environment, and what training on it needs to know.

    `goal_start`: the goal is compared with `goal_dim` numbers of the state from here on.
    `radius`: an agent is at its goal while the distance between the two is below it, in the units of the state.
    `factory`: import string of a class that follows `archlang_runtime.envs.base.GoalEnv`, called with `arguments`.
    `training`: settings that suit this environment; they stand in for `TrainConfig`'s defaults, and flags for them.
    """

    environment: Environment
    goal_start: int
    radius: float
    factory: str
    training: Mapping[str, int | float] = field(default_factory=dict)
    arguments: Mapping[str, str] = field(default_factory=dict)

    def achieved(self, state: Any) -> Any:
        """The part of `state` (f32[..., state_dim]) that a goal is compared with: f32[..., goal_dim]."""
        return state[..., self.goal_start : self.goal_start + self.environment.goal_dim]

    def at_goal(self, state: Any, goal: Any) -> Any:
        """Whether each state (f32[..., state_dim]) is within the radius of its goal (f32[..., goal_dim]): bool[...]."""
        return ((self.achieved(state) - goal) ** 2).sum(-1) < self.radius**2


REACHER = Task(
    environment=Environment(
        name="reacher",
        state_dim=10,
        goal_dim=3,
        action_dim=2,
        summary="a planar arm with two joints brings its fingertip to a point",
    ),
    goal_start=4,
    radius=0.05,
    factory="archlang_runtime.envs.reacher:Reacher",
    # Two CPU cores reach the plateau of the learning curve with these within a few minutes.
    training=MappingProxyType(
        {
            "steps": 400_000,
            "num_envs": 128,
            "episode_length": 200,
            "batch_size": 256,
            "replay_rows": 1_000,
            "prefill_rows": 200,
            "unroll_length": 50,
            "updates_per_unroll": 200,
            "unrolls_per_epoch": 5,
            "num_eval_envs": 128,
        }
    ),
)

ANT = Task(
    environment=Environment("ant", 29, 2, 8, "a body on four legs walks to a point 10 m away"),
    goal_start=0,
    radius=0.5,
    factory="archlang_runtime.envs.ant:Ant",
)
HUMANOID = Task(
    environment=Environment("humanoid", 268, 3, 17, "a body on two legs walks to a point up to 5 m away"),
    goal_start=0,
    radius=0.5,
    factory="archlang_runtime.envs.humanoid:Humanoid",
)
POINT = Task(
    environment=Environment("point", 4, 2, 2, "a ball is pushed to a point"),
    goal_start=0,
    radius=0.5,
    factory="archlang_runtime.envs.point:Point",
)

PUSHER_EASY = Task(
    environment=Environment("pusher_easy", 20, 3, 7, "an arm with seven joints pushes a puck to a point near it"),
    goal_start=10,
    radius=0.1,
    factory="archlang_runtime.envs.pusher:Pusher",
    arguments=MappingProxyType({"goals": "easy"}),
)
PUSHER_HARD = Task(
    environment=Environment("pusher_hard", 20, 3, 7, "an arm with seven joints pushes a puck to a point anywhere on a table"),
    goal_start=10,
    radius=0.1,
    factory="archlang_runtime.envs.pusher:Pusher",
    arguments=MappingProxyType({"goals": "hard"}),
)
CHEETAH = Task(
    environment=Environment("cheetah", 18, 1, 6, "half a cheetah runs to a point 5 m ahead"),
    goal_start=0,
    radius=0.5,
    factory="archlang_runtime.envs.cheetah:Cheetah",
)
ANT_BALL = Task(
    environment=Environment("ant_ball", 31, 2, 8, "a body on four legs shoves a ball to a point 5 m away"),
    goal_start=29,
    radius=0.5,
    factory="archlang_runtime.envs.ant_ball:AntBall",
)
ANT_PUSH = Task(
    environment=Environment("ant_push", 31, 2, 8, "a body on four legs shoves a block out of its way to a point"),
    goal_start=0,
    radius=0.5,
    factory="archlang_runtime.envs.ant_push:AntPush",
)


def in_maze(body: Task, maze: str, layout: str | None = None) -> Task:
    """The task of `body` in a maze of `mazes.py`: `ant` in `u_maze` is `ant_u_maze`. `layout`: if it has another name there."""
    what = body.environment.summary.split(" to a point")[0]
    where = "to a goal far off in a maze, for evaluation" if maze.endswith("_eval") else "to a goal in a maze"
    environment = replace(body.environment, name=f"{body.environment.name}_{maze}", summary=f"{what} {where}")
    return replace(body, environment=environment, arguments=MappingProxyType({"layout": layout or maze}))


ROWS = (
    REACHER,
    PUSHER_EASY,
    PUSHER_HARD,
    CHEETAH,
    ANT,
    ANT_BALL,
    ANT_PUSH,
    in_maze(ANT, "u_maze"),
    in_maze(ANT, "u_maze_eval"),
    in_maze(ANT, "u4_maze"),
    in_maze(ANT, "u4_maze_eval"),
    in_maze(ANT, "u5_maze"),
    in_maze(ANT, "u5_maze_eval"),
    in_maze(ANT, "big_maze"),
    in_maze(ANT, "big_maze_eval", "ant_big_maze_eval"),
    in_maze(ANT, "hardest_maze"),
    HUMANOID,
    in_maze(HUMANOID, "u_maze"),
    in_maze(HUMANOID, "u_maze_eval"),
    in_maze(HUMANOID, "big_maze"),
    in_maze(HUMANOID, "big_maze_eval"),
    in_maze(HUMANOID, "hardest_maze"),
    in_maze(POINT, "u_maze"),
    in_maze(POINT, "u_maze_eval"),
    in_maze(POINT, "big_maze"),
    in_maze(POINT, "big_maze_eval"),
    in_maze(POINT, "hardest_maze"),
)
TASKS: Mapping[str, Task] = MappingProxyType({task.environment.name: task for task in ROWS})
