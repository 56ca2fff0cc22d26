"""CASIA-B's archives, `001.tar.gz`: which are unpacked, how, and what is refused."""

import gzip
import io
import tarfile
from pathlib import Path

import pytest

from gaittake.io.tables import read_rejects, read_sequences
from gaittake.settings import IndexStage, Source
from gaittake.sources.archives import packed, unpack_subjects
from gaittake.sources.index import index_sequences
from tests.sources.trees import reasons, write_casiab


def pack(root: Path, subject: str, *, inside: bool = True) -> Path:
    """Writes only a subject's archive; `inside`: the archive contains the subject's folder."""
    write_casiab(root / "loose", (subject,), ("nm-01",))
    archive = root / f"{subject}.tar.gz"
    with tarfile.open(archive, "w:gz") as opened:
        opened.add(root / "loose" / subject, arcname=subject if inside else ".")
    for path in sorted((root / "loose").rglob("*"), reverse=True):
        path.unlink() if path.is_file() else path.rmdir()
    (root / "loose").rmdir()
    return archive


def unpack(archives: list[Path], where: Path) -> list[tuple[str, str]]:
    unpack_subjects(archives, out=where / "unpacked", rejects=where / "unpacked.rejects.csv")
    rejects = read_rejects(where / "unpacked.rejects.csv")
    assert {row.stage for row in rejects} <= {"unpack"}
    return reasons(rejects, where)


def names(source: Source, where: Path, *subjects: str) -> list[str]:
    """Returns the sequences that the index finds in the source and among unpacked subjects."""
    index_sequences(
        IndexStage(source=source, subjects=subjects),
        roots=None,
        unpacked=where / "unpacked",
        out=where / "index.csv",
        rejects=where / "index.rejects.csv",
    )
    return [row.name for row in read_sequences(where / "index.csv")]


def test_only_subjects_without_an_unpacked_folder_are_unpacked(tmp_path: Path) -> None:
    one, two = pack(tmp_path, "001"), pack(tmp_path, "002")
    pack(tmp_path, "003")
    write_casiab(tmp_path, ("003", "004"))
    source = Source(silhouettes=(tmp_path,))
    assert packed(source, ("001", "002", "003", "004", "005"), before=tmp_path / "out") == [
        one,
        two,
    ]
    assert packed(source, ("002",), before=tmp_path / "out") == [two]
    other = Source(layout="folder", silhouettes=(tmp_path,))
    assert packed(other, ("001",), before=tmp_path / "out") == []


@pytest.mark.parametrize("inside", [True, False])
def test_the_index_finds_unpacked_subjects_and_the_others(tmp_path: Path, inside: bool) -> None:
    write_casiab(tmp_path, ("001",), ("nm-01",))
    archive = pack(tmp_path, "002", inside=inside)
    assert unpack([archive], tmp_path) == []
    found = names(Source(silhouettes=(tmp_path,)), tmp_path, "001", "002")
    assert found == [f"{s}/nm-01/{v}" for s in ("001", "002") for v in ("000", "090")]
    assert read_rejects(tmp_path / "index.rejects.csv") == []


def test_a_dataset_of_archives_only_is_not_empty(tmp_path: Path) -> None:
    data = tmp_path / "data"
    archive = pack(data, "001")
    assert unpack([archive], tmp_path) == []
    assert names(Source(silhouettes=(data,)), tmp_path, "001") == ["001/nm-01/000", "001/nm-01/090"]


@pytest.mark.parametrize("fault", ["cut off", "no archive", "empty", "flipped byte", "half a tar"])
def test_nothing_of_a_damaged_archive_is_kept_and_the_others_are_unpacked(
    tmp_path: Path, fault: str
) -> None:
    good, broken = pack(tmp_path, "001"), pack(tmp_path, "002")
    content = broken.read_bytes()
    flipped = bytearray(content)
    flipped[len(content) // 2] ^= 0xFF
    broken.write_bytes(
        {
            "cut off": content[: len(content) // 2],
            "no archive": b"<html>404</html>",
            "empty": b"",
            "flipped byte": bytes(flipped),
            "half a tar": gzip.compress(gzip.decompress(content)[:3000]),
        }[fault]
    )
    assert unpack([good, broken], tmp_path) == [("002.tar.gz", "broken archive")]
    assert [path.name for path in (tmp_path / "unpacked").iterdir()] == ["001"]
    found = names(Source(silhouettes=(tmp_path,)), tmp_path, "001", "002")
    assert found == ["001/nm-01/000", "001/nm-01/090"]


@pytest.mark.parametrize("name", ["../../outside.png", "/outside.png"])
def test_an_archive_cannot_write_outside_its_folder(tmp_path: Path, name: str) -> None:
    archive = tmp_path / "001.tar.gz"
    with tarfile.open(archive, "w:gz") as opened:
        member = tarfile.TarInfo(name)
        member.size = 4
        opened.addfile(member, io.BytesIO(b"evil"))
    rejects = unpack([archive], tmp_path / "deep/down")
    assert [reason for _, reason in rejects] == ["broken archive"]
    assert list(tmp_path.rglob("outside.png")) == []
    assert not Path("/outside.png").exists()


def test_an_archive_with_a_link_is_refused(tmp_path: Path) -> None:
    archive = tmp_path / "001.tar.gz"
    with tarfile.open(archive, "w:gz") as opened:
        member = tarfile.TarInfo("001/nm-01")
        member.type, member.linkname = tarfile.SYMTYPE, "/etc"
        opened.addfile(member)
    assert [reason for _, reason in unpack([archive], tmp_path)] == ["broken archive"]
