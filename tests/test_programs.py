"""`archlang emit jaxpr | stablehlo | hlo`: the programs of networks, here and for a GPU that is not there."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from typing import Any

import pytest

import archlang
from archlang import DiagnosticError
from archlang.child import ask
from archlang.emit import Options, emit
from archlang.pipeline import inputs_of
from archlang.targets import GPUS

pytestmark = pytest.mark.slow  # they compile

TEXT = "dense8, ln, res(dense8, swish)*5"


def emitted(stage: str, text: str = TEXT, **options: Any) -> str:
    return emit(stage, archlang.parse(text), inputs_of(6, None), Options(**options))


def test_a_jaxpr_names_its_network_and_has_its_shapes() -> None:
    text = emitted("jaxpr", batch=3)
    assert text.startswith("// network\n")
    assert "f32[3,6]" in text
    assert text.count("scan[") == 1


def test_backward_is_the_gradient_of_the_parameters() -> None:
    forward, backward = emitted("jaxpr", batch=3), emitted("jaxpr", batch=3, backward=True)
    assert backward.count("dot_general") > forward.count("dot_general")
    assert "f32[5,8,8]" in backward


def test_stablehlo_is_a_module_for_any_compiler() -> None:
    text = emitted("stablehlo", batch=3)
    assert "module @jit_forward" in text
    assert "stablehlo.while" in text
    assert "tensor<3x6xf32>" in text


def test_hlo_is_what_xla_compiles_here() -> None:
    text = emitted("hlo", batch=3)
    assert "HloModule jit_forward" in text
    assert "is_scheduled=true" in text


def test_the_plan_reaches_the_program() -> None:
    again, kept = (emitted("jaxpr", batch=3, backward=True, remat=remat).count("dot_general") for remat in ("full", "dots"))
    assert again == kept + 1
    assert "stablehlo.while" not in emitted("stablehlo", batch=3, unroll=5)


def test_one_network_of_several() -> None:
    text = "a = dense8\nb = dense4, ln"
    assert re.findall(r"^// (\w+)$", emitted("jaxpr", text), re.MULTILINE) == ["a", "b"]
    assert re.findall(r"^// (\w+)$", emitted("jaxpr", text, network="b"), re.MULTILINE) == ["b"]


def test_a_batch_of_no_rows_has_a_program() -> None:
    assert "f32[0,8]" in emitted("jaxpr", batch=0)


# --- for a GPU ------------------------------------------------------------------------------------------------------------


# One of each family: within one, GPUs have the same instructions, and only their numbers differ.
FAMILIES = {gpu.chip.family: name for name, gpu in GPUS.items() if gpu.chip}


@pytest.mark.parametrize("gpu", FAMILIES.values())
def test_hlo_for_a_gpu_says_nothing_of_the_gpu_that_is_missing(gpu: str) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "JAX_PLATFORMS"}
    command = [sys.executable, "-m", "archlang", "emit", "hlo", TEXT, "--in", "6", "--gpu", gpu, "--backward"]
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("// network\nHloModule jit_gradients")
    assert "triton" in done.stdout or "cublas" in done.stdout


def test_without_the_compiler_it_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("archlang.child.COMPILER", "no-such-package")
    with pytest.raises(DiagnosticError) as refused:
        emitted("hlo", gpu="h100-80gb")
    (found,) = refused.value.diagnostics
    assert found.code == "E0805"
    assert "archlang[gpu-check]" in (found.help or "")


def test_what_goes_wrong_in_the_child_is_one_line() -> None:
    with pytest.raises(DiagnosticError) as refused:
        ask({"what": "text", "network": {}, "in_features": 6, "batch": 3, "backward": False}, GPUS["h100-80gb"])
    (found,) = refused.value.diagnostics
    assert (found.code, "\n" in found.message) == ("E0805", False)
