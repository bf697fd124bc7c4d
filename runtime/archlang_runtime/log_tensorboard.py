"""`--log tensorboard`: the metrics as TensorBoard's event files in RUN/tensorboard, by environment steps.

Written by tensorboardX (2.6.5 of April 2026; brax needs it as well): TensorBoard's own package brings a server and grpc, and
clu, whose last release is of 2024, TensorFlow.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tensorboardX import SummaryWriter

if TYPE_CHECKING:
    from archlang_runtime.loggers import Line, Series

AXIS = {"env_steps", "epoch"}


class TensorBoard:
    """A logger; see `archlang_runtime.loggers.Logger`. What an earlier process wrote from `first_step` on is hidden."""

    def __init__(self, series: Series):
        place = series.run / "tensorboard"
        files = len(list(place.iterdir())) if place.is_dir() else 0
        # The suffix, since the writer names its file by the second and would overwrite one of the same.
        self.writer: Any = SummaryWriter(
            str(place), purge_step=series.first_step if files else None, filename_suffix=f".{files:04}"
        )
        series.say(f"TensorBoard: `tensorboard --logdir {place}`")

    def log(self, line: Line) -> None:
        for name, value in line.items():
            if name not in AXIS:
                self.writer.add_scalar(name, value, line["env_steps"])
        self.writer.flush()

    def close(self, exit_code: int) -> None:
        self.writer.close()
