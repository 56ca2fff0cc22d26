"""Faults of the place: a full disk, a read-only folder, damaged files, no locks, two at once."""

import errno
import fcntl
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pytest
import torch

from gaittake.cli import explanation
from gaittake.errors import UserError
from gaittake.io.atomic import whole_file
from gaittake.io.checkpoint import Checkpoints
from gaittake.io.ragged import RaggedWriter, open_ragged
from gaittake.io.tables import write_csv, write_json
from gaittake.io.weights import save_weights
from gaittake.sequence import type_of
from tests.conftest import write_cache

SIZE = 200_000  # of the disk, bytes
NOISE = np.random.default_rng(0).integers(0, 255, (6_000, 100)).astype(np.uint8)


def mount(folder: Path, *options: str) -> None:
    """Puts a file system in memory at a folder; skips the test where that is not allowed."""
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", *options, "tmpfs", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"no file system can be mounted here: {done.stderr.strip()}")


@pytest.fixture(params=["small_disk", "size_limit"])
def full(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Path]:
    """A folder in which no large file fits: on a small disk, or by a limit of the process."""
    folder = tmp_path / "full"
    if request.param == "small_disk":
        mount(folder, "-o", f"size={SIZE}")
        yield folder
        subprocess.run(["umount", folder], check=True)
        return
    folder.mkdir()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (SIZE, limits[1]))
    yield folder
    resource.setrlimit(resource.RLIMIT_FSIZE, limits)


def write_ragged(path: Path) -> None:
    with RaggedWriter(path, kind="cache", arrays={"noise": ("uint8", (100,))}) as out:
        for number in range(4):
            out.append(("001", type_of("nm", number), "000"), noise=NOISE)


def write_long_table(path: Path) -> None:
    write_csv(pd.DataFrame({"noise": NOISE.ravel()}), path)


def write_long_json(path: Path) -> None:
    write_json(NOISE.ravel().tolist(), path)


def write_weights(path: Path) -> None:
    save_weights(torch.nn.Linear(400, 400), path, network="x", settings={}, made_by={})


def write_checkpoint(path: Path) -> None:
    with Checkpoints(path.parent, "x") as saved:
        saved.save({"weights": torch.zeros(400, 400)})


WRITERS = [
    (write_ragged, "cache.h5"),
    (write_long_table, "table.csv"),
    (write_long_json, "metrics.json"),
    (write_weights, "weights.safetensors"),
    (write_checkpoint, "last.pt"),
]


@pytest.mark.parametrize(("write", "name"), WRITERS)
def test_a_full_disk_leaves_what_was_there_and_nothing_else(
    full: Path, write: Callable[[Path], None], name: str
) -> None:
    (full / name).write_bytes(b"older, and whole")
    with pytest.raises(OSError, match=rf"(No space left on device|File too large).*{name}"):
        write(full / name)
    assert (full / name).read_bytes() == b"older, and whole"
    assert {path.name for path in full.iterdir()} <= {name, "lock"}


def test_a_stage_on_a_full_disk_ends_in_one_line(tmp_path: Path) -> None:
    mount(tmp_path / "full", "-o", f"size={SIZE}")
    try:
        write_cache(tmp_path / "shard.h5", subjects=30, walks=20, frames=60)
        (tmp_path / "index.csv").write_text("subject\n001\n")
        given = ["--shard-cache", tmp_path / "shard.h5", "--index", tmp_path / "index.csv"]
        made = ["--out", tmp_path / "full/cache.h5", "--out-sequences", tmp_path / "sequences.csv"]
        done = subprocess.run(
            [sys.executable, "-m", "gaittake", "cache", "merge", "tiny", *given, *made],
            capture_output=True,
            text=True,
        )
        assert done.returncode == 1, done.stderr
        lines = [line for line in done.stderr.splitlines() if line.startswith("gaittake: error")]
        assert len(lines) == 1
        assert "the disk is full; free some space" in lines[0]
        assert "cache.h5" in lines[0]
        assert "Traceback" not in done.stderr
        assert list((tmp_path / "full").iterdir()) == []
    finally:
        subprocess.run(["umount", tmp_path / "full"], check=True)


@pytest.mark.parametrize(("write", "name"), WRITERS)
def test_a_read_only_folder_is_one_line_that_names_it(
    tmp_path: Path, write: Callable[[Path], None], name: str
) -> None:
    folder = tmp_path / "results"
    if os.geteuid() == 0:  # whom permissions do not stop
        mount(folder, "-o", "ro")
    else:
        folder.mkdir(mode=0o555)
    try:
        with pytest.raises(OSError, match=r"Read-only file system|Permission denied") as raised:
            write(folder / name)
    finally:
        if os.geteuid() == 0:
            subprocess.run(["umount", folder], check=True)
    said = explanation(raised.value)
    assert said is not None
    assert str(folder) in said
    assert "choose a writable location" in said


def content(path: Path) -> tuple[object, ...]:
    with open_ragged(path, kind="cache") as opened:
        arrays = {name: opened.read(name).tobytes() for name in opened.arrays}
        attributes = {name: str(value) for name, value in opened.attributes.items()}
        return arrays, attributes, opened.sequences.to_csv()


def refusal(path: Path) -> str | None:
    """Returns why a cache is refused, or None if it can be read."""
    try:
        content(path)
    except UserError as error:
        return str(error)
    return None


def test_a_flipped_bit_anywhere_in_a_cache_is_refused_or_changes_nothing(tmp_path: Path) -> None:
    path = write_cache(tmp_path / "cache.h5")
    whole, right = path.read_bytes(), content(path)
    generator = np.random.default_rng(1)
    refused = 0
    for place in generator.integers(len(whole), size=400):
        damaged = bytearray(whole)
        damaged[place] ^= 1 << int(generator.integers(8))
        path.write_bytes(damaged)
        said = refusal(path)
        if said is None:
            assert content(path) == right, f"byte {place}"
        else:
            refused += 1
            assert str(path) in said
            assert "run the same command again" in said
            assert "\n" not in said
    assert refused > 200


@pytest.mark.parametrize("share", np.linspace(0, 0.999, 12))
def test_a_cut_off_cache_is_refused(tmp_path: Path, share: float) -> None:
    path = write_cache(tmp_path / "cache.h5")
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    with pytest.raises(UserError, match=r"cache\.h5: .*run the same command again"):
        content(path)


def test_a_killed_writer_leaves_no_file_and_the_next_one_clears_up(tmp_path: Path) -> None:
    script = (
        "import os, signal, sys\nfrom pathlib import Path\nfrom tests.test_faults import NOISE\n"
        "from gaittake.io.ragged import RaggedWriter\n"
        "arrays = {'a': ('uint8', (100,))}\n"
        "with RaggedWriter(Path(sys.argv[1]), kind='cache', arrays=arrays) as w:\n"
        "    w.append(('1', 'nm-01', '000'), a=NOISE)\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    path = tmp_path / "cache.h5"
    done = subprocess.run([sys.executable, "-c", script, str(path)])
    assert done.returncode == -signal.SIGKILL
    assert not path.exists()
    assert len(list(tmp_path.iterdir())) == 1  # what it had written, under another name
    write_cache(path)
    assert list(tmp_path.iterdir()) == [path]


def test_another_process_that_writes_the_same_file_keeps_its_own(tmp_path: Path) -> None:
    with whole_file(tmp_path / "cache.h5") as own:
        other = own.with_name(own.name.replace(str(os.getpid()), str(os.getppid())))
        other.write_bytes(b"half of it")
        own.write_bytes(b"all of it")
    write_cache(tmp_path / "cache.h5")
    assert other.read_bytes() == b"half of it"


def test_weights_have_the_same_bytes_whoever_wrote_them(tmp_path: Path) -> None:
    def write(path: Path, process: int, monkeypatch: pytest.MonkeyPatch) -> bytes:
        monkeypatch.setattr(os, "getpid", lambda: process)
        with whole_file(path) as temporary:
            torch.save({"weights": torch.ones(3)}, temporary)
        return path.read_bytes()

    with pytest.MonkeyPatch.context() as patch:
        assert write(tmp_path / "a.pt", 11, patch) == write(tmp_path / "a.pt", 4711, patch)


def test_caches_are_written_and_read_without_locks(tmp_path: Path) -> None:
    path = write_cache(tmp_path / "cache.h5")
    with path.open("rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(OSError, match="lock"):  # so a lock would have been noticed
            h5py.File(path, "r", locking=True)
        content(path)
        write_cache(path)
    content(path)


def test_training_warns_where_there_are_no_locks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", refuse)
    with Checkpoints(tmp_path, "x") as saved:
        saved.save({"step": 1})
    assert (tmp_path / "last.pt").exists()
    assert "no locks (No locks available)" in caplog.text
