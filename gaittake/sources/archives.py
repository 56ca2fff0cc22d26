"""The unpack stage: extracts CASIA-B's subjects from their archives, `001.tar.gz`."""

import gzip
import logging
import shutil
import tarfile
import zlib
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from gaittake.io.atomic import whole_folder
from gaittake.io.progress import progress
from gaittake.io.tables import write_rejects
from gaittake.sequence import Reject, count_rejects
from gaittake.settings import Source
from gaittake.sources.casiab import ARCHIVE

logger = logging.getLogger(__name__)
STAGE = "unpack"


def packed(source: Source, subjects: Iterable[str], *, before: Path) -> list[Path]:
    """Returns the archives of those subjects that have no folder in the source.

    Args:
        source: its folders of silhouettes.
        subjects: names.
        before: what `unpack_subjects` wrote, if it exists. Archives of its subjects are returned
            even if they are gone.
    """
    if source.layout != "casiab":
        return []
    found = []
    for subject in subjects:
        archives = [root / f"{subject}{ARCHIVE}" for root in source.silhouettes]
        gone = archives[0] if archives and (before / subject).is_dir() else None
        archive = next(filter(Path.is_file, archives), gone)
        if archive and not any((root / subject).is_dir() for root in source.silhouettes):
            found.append(archive)
    return found


def unpack_subjects(archives: list[Path], *, out: Path, rejects: Path) -> None:
    """Unpacks archives into one folder per subject; of a damaged archive nothing is kept.

    Args:
        archives: `001.tar.gz`, …
        out: folder to create, with one folder per subject.
        rejects: table to write, of the archives that could not be unpacked.

    Raises:
        OSError: the disk is full or read-only.
    """
    refused: list[Reject] = []
    with whole_folder(out) as folder, progress(STAGE, len(archives), unit="archives") as advance:
        for archive in archives:
            subject = folder / archive.name.removesuffix(ARCHIVE)
            try:
                _extract(archive, subject)
            except (tarfile.TarError, EOFError, zlib.error, gzip.BadGzipFile) as error:
                logger.warning("%s: %s", archive, error)
                refused.append(Reject(STAGE, str(archive), "broken archive"))
                shutil.rmtree(subject, ignore_errors=True)
            advance()
    logger.info("%d archives read; skipped: %s", len(archives), count_rejects(refused))
    write_rejects(refused, rejects)


def _extract(archive: Path, folder: Path) -> None:
    """Extracts an archive into a folder; links and devices are errors."""
    with gzip.open(archive) as stream:
        with tarfile.open(fileobj=stream, mode="r:") as opened:
            for member in opened:
                _write_member(opened, member, folder)
        # tarfile takes a damaged header for the end; reading on verifies gzip's checksum.
        while stream.read(1 << 20):
            pass


def _write_member(opened: tarfile.TarFile, member: tarfile.TarInfo, folder: Path) -> None:
    name = PurePosixPath(member.name)
    plain = member.isfile() or member.isdir()
    # Nothing may escape the folder. (tarfile's own filters need Python 3.11.4.)
    if name.is_absolute() or ".." in name.parts or not plain:
        raise tarfile.TarError(f"{member.name}: not a plain file or folder inside the archive")
    place = folder / name
    if member.isdir():
        place.mkdir(parents=True, exist_ok=True)
        return
    place.parent.mkdir(parents=True, exist_ok=True)
    content = opened.extractfile(member)
    if content is None:
        raise tarfile.TarError(f"{member.name}: no content")
    with content, place.open("wb") as out:
        shutil.copyfileobj(content, out)
