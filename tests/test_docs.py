"""The pages that are generated are up to date, and the editor's grammar colours what the compiler reads."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import archlang
from archlang import resources
from archlang.layers import LAYERS

DOCS = Path(__file__).parent.parent / "docs"


def generator() -> Any:
    spec = importlib.util.spec_from_file_location("generate", DOCS / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", ["language.md", "gpus.md", "archlang.tmLanguage.json"])
def test_a_generated_page_is_what_would_be_generated_now(name: str) -> None:
    assert (DOCS / name).read_text(encoding="utf-8") == generator().FILES[name](), "run: python docs/generate.py"


def test_every_layer_and_every_rule_of_the_grammar_is_on_the_page() -> None:
    page = (DOCS / "language.md").read_text(encoding="utf-8")
    rules = re.findall(r"^\??([a-z_]+):", resources.grammar(), re.MULTILINE)
    assert [name for name in LAYERS if f"| `{name}` |" not in page] == []
    assert [rule for rule in rules if not re.search(rf"^\??{rule}:", page, re.MULTILINE)] == []


# --- the editor's grammar ---------------------------------------------------------------------------------------------


PATTERNS = json.loads((DOCS / "archlang.tmLanguage.json").read_text(encoding="utf-8"))["patterns"]


def scopes(text: str) -> dict[str, str]:
    """What the editor's grammar says of each word, by the rule of editors: the leftmost match, of two the first pattern."""
    return {word: scope for line in text.splitlines() for word, scope in scan(line, PATTERNS)}


def scan(line: str, patterns: list[dict[str, Any]]) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    at = 0
    while matches := [(m.start(), i, m) for i, p in enumerate(patterns) if (m := re.compile(p["match"]).search(line, at))]:
        _, index, match = min(matches, key=lambda each: each[:2])
        found += named(patterns[index], match)
        at = max(match.end(), at + 1)
    return found


def named(pattern: dict[str, Any], match: re.Match[str]) -> list[tuple[str, str]]:
    if "name" in pattern:
        return [(match.group().strip(), pattern["name"])]
    groups = {group: capture for group, capture in pattern["captures"].items() if match.group(int(group)) is not None}
    plain = [(match.group(int(group)), capture["name"]) for group, capture in groups.items() if "name" in capture]
    inner = [each for group, c in groups.items() if "patterns" in c for each in scan(match.group(int(group)), c["patterns"])]
    return plain + inner


def test_the_page_says_what_the_grammar_cannot() -> None:
    page = (DOCS / "language.md").read_text(encoding="utf-8")
    head = resources.grammar().partition("// ---")[0]
    rules = re.findall(r"^// (- .*)", head, re.MULTILINE)
    assert [rule for rule in rules if f"\n{rule}\n" not in page] == []
    assert [word for word in ("comment", "line breaks", "same line", "come last") if word not in " ".join(rules)] == []


TEXT = """use "wang2025/base.arch"
block(u, n) = 4x u, res({n}x unit)*2  # comment
net = @remat(full) dense256(bias=false), ln
"""


def test_the_editor_s_grammar_names_the_words_of_the_language() -> None:
    found = scopes(TEXT)
    words = ("use", "block", "4x", "res", "dense", "256", "bias", "false", "ln")
    assert {word: found[word].split(".")[0] for word in words} == {
        "use": "keyword",
        "block": "entity",
        "4x": "keyword",
        "res": "keyword",
        "dense": "support",
        "256": "constant",
        "bias": "variable",
        "false": "constant",
        "ln": "support",
    }
    assert found['"wang2025/base.arch"'].startswith("string")
    assert found["# comment"].startswith("comment")
    assert found["@remat"].startswith("storage")


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("unit256, a10, d4x_b, a1.5", []),
        ("4xunit256, 2x4x a1e3", ["4x", "2x4x"]),
        ("dense256, u(4, -1e-3), l2", ["dense", "256", "4", "1e-3", "l2"]),
        ("unit{8*width8}*250", ["8", "*", "*", "250"]),
    ],
)
def test_digits_inside_a_name_are_no_numbers(line: str, words: list[str]) -> None:
    assert [word for word, _ in scan(line, PATTERNS) if word != "-"] == words


@pytest.mark.parametrize("name", resources.spec_names())
def test_the_editor_s_grammar_knows_every_layer_of_the_shipped_specifications(name: str) -> None:
    found = scopes(archlang.load(name).text)
    layers = {word for word, scope in found.items() if scope.startswith("support")}
    assert layers <= LAYERS.keys()
    assert "dense" in layers


# --- docs/layers.md ---------------------------------------------------------------------------------------------------


@pytest.fixture
def package(tmp_path: Path) -> dict[str, str]:
    """The package that the page shows, installed; the environment that finds it."""
    page = (DOCS / "layers.md").read_text(encoding="utf-8")
    for name, text in re.findall(r"```python (\S+)\n(.*?)```", page, re.DOTALL):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    (entry,) = re.findall(r"```toml\n\[project.entry-points.\"archlang.layers\"\]\n(.*?)```", page, re.DOTALL)
    info = tmp_path / "my_layers-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: my-layers\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[archlang.layers]\n{entry.replace(chr(34), '')}")
    return os.environ | {"PYTHONPATH": str(tmp_path), "NO_COLOR": "1"}


def test_the_layer_that_the_page_shows_is_one(package: dict[str, str]) -> None:
    page = (DOCS / "layers.md").read_text(encoding="utf-8")
    ((command, shown),) = re.findall(r"```console\n\$ (.*)\n((?:.*\n)+?)```", page)
    done = subprocess.run([sys.executable, "-m", *shlex.split(command)], capture_output=True, text=True, env=package)
    assert done.stdout + done.stderr == shown


@pytest.mark.slow
def test_its_module_has_the_parameters_that_it_states(package: dict[str, str]) -> None:
    program = """
import archlang, jax
from flax import nnx
network = archlang.parse("dense4, (sine5)*3").networks["network"]
module = archlang.lower.build(network, 2, rngs=nnx.Rngs(0))
print(sum(leaf.size for leaf in jax.tree.leaves(nnx.state(module, nnx.Param))) - network.num_params(2))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env=package)
    assert (done.stdout, done.stderr) == ("0\n", "")


@pytest.mark.slow
def test_it_saves_what_it_states(package: dict[str, str]) -> None:
    """Held against jax as every layer of archlang, alone and between others."""
    program = """
from archlang.analysis.saved import saved_bytes
from archlang.types import Type
from test_analysis import body_of, jax_saved_bytes
for text in ("sine5", "dense4, sine5, tanh", "@dtype(bf16) <dense4, sine5, dense3>"):
    body = body_of(text)
    print(saved_bytes(body, Type.of_input(8)) - jax_saved_bytes(body, 8))
"""
    env = package | {"PYTHONPATH": os.pathsep.join((package["PYTHONPATH"], str(Path(__file__).parent)))}
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env=env)
    assert (done.stdout, done.stderr) == ("0.0\n" * 3, "")
