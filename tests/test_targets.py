"""The table of GPUs: that its figures agree with each other, what `--gpu` takes, and what it says to the rest."""

from __future__ import annotations

from math import log2
from typing import Any

import pytest

from archlang import DiagnosticError
from archlang.targets import FIGURES, GPUS, Chip, Gpu, Speed, description, find_gpu, find_target

AMPERE = ("a100-40gb", "a100-80gb")
HOPPER = ("h100-80gb", "h100-pcie-80gb", "h200-141gb")
CARDS = ("l40s-48gb", "a6000-48gb", "rtx4090-24gb", "rtx5090-32gb", "rtx3090-24gb", "t4-16gb")
NAMES = [*AMPERE, *HOPPER, "b200-180gb", *CARDS, "v100-32gb"]


def chip_of(name: str) -> Chip:
    chip = GPUS[name].chip
    assert chip is not None
    return chip


def speed_of(name: str) -> Speed:
    speed = GPUS[name].speed
    assert speed is not None
    return speed


# --- the figures ------------------------------------------------------------------------------------------------------------


def test_the_gpus_that_are_promised_are_there() -> None:
    assert list(GPUS) == NAMES


@pytest.mark.parametrize("name", GPUS)
def test_a_program_sees_less_memory_than_the_name_says_but_most_of_it(name: str) -> None:
    nominal = int(name.rpartition("-")[2].removesuffix("gb"))
    seen = GPUS[name].memory_bytes / 2**30
    assert 0.9 * nominal < seen < nominal


@pytest.mark.parametrize("name", GPUS)
def test_two_operations_of_every_unit_at_every_tick_are_the_peak(name: str) -> None:
    chip = chip_of(name)
    assert speed_of(name).f32 == pytest.approx(2 * chip.cores * chip.family.fpus * chip.clock_ghz * 1e9, rel=0.03)


@pytest.mark.parametrize("name", GPUS)
def test_tensor_cores_do_a_power_of_two_at_every_tick(name: str) -> None:
    """Per core and tick; Hopper and Blackwell clock them lower, by up to a twelfth. bf16 has twice the rate of tf32."""
    chip, speed = chip_of(name), speed_of(name)
    if speed.tf32 is None or speed.bf16 is None:
        assert (speed.tf32, speed.bf16) == (None, None)
        assert chip.family.capability < (8, 0)
        return
    per_tick = log2(speed.bf16 / (2 * chip.cores * chip.clock_ghz * 1e9))
    assert round(per_tick) in (8, 9, 10, 11, 12)
    assert -0.13 < per_tick - round(per_tick) < 0.03
    assert speed.bf16 == pytest.approx(2 * speed.tf32, rel=0.02)


@pytest.mark.parametrize("name", GPUS)
def test_memory_is_slower_than_the_cores_and_every_figure_has_a_source(name: str) -> None:
    speed = speed_of(name)
    assert 0.3e12 < speed.bandwidth < 10e12
    assert 9 < speed.f32 / speed.bandwidth < 120
    assert all(GPUS[name].as_json()["sources"].values())


def test_xla_reads_the_figures() -> None:
    text = " ".join(description(GPUS["h100-80gb"]).split())
    assert "shared_memory_per_block_optin: 232448 shared_memory_per_core: 233472 threads_per_core_limit: 2048" in text
    assert "core_count: 132 fpus_per_core: 128" in text
    assert "memory_bandwidth: 3352320000000 l2_cache_size: 52428800 clock_rate_ghz: 1.98" in text
    assert "device_memory_size: 84942979072 cuda_compute_capability { major: 9 minor: 0 }" in text
    assert "shared_memory_per_block_optin: 98304" in description(GPUS["v100-32gb"])


# --- names ------------------------------------------------------------------------------------------------------------------


def refused(name: str, find: Any = find_gpu) -> tuple[str, str]:
    with pytest.raises(DiagnosticError) as error:
        find(name)
    (found,) = error.value.diagnostics
    assert (found.code, found.severity) == ("E0502", "error")
    return found.message, found.help or ""


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("h100", "`h100-80gb` or `h100-pcie-80gb`"),
        ("a100", "`a100-40gb` or `a100-80gb`"),
        ("4090", "`rtx4090-24gb`"),
        ("RTX 4090", "`rtx4090-24gb`"),
        ("h10080gb", "`h100-80gb`"),
        ("NVIDIA H100 80GB HBM3", "`h100-80gb`"),
        ("H100 PCIe", "`h100-pcie-80gb`"),
        ("RTX A6000", "`a6000-48gb`"),
        ("T4", "`t4-16gb`"),
        ("Tesla V100", "`v100-32gb`"),
        ("h100-80g", "`h100-80gb`"),
        ("h10-80gb", "`h100-80gb`"),
    ],
)
def test_what_is_nearly_a_name_is_refused_and_the_name_is_said(written: str, meant: str) -> None:
    assert refused(written) == (f"there is no GPU `{written}`", f"did you mean {meant}?")


@pytest.mark.parametrize("written", ["H100-80GB", "h100_80gb", "H100 80gb", "H100_80GB"])
def test_capitals_and_the_sign_between_do_not_matter(archlang: Any, written: str) -> None:
    assert find_gpu(written) is GPUS["h100-80gb"]
    assert find_target(written) is GPUS["h100-80gb"]
    outcome = archlang("solve", "dense4", "--in", "4", "--free", "batch", "--gpu", written)
    assert outcome.out.splitlines()[0].endswith("is the largest that fits h100-80gb")


@pytest.mark.parametrize("written", ["", "-", "gb", "mi300x", "100", "customs:24GB"])
def test_what_is_like_none_or_like_many_gets_the_list(written: str) -> None:
    assert refused(written) == (f"there is no GPU `{written}`", f"there are: {', '.join(NAMES)}; or `custom:24GB`")


def test_a_long_name_is_not_repeated_in_full() -> None:
    assert len(refused("x" * 5000)[0]) < 80


# --- custom -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "memory"),
    [
        ("custom:24GB", 24_000_000_000),
        ("custom:24GiB", 25_769_803_776),
        ("custom:24.5GB", 24_500_000_000),
        ("custom:0.1GiB", 107_374_182),
        ("custom:10000GB", 10_000_000_000_000),
    ],
)
def test_of_any_gpu_the_memory_can_be_given(name: str, memory: int) -> None:
    assert find_gpu(name) == find_gpu(name.replace("custom", "Custom")) == Gpu(name, memory, "given")


WRONG = ("", "0GB", "0.0GiB", "-1GB", "+1GB", "24", "24gb", "24 GB", "24MB", "1e3GB", "GB", "nanGB", "24GB ", "24GB\n", "٢٤GB")
EXTREME = ("0.0000000001GB", "10000.1GB", "10000GiB", "9" * 5000 + "GB", "1." + "0" * 5000 + "GBs", "1,000GB", "24.GB")


@pytest.mark.parametrize("memory", [*WRONG, *EXTREME])
def test_a_memory_that_is_none_is_refused_with_what_it_takes(memory: str) -> None:
    message, help = refused(f"custom:{memory}")
    assert message.endswith("gives no memory that a GPU can have")
    assert help == "`custom:` takes more than 0 and at most 10,000 GB, for instance `custom:24GB` or `custom:23.5GiB`"


def test_no_program_is_compiled_for_a_gpu_of_which_only_the_memory_is_known() -> None:
    message, help = refused("custom:24GB", find_target)
    assert message == "of `custom:24GB` only the memory is known: no program can be compiled for it"
    assert help == f"one can for {', '.join(NAMES)}"
    assert refused("custom:24GB", lambda name: description(find_gpu(name))) == (message, help)
    assert find_target("t4-16gb") is GPUS["t4-16gb"]


def test_a_plan_is_for_any_memory(archlang: Any) -> None:
    words = ("emit", "plan", "wang2025/base", "--env", "reacher", "--set", "depth=20000", "--json", "--gpu")
    plans = {name: archlang(*words, name).json for name in ("custom:24GB", "custom:24GiB", "custom:640GB")}
    assert plans["custom:24GB"]["target"] == {"gpu": "custom:24GB", "batch": 256}
    assert [plan["budget"] for plan in plans.values()] == [21_600_000_000, 23_192_823_398, 576_000_000_000]
    assert [plan["fits"] for plan in plans.values()] == [False, False, True]


def test_hlo_is_not_for_any_memory(archlang: Any) -> None:
    outcome = archlang("emit", "hlo", "dense8", "--in", "4", "--gpu", "custom:24GB")
    assert (outcome.code, outcome.out) == (1, "")
    assert "error[E0502]: of `custom:24GB` only the memory is known" in outcome.err


# --- the command ------------------------------------------------------------------------------------------------------------


def test_the_command_lists_every_gpu_with_its_figures(archlang: Any) -> None:
    head, *rows = archlang("gpus").out.splitlines()
    assert head.split() == ["GPU", *FIGURES, "sources"]
    assert [row.split()[: len(FIGURES) + 1] for row in rows] == [[name, *gpu.figures()] for name, gpu in GPUS.items()]
    assert " ".join(rows[2].split()) == "h100-80gb 79.11 3,352 66.9 494.7 989.4 9.0 XLA h100_sxm; NVIDIA H100 whitepaper"
    assert rows[-1].split()[3:7] == ["15.7", "-", "-", "7.0"]


def test_the_command_gives_programs_plain_numbers(archlang: Any) -> None:
    data = archlang("gpus", "--json").json
    assert list(data) == NAMES
    assert data["t4-16gb"] == {
        "model": "Tesla T4",
        "memory": 14_904 * 2**20,
        "bandwidth": 320_000_000_000,
        "peak": {"f32": 8.1e12, "tf32": None, "bf16": None},
        "capability": "7.5",
        "sources": {"memory": "PyTorch: 14.56 GiB", "chip": "deviceQuery", "speed": "NVIDIA T4 datasheet"},
    }
