"""Devices, without a GPU: its capability and its errors are faked."""

import contextlib
import ctypes
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from gaittake import device
from gaittake.device import (
    autocast,
    check_card,
    forbid_tf32,
    is_out_of_memory,
    layer_dtype,
    out_of_memory,
    why_no_gpu,
    without_tf32,
)
from gaittake.errors import UserError

GPU, CPU = torch.device("cuda", 1), torch.device("cpu")
CU130 = ["sm_75", "sm_80", "sm_86", "sm_90a", "sm_100", "sm_120"]
Card = Callable[..., None]


@pytest.fixture
def card(monkeypatch: pytest.MonkeyPatch) -> Card:
    """Returns a function that makes GPU 1 a card of some capability; GPU 0 is an H100."""

    def fake(capability: tuple[int, int], built: list[str] = CU130, hip: str | None = None) -> None:
        def capability_of(device: torch.device) -> tuple[int, int]:
            return capability if device.index == 1 else (9, 0)

        monkeypatch.setattr(torch.version, "hip", hip)
        monkeypatch.setattr(torch.cuda, "get_device_capability", capability_of)
        monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: "NVIDIA Card")
        monkeypatch.setattr(torch.cuda, "get_arch_list", lambda: built)
        monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda: True)  # of the current device

    return fake


@pytest.mark.parametrize("capability", [(7, 5), (8, 0), (8, 9), (9, 0), (12, 1)])
def test_a_card_with_kernels_of_its_major_version_is_accepted(
    card: Card, capability: tuple[int, int]
) -> None:
    card(capability)
    check_card(GPU)


@pytest.mark.parametrize(
    ("capability", "wheel"),
    [
        ((7, 0), r"a wheel for CUDA 12\.6 \(cu126\)"),  # V100
        ((6, 1), r"a wheel for CUDA 12\.6 \(cu126\)"),
        ((11, 0), "the newest wheel"),
        ((13, 0), "the newest wheel"),
    ],
)
def test_a_card_without_kernels_is_an_error_that_names_the_wheel(
    card: Card, capability: tuple[int, int], wheel: str
) -> None:
    card(capability)
    named = f"{capability[0]}.{capability[1]}"
    found = rf"^NVIDIA Card: PyTorch \S+ has no kernels .* {named}, only for 7\.5, .*, 12\.0\. "
    with pytest.raises(UserError, match=f"{found}Install {wheel} as"):
        check_card(GPU)


def test_ptx_runs_on_newer_cards_and_unknown_builds_are_accepted(card: Card) -> None:
    card((13, 0), ["sm_90", "compute_120"])
    check_card(GPU)
    card((7, 0), ["sm_90", "compute_120"])
    with pytest.raises(UserError):
        check_card(GPU)
    for built, hip in (([], None), (["gfx90a"], "6.0")):
        card((7, 0), built, hip)
        check_card(GPU)


def test_a_cpu_is_not_a_card() -> None:
    check_card(CPU)


@pytest.mark.parametrize(
    ("capability", "training", "prediction"),
    [
        ((6, 1), torch.float32, torch.float32),
        ((7, 0), torch.float16, torch.float32),
        ((7, 5), torch.float16, torch.float32),
        ((8, 0), torch.bfloat16, torch.bfloat16),
        ((12, 0), torch.bfloat16, torch.bfloat16),
    ],
)
def test_the_type_follows_the_capability_of_the_device_in_use(
    card: Card, capability: tuple[int, int], training: torch.dtype, prediction: torch.dtype
) -> None:
    card(capability)
    assert layer_dtype(GPU, "auto", loss_scaling=True) is training
    assert layer_dtype(GPU, "auto") is prediction
    assert layer_dtype(GPU, "float32", loss_scaling=True) is torch.float32


def test_amd_cards_compute_in_bfloat16(card: Card) -> None:
    card((7, 0), ["gfx90a"], hip="6.0")
    assert layer_dtype(GPU, "auto") is torch.bfloat16


def test_an_unknown_precision_is_refused() -> None:
    with pytest.raises(ValueError, match="precision must be 'auto' or 'float32', not 'half'"):
        autocast(CPU, "half")


def test_float32_means_no_autocast() -> None:
    with autocast(CPU, "float32"):
        assert not torch.is_autocast_enabled("cpu")
        assert (torch.rand(2, 2) @ torch.rand(2, 2)).dtype is torch.float32


@pytest.mark.usefixtures("tf32")
@pytest.mark.parametrize("fails", [True, False])
def test_tf32_is_off_for_a_block_and_then_as_before(fails: bool) -> None:
    with contextlib.suppress(ZeroDivisionError), without_tf32():
        assert not torch.backends.cuda.matmul.allow_tf32
        assert not torch.backends.cudnn.allow_tf32
        assert 1 // (not fails)
    assert torch.backends.cuda.matmul.allow_tf32
    assert torch.backends.cudnn.allow_tf32


@pytest.mark.usefixtures("tf32")
@pytest.mark.parametrize("convolutions", [True, False])
def test_tf32_is_off_for_products_and_on_request_for_convolutions(convolutions: bool) -> None:
    forbid_tf32(convolutions=convolutions)
    assert not torch.backends.cuda.matmul.allow_tf32
    assert torch.backends.cudnn.allow_tf32 is not convolutions


def test_out_of_memory_is_one_line_with_the_card_its_memory_and_settings(
    card: Card, monkeypatch: pytest.MonkeyPatch
) -> None:
    card((7, 5))
    memory = {1: (3 * 2**28, 15 * 2**30)}
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: memory[device])
    monkeypatch.setattr(torch.cuda, "current_device", lambda: 1)
    for text, needed in (
        ("CUDA out of memory. Tried to allocate 1.50 GiB. GPU 1 has a total", "1.50 GiB"),
        ("HIP out of memory", "more"),
    ):
        line = out_of_memory(torch.OutOfMemoryError(text))
        assert line.startswith(
            f"out of GPU memory: NVIDIA Card has 0.8 of 15.0 GiB free, {needed} needed. "
        )
        assert "train.subjects_per_batch" in line
        assert "\n" not in line


def test_the_memory_of_a_gpu_that_answers_no_more_is_unknown(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def silent(*_: object) -> None:
        raise RuntimeError("CUDA error: out of memory")

    monkeypatch.setattr(torch.cuda, "current_device", silent)
    line = out_of_memory(RuntimeError("CUDA error: out of memory"))
    assert line.startswith("out of GPU memory: the free memory is unknown, more needed. ")


@pytest.mark.parametrize(
    ("error", "found"),
    [
        (torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB"), True),
        (RuntimeError("CUDA error: out of memory\nCUDA kernel errors might be"), True),
        (RuntimeError("cuDNN error: CUDNN_STATUS_ALLOC_FAILED"), True),
        (RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling"), True),
        (RuntimeError("CUDA error: no kernel image is available"), False),
        (MemoryError("CUDA error: out of memory"), False),
    ],
)
def test_every_form_of_too_little_gpu_memory_is_recognised(error: Exception, found: bool) -> None:
    assert is_out_of_memory(error) is found


@pytest.fixture
def unseen(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., str]:
    """Returns a function that tells why PyTorch finds no GPU, on a machine with these nodes."""

    def ask(
        *nodes: str, cuda: str | None = "13.0", hip: str | None = None, driver: str = ""
    ) -> str:
        monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
        monkeypatch.setattr(torch.version, "cuda", cuda)
        monkeypatch.setattr(torch.version, "hip", hip)
        monkeypatch.setattr(device, "device_nodes", lambda: [Path("/dev", node) for node in nodes])
        (tmp_path / "version").write_text(driver)
        monkeypatch.setattr(device, "DRIVER", tmp_path / "version" if driver else tmp_path / "no")
        return why_no_gpu()

    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    return ask


DRIVERS = {
    "535.104.05": "NVRM version: NVIDIA UNIX x86_64 Kernel Module  535.104.05  Sat Aug 19 2023",
    "570.86.10": "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  570.86.10  Release",
}


def test_the_likely_cause_of_an_unseen_gpu_is_named(
    unseen: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for version, text in DRIVERS.items():
        said = unseen("nvidia0", driver=text)
        assert said.startswith(f"the NVIDIA driver {version} is probably too old for CUDA 13.0 of")
    assert unseen("dxg").startswith("the NVIDIA driver is probably too old for CUDA 13.0 of ")
    assert "is a build for CPUs; install one for" in unseen("nvidia0", cuda=None)
    assert unseen().endswith(" has no GPU, or gives this job none")
    assert "for NVIDIA's CUDA, and the GPU is of AMD" in unseen("kfd")
    assert "AMD's ROCm 6.4, which finds no GPU" in unseen("nvidia0", cuda=None, hip="6.4")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert unseen("nvidia0") == "CUDA_VISIBLE_DEVICES='' hides the GPUs"
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert why_no_gpu() == ""


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "mallopt"), reason="another C library")
def test_freed_memory_is_kept_by_the_process() -> None:
    """In another process, because the setting is permanent. By default malloc returns memory."""
    ended = subprocess.run([sys.executable, "-c", FREES], timeout=120)
    assert ended.returncode == 0


FREES = """
import pathlib
import numpy as np
from gaittake.device import keep_freed_memory

def resident_pages():
    return int(pathlib.Path("/proc/self/statm").read_text().split()[1])

keep_freed_memory()
held = [np.ones(1 << 20, np.float32) for _ in range(16)]  # 4 MiB each
before = resident_pages()
del held
raise SystemExit(before - resident_pages() > 1024)
"""
