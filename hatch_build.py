"""Puts the grammar and the shipped specs into the wheel, under `archlang/`; archlang/resources.py finds them there."""

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

PATTERNS = ("grammars/*.lark", "specs/**/*.arch")


class DataFiles(BuildHookInterface):  # pyright: ignore[reportMissingTypeArgument]
    """Adds files by pattern, because `force-include` of a folder would take git-ignored files along."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Does nothing for an editable install, which reads the checkout: a copy would go stale."""
        if version != "standard":
            return
        build_data["force_include"].update(_data_files(Path(self.root)))


def _data_files(root: Path) -> dict[str, str]:
    files = sorted(file for pattern in PATTERNS for file in root.glob(pattern) if not file.name.startswith("."))
    return {str(file): f"archlang/{file.relative_to(root).as_posix()}" for file in files}
