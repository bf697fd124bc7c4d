"""The long form of every diagnostic code, as data: `archlang.explain` prints it. One module per family of codes."""

from __future__ import annotations

from collections.abc import Mapping

from archlang.explanations.form import Commands, Explanation, Program, Text
from archlang.explanations.lowering import LOWERING
from archlang.explanations.names import NAMES
from archlang.explanations.reading import READING
from archlang.explanations.roles import ROLES
from archlang.explanations.runs import RUNS
from archlang.explanations.settings import SETTINGS
from archlang.explanations.syntax import SYNTAX
from archlang.explanations.types import TYPES

EXPLANATIONS: Mapping[str, Explanation] = {
    **READING,
    **SYNTAX,
    **NAMES,
    **TYPES,
    **ROLES,
    **SETTINGS,
    **RUNS,
    **LOWERING,
}

__all__ = ["EXPLANATIONS", "Commands", "Explanation", "Program", "Text"]
