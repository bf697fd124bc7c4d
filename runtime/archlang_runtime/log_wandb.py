"""`--log wandb`: the metrics at Weights & Biases, as a run that goes on under the id in loggers.json.

W&B's own variables hold: WANDB_MODE, WANDB_PROJECT, WANDB_ENTITY, WANDB_BASE_URL and the rest. Its files lie in RUN/wandb.
"""

from __future__ import annotations

import os
import socket
from importlib import import_module
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from archlang_runtime.errors import error

if TYPE_CHECKING:
    from collections.abc import Mapping

    from archlang_runtime.loggers import Line, Series

wandb: Any = import_module("wandb")  # it need not be installed where types are checked
PROJECT = "archlang"
PATIENCE = 5  # seconds for the first answer of a server
TIMEOUTS = {"login_timeout": 60, "init_timeout": 60, "finish_timeout": 300}  # seconds; by default the last has no end


class WeightsAndBiases:
    """A logger; see `archlang_runtime.loggers.Logger`. W&B cannot rewrite what it has, so it is never sent an epoch twice."""

    def __init__(self, series: Series):
        self.sent = series.sent
        quiet = {"silent": True, "console": "off"}
        self.run: Any = wandb.init(
            id=series.id,
            resume="allow",
            dir=str(series.run),
            name=series.run.resolve().name,
            project=os.environ.get("WANDB_PROJECT", PROJECT),
            config=flat(series.asked),
            mode=choose_mode(series),
            settings=wandb.Settings(**quiet, **TIMEOUTS),
        )
        self.run.define_metric("*", step_metric="env_steps")
        series.say(f"W&B: {self.where(series)}")

    def where(self, series: Series) -> str:
        if self.run.disabled:
            return "disabled, nothing is kept"
        kept = f"run {series.id}, kept in {series.run}/wandb; `wandb sync` sends it"
        return kept if self.run.offline else self.run.url

    def log(self, line: Line) -> None:
        if line["epoch"] > self.sent:
            self.run.log(dict(line), step=line["epoch"])

    def close(self, exit_code: int) -> None:
        self.run.finish(exit_code=exit_code)


def choose_mode(series: Series) -> str | None:
    """None is what W&B is set to. Where that is online and there is no network: offline, unless WANDB_MODE insists."""
    settings = wandb.setup().settings
    if settings.mode != "online":
        return None
    problem = unreachable(settings.base_url)
    if problem is None:
        return None
    if os.environ.get("WANDB_MODE") == "online":
        help = "leave WANDB_MODE away, or set it to offline: the metrics are kept, and `wandb sync` sends them later"
        raise error("E0713", f"`--log wandb` cannot reach {settings.base_url}: {problem}", "WANDB_MODE", help)
    series.say(f"note: W&B is used offline, since {settings.base_url} cannot be reached: {problem}")
    return "offline"


def unreachable(url: str) -> str | None:
    """Why there is no connection to a server, or to the proxy before it."""
    parts = urlsplit(url)
    proxy = None if proxy_bypass(parts.hostname or "") else getproxies().get(parts.scheme)
    door = urlsplit(proxy) if proxy else parts
    try:
        with socket.create_connection((door.hostname, door.port or (443 if door.scheme == "https" else 80)), PATIENCE):
            return None
    except OSError as problem:
        return problem.strerror or str(problem)


def flat(asked: Mapping[str, Any]) -> dict[str, Any]:
    """The run's settings, its definitions and the hashes of its networks, for W&B's tables."""
    return {**asked["config"], "set": asked["set"], "networks": asked["networks"]}
