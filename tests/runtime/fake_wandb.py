"""What archlang uses of W&B, as a module that writes down what it is told. Tests put it on the path as `wandb.py`."""

from __future__ import annotations

import json
import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any


def write(kind: str, **told: Any) -> None:
    with Path(os.environ["FAKE_WANDB"]).open("a") as file:
        file.write(json.dumps({"kind": kind, **told}) + "\n")


class Run:
    url = "https://wandb.invalid/run"

    def __init__(self, mode: str):
        self.offline, self.disabled = mode == "offline", mode == "disabled"

    def define_metric(self, name: str, step_metric: str) -> None:
        write("define", name=name, step_metric=step_metric)

    def log(self, data: dict[str, Any], step: int) -> None:
        if os.environ.get("FAKE_WANDB_FAILS") == str(step):
            raise RuntimeError("the server is on fire")
        write("log", data=data, step=step)

    def finish(self, exit_code: int) -> None:
        write("finish", exit_code=exit_code)


class Settings:
    def __init__(self, **limits: Any):
        self.limits = limits


def setup() -> SimpleNamespace:
    mode = os.environ.get("WANDB_MODE", "online")
    return SimpleNamespace(settings=SimpleNamespace(mode=mode, base_url=os.environ["WANDB_BASE_URL"]))


def init(settings: Settings, **told: Any) -> Run:
    if "FAKE_WANDB_REFUSES" in os.environ:
        raise RuntimeError("No API key configured. Use `wandb login` to log in.")
    write("init", **told, limits=settings.limits)
    return Run(told["mode"] or os.environ.get("WANDB_MODE", "online"))
