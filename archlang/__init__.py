"""archlang: a compiler for network architectures. Importing it imports no jax; `archlang.lower` does, when it is first used."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from archlang.diagnostics import Diagnostic as Diagnostic
from archlang.diagnostics import DiagnosticError as DiagnosticError
from archlang.diagnostics import SpecError as SpecError
from archlang.diagnostics import did_you_mean as did_you_mean
from archlang.estimate import Estimate as Estimate
from archlang.pipeline import check as check
from archlang.pipeline import diff as diff
from archlang.pipeline import estimate as estimate
from archlang.pipeline import expand as expand
from archlang.pipeline import format as format
from archlang.pipeline import load as load
from archlang.pipeline import parse as parse
from archlang.pipeline import plan as plan
from archlang.pipeline import read as read
from archlang.pipeline import solve as solve
from archlang.plan import MARGIN as MARGIN
from archlang.plan import Plan as Plan
from archlang.report import Report as Report
from archlang.source import Source as Source
from archlang.spec import Network as Network
from archlang.spec import Point as Point
from archlang.spec import Spec as Spec
from archlang.spec import settings as settings
from archlang.workload import Command as Command
from archlang.workload import Environment as Environment
from archlang.workload import Runtime as Runtime
from archlang.workload import Simulator as Simulator
from archlang.workload import Workload as Workload
from archlang.workload import environment as environment

__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    if name == "lower":
        return import_module("archlang.lower")
    raise AttributeError(f"module 'archlang' has no attribute {name!r}")
