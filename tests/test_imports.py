"""Who may import whom (a DAG), and what importing archlang must not load."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = {"archlang": ROOT / "archlang", "archlang_runtime": ROOT / "runtime" / "archlang_runtime"}

# A module of archlang imports from its own folder and from the tiers above its own in this list, nothing else.
TIERS = (
    {"codes", "limits", "resources", "source", "types"},
    {"diagnostics", "explanations"},
    {"characters", "layers", "syntax", "targets", "workload"},
    {"brackets", "cache", "child", "ir", "names", "read", "wrong"},
    {"mistakes"},
    {"arithmetic", "definitions", "layout", "once", "parse", "pieces", "unparse"},
    {"infer"},
    {"arguments", "format", "uses"},
    {"annotate", "naming", "scope"},
    {"combinators"},
    {"analysis", "checks", "elaborate", "passes"},
    {"compare", "eject", "exact", "html", "schema"},
    {"spec"},
    {"diff", "plan", "report"},
    {"question"},
    {"verdict"},
    {"estimate"},
    {"free"},
    {"solve"},
    {"budget"},
    {"pipeline"},
    {"archlang", "lower"},  # `archlang` is the public names
    {"app", "console", "emit", "explain", "files", "testing"},
    {"bars", "fix", "options", "picture", "rewrite"},
    {"cli_estimate", "cli_solve"},
    {"cli"},
    {"__main__"},
)
TIER = {group: tier for tier, groups in enumerate(TIERS) for group in groups}
APART = {"analysis", "checks", "lower", "passes"}  # they never import each other, wherever they stand

# Who may import a library; a library that is not listed is free.
ONLY = {
    "brax": ("archlang_runtime.envs",),
    "flax": ("archlang.lower", "archlang.testing", "archlang_runtime"),
    "hypothesis": ("archlang.testing",),
    "jax": ("archlang.lower", "archlang.testing", "archlang_runtime"),
    "jaxlib": ("archlang.lower", "archlang.testing", "archlang_runtime"),
    "lark": ("archlang.parse",),
    "matplotlib": ("archlang.picture", "archlang_runtime.plot"),
    "mujoco": ("archlang_runtime.envs",),
    "numpy": ("archlang.lower", "archlang.testing", "archlang_runtime"),
    "optax": ("archlang.lower", "archlang_runtime"),
    "orbax": ("archlang_runtime",),
}
LAZILY = {"archlang.testing": {"flax", "jax", "jaxlib", "numpy"}}  # inside functions only

HEAVY = ("brax", "flax", "jax", "jaxlib", "matplotlib", "mujoco", "numpy", "optax", "orbax", "scipy")


@dataclass(frozen=True)
class Import:
    """One imported module or name, and where it stands."""

    importer: str
    target: str
    line: int
    lazy: bool

    def __str__(self) -> str:
        return f"{self.importer}:{self.line} imports {self.target}"


# --- reading imports -------------------------------------------------------------------------------------------------


def read_sources() -> dict[str, str]:
    return {
        _module_name(name, file.relative_to(folder)): file.read_text(encoding="utf-8")
        for name, folder in PACKAGES.items()
        for file in sorted(folder.rglob("*.py"))
    }


def _module_name(package: str, file: Path) -> str:
    parts = [package, *file.with_suffix("").parts]
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def read_imports(sources: dict[str, str]) -> list[Import]:
    return [found for name, text in sources.items() for found in _imports_of(name, text, sources)]


def _imports_of(name: str, text: str, modules: dict[str, str]) -> Iterator[Import]:
    tree = ast.parse(text)
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    lazy = {id(node) for function in functions for node in ast.walk(function)}
    for node in ast.walk(tree):
        for target in _targets(node, modules):
            yield Import(name, target, getattr(node, "lineno", 0), id(node) in lazy)


def _targets(node: ast.AST, modules: dict[str, str]) -> list[str]:
    """`from archlang import ir` means the module archlang.ir; `from archlang import plan`, which is public, means archlang."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if not isinstance(node, ast.ImportFrom):
        return []
    if node.level:
        return [f"a relative name, `{'.' * node.level}{node.module or ''}`"]
    module = node.module or ""
    public = re.findall(r"^from \S+ import \w+ as (\w+)$", modules.get(module, ""), re.MULTILINE)
    names = {alias.name: f"{module}.{alias.name}" for alias in node.names}
    return sorted({full if full in modules and name not in public else module for name, full in names.items()})


# --- the rules: each gives the imports that break it -----------------------------------------------------------------


def group_of(module: str) -> str:
    return module.split(".")[1] if "." in module else module


def within(module: str, places: tuple[str, ...]) -> bool:
    return any(module == place or module.startswith(place + ".") for place in places)


def breaks_tiers(found: Import) -> bool:
    if not (within(found.importer, ("archlang",)) and within(found.target, ("archlang",))):
        return False
    importer, target = group_of(found.importer), group_of(found.target)
    upwards = TIER.get(target, 0) >= TIER.get(importer, len(TIERS))
    return importer != target and (upwards or {importer, target} <= APART)


def breaks_seam(found: Import) -> bool:
    """archlang never imports the runtime; the runtime sees the public names and archlang.lower."""
    if within(found.importer, ("archlang",)):
        return within(found.target, ("archlang_runtime",))
    return found.target.startswith("archlang.") and not within(found.target, ("archlang.lower",))


def breaks_libraries(found: Import) -> bool:
    library = found.target.split(".")[0]
    return library in ONLY and not within(found.importer, ONLY[library])


def breaks_laziness(found: Import) -> bool:
    library = found.target.split(".")[0]
    return not found.lazy and any(within(found.importer, (place,)) and library in late for place, late in LAZILY.items())


def is_relative(found: Import) -> bool:
    return found.target.startswith("a relative name")


RULES = (breaks_tiers, breaks_seam, breaks_libraries, breaks_laziness, is_relative)


def find_violations(sources: dict[str, str]) -> list[str]:
    imports = read_imports(sources)
    return [f"{found} ({rule.__name__})" for found in imports for rule in RULES if rule(found)]


def find_cycle(sources: dict[str, str]) -> list[str]:
    graph: dict[str, set[str]] = {name: set() for name in sources}
    for found in read_imports(sources):
        if found.target in sources and found.target != found.importer:
            graph[found.importer].add(found.target)
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return error.args[1]
    return []


# --- the tests -------------------------------------------------------------------------------------------------------


def test_every_module_of_archlang_has_a_tier() -> None:
    groups = {group_of(name) for name in read_sources() if within(name, ("archlang",))}
    assert groups - TIER.keys() == set(), "give the new module a place in TIERS"


def test_imports_keep_the_rules() -> None:
    assert find_violations(read_sources()) == []


def test_imports_have_no_cycle() -> None:
    assert find_cycle(read_sources()) == []


@pytest.mark.parametrize(
    ("module", "text", "rule"),
    [
        ("archlang.source", "from archlang.ir import Network", "breaks_tiers"),
        ("archlang.source", "from archlang import ir", "breaks_tiers"),
        ("archlang.ir", "from archlang import check", "breaks_tiers"),
        ("archlang.checks.shapes", "import archlang.passes.roll", "breaks_tiers"),
        ("archlang.lower.dense", "def f():\n    from archlang.analysis import params", "breaks_tiers"),
        ("archlang.cli", "import archlang_runtime", "breaks_seam"),
        ("archlang_runtime.train", "from archlang.ir import Network", "breaks_seam"),
        ("archlang_runtime.train", "from archlang import ir", "breaks_seam"),
        ("archlang.elaborate", "import lark", "breaks_libraries"),
        ("archlang.plan", "if True:\n    import jax.numpy as jnp", "breaks_libraries"),
        ("archlang_runtime.train", "from brax import envs", "breaks_libraries"),
        ("archlang_runtime.report", "from matplotlib import pyplot", "breaks_libraries"),
        ("archlang.testing.specs", "import jax", "breaks_laziness"),
        ("archlang.parse", "from .source import Span", "is_relative"),
    ],
)
def test_a_seeded_violation_is_caught(module: str, text: str, rule: str) -> None:
    sources = {"archlang": "", "archlang.ir": "", "archlang.passes.roll": "", module: text}
    assert [line.split("(")[1] for line in find_violations(sources)] == [f"{rule})"]


@pytest.mark.parametrize(
    ("module", "text"),
    [
        ("archlang.layers.dense", "from archlang.layers.base import LayerType"),
        ("archlang.lower.build", "import jax\nfrom archlang.plan import Plan"),
        ("archlang.testing.specs", "def f():\n    import jax"),
        ("archlang_runtime.train", "import jax\nfrom archlang import check\nfrom archlang.lower import build"),
        ("archlang_runtime.envs.reacher", "import brax, mujoco"),
    ],
)
def test_what_is_allowed_is_not_reported(module: str, text: str) -> None:
    assert find_violations({"archlang": "", module: text}) == []


def test_a_seeded_cycle_is_caught() -> None:
    lazy = "def f():\n    from archlang.layers import base"
    sources = {"archlang.layers.base": "import archlang.layers.dense", "archlang.layers.dense": lazy}
    assert set(find_cycle(sources)) == sources.keys()


# --- what is loaded --------------------------------------------------------------------------------------------------

CHECK = """
import contextlib, io
from archlang.__main__ import main
sys.argv = ["archlang", "check", "res(2x<dense8,ln,swish>), dense8", "--in", "8", "--json"]
with contextlib.suppress(SystemExit), contextlib.redirect_stdout(io.StringIO()) as out:
    main()
assert '"params"' in out.getvalue(), out.getvalue()
"""
GPUS = """
import contextlib, io
from archlang.__main__ import main
sys.argv = ["archlang", "gpus"]
with contextlib.suppress(SystemExit), contextlib.redirect_stdout(io.StringIO()) as out:
    main()
assert "h100-80gb" in out.getvalue(), out.getvalue()
"""
LIGHT = {
    "import archlang": "import archlang",
    "archlang check": CHECK,
    "archlang gpus": GPUS,
    "the runtime's table and defaults": "import archlang_runtime, archlang_runtime.config, archlang_runtime.envs.table",
}


def loaded_by(program: str) -> list[str]:
    """The heavy libraries that a fresh interpreter holds after the program."""
    report = f"\nprint([name for name in {HEAVY} if name in sys.modules])"
    command = [sys.executable, "-c", f"import sys\n{program}{report}"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return ast.literal_eval(done.stdout.splitlines()[-1])


@pytest.mark.parametrize("program", LIGHT.values(), ids=LIGHT.keys())
def test_nothing_heavy_is_loaded(program: str) -> None:
    assert loaded_by(program) == []


def test_a_heavy_import_would_be_seen() -> None:
    assert loaded_by("import archlang\nimport numpy") == ["numpy"]
