"""A GPU for each process: the GPUs are faked, the processes and their locks are real."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from gaittake.cards import BATCH_JOB, device_nodes, hidden, listed_cards, take_card

# Prints what it logs, what it took and what it sees, and lives until its input ends.
HOLDER = """
import logging, os, sys
from gaittake.cards import take_card
logging.basicConfig(level="INFO", format="%(message)s", stream=sys.stdout)
print(take_card(int(sys.argv[1])), os.environ.get("CUDA_VISIBLE_DEVICES"), flush=True)
assert "torch" not in sys.modules
sys.stdin.read()
"""
# Starts the processes of one training, as torchrun does.
TRAINING = """
import subprocess, sys
both = [subprocess.Popen([sys.executable, "-c", *sys.argv[1:]]) for _ in range(2)]
sys.exit(max(process.wait() for process in both))
"""
Machine = Callable[..., None]
Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    """Returns a function that gives this machine GPUs: UUID, memory, mode of MIG of each."""
    for name in (*BATCH_JOB, "CUDA_VISIBLE_DEVICES"):
        monkeypatch.delenv(name, raising=False)
    program = tmp_path / "bin" / "nvidia-smi"
    program.parent.mkdir()
    monkeypatch.setenv("PATH", str(program.parent), prepend=os.pathsep)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))

    def write(*rows: str, code: int = 0) -> None:
        program.write_text("\n".join(["#!/bin/sh", "cat <<'END'", *rows, "END", f"exit {code}"]))
        program.chmod(0o755)

    return write


@pytest.fixture
def two(machine: Machine) -> None:
    machine("GPU-a, 40960 MiB, Disabled", "GPU-b, 40960 MiB, Disabled")


@pytest.fixture
def start() -> Iterator[Start]:
    """Returns a function that starts a process which takes a GPU and keeps it."""
    started: list[subprocess.Popen[str]] = []

    def run(*code: str) -> "subprocess.Popen[str]":
        command = [sys.executable, "-c", *(code or (HOLDER, "1"))]
        pipe = subprocess.PIPE
        started.append(subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True))
        return started[-1]

    yield run
    for process in started:
        process.kill()
        process.communicate()


def said(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def test_two_processes_take_two_gpus_and_a_killed_one_frees_its_own(
    two: None, start: Start
) -> None:
    first = start()
    assert said(first) == "GPU-a GPU-a"
    assert said(start()) == "GPU-b GPU-b"
    first.kill()
    first.wait()
    assert said(start()) == "GPU-a GPU-a"


def test_four_processes_on_two_gpus_share_them_evenly_and_say_so(two: None, start: Start) -> None:
    taken = [said(start()) for _ in range(2)]
    for card in ("GPU-a", "GPU-b"):
        process = start()
        assert said(process) == f"all 2 GPUs are in use by gaittake; sharing {card}"
        taken.append(said(process))
    assert sorted(taken) == ["GPU-a GPU-a"] * 2 + ["GPU-b GPU-b"] * 2


def test_the_processes_of_a_training_have_different_gpus_also_where_they_share(
    two: None, start: Start
) -> None:
    said(start())
    training = start(TRAINING, HOLDER, "2")
    lines = [said(training) for _ in range(3)]
    assert sorted(lines) == [
        "GPU-a GPU-a",
        "GPU-b GPU-b",
        "all 2 GPUs are in use by gaittake; sharing GPU-a",
    ]


def test_more_processes_than_gpus_take_none(two: None) -> None:
    assert take_card(3) is None
    assert "CUDA_VISIBLE_DEVICES" not in os.environ


@pytest.mark.parametrize("visible", ["", "-1", "0", "GPU-b"])
def test_a_chosen_gpu_is_kept(two: None, monkeypatch: pytest.MonkeyPatch, visible: str) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    assert take_card(1) is None
    assert os.environ["CUDA_VISIBLE_DEVICES"] == visible
    assert hidden() is (visible in ("", "-1"))


def test_one_of_several_chosen_gpus_is_taken_but_not_for_a_training_of_several(
    two: None, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3,1")
    monkeypatch.setenv("SLURM_JOB_ID", "7")
    assert [said(start()) for _ in range(2)] == ["3 3", "1 1"]
    monkeypatch.setenv("SLURM_JOB_ID", "8")  # its GPU 3 is another one
    assert said(start()) == "3 3"
    assert said(start(HOLDER, "2")) == "None 3,1"


@pytest.mark.parametrize("name", BATCH_JOB)
def test_a_batch_system_gives_the_gpus(
    two: None, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(name, "1234")
    assert take_card(1) is None
    assert "CUDA_VISIBLE_DEVICES" not in os.environ


def test_without_a_place_for_locks_nothing_is_taken(
    two: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "file"))
    assert take_card(1) is None
    assert "CUDA_VISIBLE_DEVICES" not in os.environ
    assert "no lock on a GPU" in caplog.text


@pytest.mark.parametrize(
    ("rows", "code", "listed"),
    [
        (["GPU-d, 2048 MiB, [N/A]", "GPU-a, 16384 MiB, [N/A]"], 0, ["GPU-a"]),  # for the display
        (["GPU-a, 8192 MiB, [N/A]", "GPU-b, 16384 MiB, [N/A]"], 0, ["GPU-b", "GPU-a"]),
        (["GPU-a, [N/A], [N/A]"], 0, ["GPU-a"]),  # one memory for CPU and GPU
        (["GPU-a, 40960 MiB, Enabled", "GPU-b, 40960 MiB, Disabled"], 0, []),
        (["Failed to initialize NVML: Driver/library version mismatch"], 18, []),
        (["No devices were found"], 0, []),
    ],
)
def test_the_gpus_are_listed_largest_first_without_small_or_divided_ones(
    machine: Machine, rows: list[str], code: int, listed: list[str]
) -> None:
    machine(*rows, code=code)
    assert listed_cards() == listed


def test_without_nvidias_driver_no_gpu_is_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    assert listed_cards() == []


def test_device_nodes_are_those_of_nvidia_amd_and_windows(tmp_path: Path) -> None:
    for name in ("null", "nvidiactl", "nvidia-uvm", "dri", "nvidia0", "nvidia12", "kfd", "dxg"):
        (tmp_path / name).touch()
    found = [node.name for node in device_nodes(tmp_path)]
    assert found == ["dxg", "kfd", "nvidia0", "nvidia12"]
