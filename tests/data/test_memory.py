"""Where frames are held: the fastest place that has room, by what is free."""

from pathlib import Path

import pytest
import torch

from gaittake.data import memory
from gaittake.data.memory import choose_place, free_memory

GB = 10**9
CPU, GPU = torch.device("cpu"), torch.device("cuda")


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """40 GB free on the GPU, 60 GB in memory."""
    monkeypatch.setattr(memory, "free_memory", lambda: 60 * GB)
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (40 * GB, 80 * GB))
    monkeypatch.delenv("LOCAL_WORLD_SIZE", raising=False)


@pytest.mark.usefixtures("machine")
@pytest.mark.parametrize(
    ("device", "needed", "place"),
    [
        (GPU, 10, "device"),
        (GPU, 11, "host"),
        (GPU, 30, "host"),
        (GPU, 31, "cache"),
        (CPU, 30, "device"),
        (CPU, 31, "cache"),
    ],
)
def test_the_fastest_place_with_room_is_chosen(
    device: torch.device, needed: int, place: str
) -> None:
    assert choose_place(needed * GB, device) == place


@pytest.mark.usefixtures("machine")
def test_processes_of_one_machine_share_its_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "4")
    assert choose_place(10 * GB, GPU) == "device"  # a GPU each
    assert choose_place(11 * GB, GPU) == "cache"
    assert choose_place(7 * GB, CPU) == "device"


@pytest.mark.usefixtures("machine")
def test_the_log_has_the_numbers_in_one_line(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    choose_place(11 * GB, GPU)
    assert caplog.messages == [
        "frames take 11.00 GB: held in memory (the GPU's memory: 40.00 GB free, limit 10.00, "
        "memory: 60.00 GB free, limit 30.00)"
    ]


def test_this_machine_has_free_memory_and_less_than_all() -> None:
    pages = [line.split() for line in Path("/proc/meminfo").read_text().splitlines()]
    total = next(int(words[1]) for words in pages if words[0] == "MemTotal:")
    assert 0 < free_memory() <= 1024 * total


def write(folder: Path, **files: object) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name.replace("__", ".")).write_text(f"{content}\n")


@pytest.fixture
def system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine with 8 GB available; tests add control groups to the folder."""
    (tmp_path / "meminfo").write_text("MemTotal: 9000000 kB\nMemAvailable: 8000000 kB\nHuge: 0\n")
    monkeypatch.setattr(memory, "MEMORY", tmp_path / "meminfo")
    monkeypatch.setattr(memory, "OWN_GROUPS", tmp_path / "own")
    monkeypatch.setattr(memory, "GROUPS", tmp_path / "groups")
    monkeypatch.setattr(memory.os, "sysconf", lambda name: 1 << 18)
    return tmp_path


def test_without_groups_available_memory_is_free(system: Path) -> None:
    assert free_memory() == 1024 * 8_000_000


def test_a_job_has_what_its_group_and_its_parents_leave(system: Path) -> None:
    (system / "own").write_text("0::/slurm/job_7/step\n")
    root = system / "groups"
    write(root / "slurm", memory__max=5 * GB, memory__current=2 * GB, memory__stat="file 500000000")
    assert free_memory() == 3.5 * GB  # cached files count as free
    write(
        root / "slurm/job_7", memory__max=2 * GB, memory__current=GB, memory__stat="anon 1\nfile 0"
    )
    assert free_memory() == GB
    write(root / "slurm/job_7/step", memory__max="max", memory__current=GB, memory__stat="file 0")
    assert free_memory() == GB
    write(root / "slurm/job_7", memory__current=3 * GB)
    assert free_memory() == 0


def test_version_1_groups_are_read_and_a_container_shows_its_group_as_the_root(
    system: Path,
) -> None:
    (system / "own").write_text("3:cpu:/docker/ab\n4:memory:/docker/ab\n0::/\n")
    write(
        system / "groups/memory",
        memory__limit_in_bytes=3 * GB,
        memory__usage_in_bytes=GB,
        memory__stat="cache 1\ntotal_cache 250000000",
    )
    assert free_memory() == 2.25 * GB
