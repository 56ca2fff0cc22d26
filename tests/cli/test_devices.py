"""Where a command computes, on machines with and without GPUs; PyTorch is faked."""

import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from gaittake.cli import options
from gaittake.cli.options import Device, computing_on
from gaittake.errors import UserError

FAULT = "the NVIDIA driver 535.104.05 is probably too old"
# Stands for PyTorch: prints what it would see when it is imported.
TORCH = """
import os
from collections import namedtuple
from types import SimpleNamespace
from unittest.mock import MagicMock
print("imported with", os.environ.get("CUDA_VISIBLE_DEVICES"))
device = namedtuple("device", "type index", defaults=[None])
cuda = SimpleNamespace(is_available=lambda: True, device_count=lambda: 1, get_arch_list=list)
version = SimpleNamespace(hip=None)
def __getattr__(name):
    return MagicMock()
"""
ASK = """
from gaittake.cli.options import Device, computing_on
print(*computing_on(Device.{}, None))
"""


@pytest.fixture
def unseen(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine with a GPU that PyTorch does not find."""
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setattr(options, "take_card", lambda processes: None)
    monkeypatch.setattr(options, "device_nodes", lambda: [Path("/dev/nvidia0")])
    monkeypatch.setattr("gaittake.device.why_no_gpu", lambda: FAULT)


def test_a_gpu_that_is_asked_for_and_not_found_is_an_error_with_its_cause(unseen: None) -> None:
    with pytest.raises(UserError) as error:
        computing_on(Device.CUDA, None)
    said = str(error.value)
    assert said.startswith(f"--device cuda: PyTorch finds no GPU: {FAULT}. To compute on the CPU: ")
    assert "--config device=cpu" in said


def test_a_gpu_that_pytorch_does_not_find_is_one_warning(
    unseen: None, caplog: pytest.LogCaptureFixture
) -> None:
    assert computing_on(Device.AUTO, None) == torch.device("cpu")
    assert [(record.levelno, record.message) for record in caplog.records] == [
        (logging.WARNING, f"computing on the CPU, although this machine has a GPU: {FAULT}")
    ]


def test_no_gpu_or_one_that_is_not_wanted_is_no_warning(
    unseen: None, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert computing_on(Device.CPU, None) == torch.device("cpu")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert computing_on(Device.AUTO, None) == torch.device("cpu")
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES")
    monkeypatch.setattr(options, "device_nodes", list)
    assert computing_on(Device.AUTO, None) == torch.device("cpu")
    assert caplog.records == []


@pytest.mark.parametrize(
    ("device", "said"),
    [
        (Device.AUTO, ["imported with GPU-a", "cuda 0"]),
        (Device.CUDA, ["imported with GPU-a", "cuda 0"]),
        (Device.CPU, ["imported with None", "cpu None"]),
    ],
)
def test_the_gpu_is_taken_before_pytorch_is_imported(
    tmp_path: Path, device: Device, said: list[str]
) -> None:
    (tmp_path / "torch.py").write_text(TORCH)
    program = tmp_path / "nvidia-smi"
    program.write_text("#!/bin/sh\necho GPU-a, 1 MiB, [N/A]\necho GPU-b, 1 MiB, [N/A]\n")
    program.chmod(0o755)
    environment = {
        "PATH": f"{tmp_path}:{os.environ['PATH']}",
        "PYTHONPATH": f"{tmp_path}:{Path(__file__).parents[2]}",
        "XDG_RUNTIME_DIR": str(tmp_path),
    }
    asked = subprocess.run(
        [sys.executable, "-c", ASK.format(device.name)],
        env=environment,
        capture_output=True,
        text=True,
    )
    assert asked.stdout.splitlines() == said, asked.stderr
