"""Systems that lack what Linux has: no file locks, no sysconf, no /proc."""

import logging
import mmap
import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest

from gaittake import cards, machine
from gaittake.data import memory
from gaittake.io import environment
from gaittake.io.atomic import whole_file
from gaittake.io.checkpoint import Checkpoints


def test_without_file_locks_a_training_warns_and_goes_on(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(machine, "fcntl", None)
    with Checkpoints(tmp_path, "a") as checkpoints:
        checkpoints.save({"step": 1})
    assert (tmp_path / "last.pt").is_file()
    assert "no locks" in caplog.text


def test_without_file_locks_no_gpu_is_chosen(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(machine, "fcntl", None)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    monkeypatch.setenv(cards.VISIBLE, "0,1")
    with caplog.at_level(logging.WARNING):
        assert cards.take_card(1) is None
    assert "no lock on a GPU" in caplog.text
    assert os.environ[cards.VISIBLE] == "0,1"


def test_memory_is_known_or_assumed_without_proc_and_sysconf(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("MEMORY", "OWN_GROUPS", "GROUPS"):
        monkeypatch.setattr(memory, name, tmp_path / "none")
    assert memory.free_memory() == machine.physical_memory() > 0
    monkeypatch.delattr(os, "sysconf")
    assert memory.free_memory() == machine.UNKNOWN_MEMORY


def test_on_windows_no_process_is_asked_and_its_file_stays(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    assert not machine.is_alive(ended.pid)
    assert machine.is_alive(os.getpid())
    monkeypatch.setattr(machine.os, "name", "nt")
    monkeypatch.setattr(machine.os, "kill", None)
    assert machine.is_alive(ended.pid)


def test_a_mac_says_its_processor(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_file(*_: object, **__: object) -> str:
        raise FileNotFoundError

    monkeypatch.setattr(Path, "read_text", no_file)
    monkeypatch.setattr(environment.platform, "system", lambda: "Darwin")
    monkeypatch.setattr(
        environment.subprocess,
        "run",
        lambda command, **_: subprocess.CompletedProcess(command, 0, stdout="Apple M2\n"),
    )
    assert environment.processor() == "Apple M2"


def test_memory_that_is_kept_is_not_cleared_again() -> None:
    """The page faults of freeing and taking 64 MiB ten times, counted by Linux."""
    code = (
        "import resource, sys\n"
        "from gaittake.machine import keep_freed_memory\n"
        "if sys.argv[1] == 'kept': keep_freed_memory()\n"
        "for _ in range(10): b'x' * 2**26\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt)"
    )
    if platform.libc_ver()[0] != "glibc":
        pytest.skip("only glibc's memory is set")

    def faults(mode: str) -> int:
        return int(subprocess.check_output([sys.executable, "-c", code, mode]))

    assert faults("usual") - faults("kept") > 8 * 2**26 / mmap.PAGESIZE


def test_temporary_files_need_only_the_machines_name(tmp_path: Path) -> None:
    with whole_file(tmp_path / "a.txt") as temporary:
        assert machine.machine_name().replace(".", "-") in temporary.name
        temporary.write_text("a")
    assert (tmp_path / "a.txt").read_text() == "a"
