"""CASIA-B and OU-MVLP in miniature: walkers in their naming, with the faults that they have.

What is planted is returned as the rows of `rejects.csv` that it must give: stage, path, reason (in
a few words, without what follows a comma, a colon or a bracket).
"""

import shutil
import tarfile
from pathlib import Path

import cv2
import numpy as np

from tests.workflow.passers import FRAMES, PEOPLE, walking, write_images, write_video

Row = tuple[str, str, str]
SHOWN = range(2, FRAMES)  # numbers of the silhouettes; the videos have a frame before and one after
SHORT = range(2, 7)
SHIFT = 1  # the videos start a frame early

CASIAB = Path("data/casiab")
SILHOUETTES = CASIAB / "silhouettes"
VIDEOS = (CASIAB / "DatasetB-1" / "video", CASIAB / "DatasetB-2" / "video")
WALKS = (*(f"nm-{n:02d}" for n in range(1, 7)), "bg-01", "bg-02", "cl-01", "cl-02")
FOUND = ("001", "002", "003", "075", "078")
DOUBLED, PACKED, BROKEN = "002", "003", "077"
CASIAB_MISSING = ("004", BROKEN, "079")

OUMVLP = Path("data/oumvlp")
OUMVLP_MISSING = ("00005", "00006")
LARGER = PEOPLE.model_copy(update={"width": 200, "height": 150, "views": (0, 90, 270)})


def frame(subject: str, walk: str, view: int, number: int) -> Path:
    """Returns where a silhouette of CASIA-B lies."""
    name = f"{subject}-{walk}-{view:03d}-{number:03d}.png"
    return SILHOUETTES / subject / walk / f"{view:03d}" / name


def blacken(folder: Path, numbers: range | tuple[int, ...], project: Path) -> list[Row]:
    """Empties frames; returns their rows."""
    rows = []
    for path in sorted((project / folder).iterdir()):
        number = int(path.stem.split("-")[-1])
        if number in numbers:
            cv2.imwrite(str(path), np.zeros_like(cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)))
            rows += [(s, f"{folder}#{number}", "empty silhouette") for s in ("predict", "cache")]
    return rows


def corrupt(path: Path, project: Path) -> list[Row]:
    """Cuts an image off; returns its rows."""
    (project / path).write_bytes((project / path).read_bytes()[:60])
    return [(stage, str(path), "unreadable image") for stage in ("predict", "cache")]


def touch(project: Path, *paths: Path) -> None:
    for path in paths:
        (project / path).parent.mkdir(parents=True, exist_ok=True)
        (project / path).write_bytes(b"of no use")


def write_casiab(project: Path) -> list[Row]:
    """Writes CASIA-B with every fault below the project's folder; returns the rows they give."""
    for subject in FOUND:
        for (walk, view), seen in walking(PEOPLE, subject).items():
            place = project / frame(subject, walk, view, 1)
            numbers = SHORT if (subject, walk, view) == ("078", "cl-02", 36) else SHOWN
            write_images(str(place).replace("001.png", "{:03d}.png"), seen.silhouettes, numbers)
            if subject < CASIAB_MISSING[0]:  # those who train
                video = VIDEOS[subject == "003"] / f"{subject}-{walk}-{view:03d}.avi"
                write_video(project / video, seen.colour, early=SHIFT)
    rows = plant_in_subjects(project) + plant_beside_subjects(project)
    root = project / SILHOUETTES
    (root / DOUBLED).rename(root / "inner")
    (root / DOUBLED).mkdir()
    (root / "inner").rename(root / DOUBLED / DOUBLED)
    with tarfile.open(root / f"{PACKED}.tar.gz", "w:gz") as archive:
        archive.add(root / PACKED, arcname=PACKED)
    shutil.rmtree(root / PACKED)
    whole = (root / f"{PACKED}.tar.gz").read_bytes()
    (root / f"{BROKEN}.tar.gz").write_bytes(whole[: len(whole) // 2])
    return rows


def plant_in_subjects(project: Path) -> list[Row]:
    """Plants faults in the sequences of CASIA-B; returns the rows that they give."""
    empty, removed = frame("001", "nm-03", 90, 1).parent, frame("002", "bg-02", 36, 1).parent
    for folder in (empty, removed, frame("078", "nm-06", 90, 1).parent):
        shutil.rmtree(project / folder)
    (project / empty).mkdir()
    notes = frame("075", "nm-01", 90, 1).with_name("notes.txt")
    thumbs = frame("001", "nm-01", 36, 1).with_name("Thumbs.db")
    hidden = SILHOUETTES / "001" / ".DS_Store"
    names = SILHOUETTES / "001" / "normal" / "090", SILHOUETTES / "001" / "nm-01" / "side"
    touch(project, notes, thumbs, hidden, *(name / "1.png" for name in names))
    cut = VIDEOS[0] / "001-nm-02-090.avi"
    (project / cut).write_bytes((project / cut).read_bytes()[: (project / cut).stat().st_size // 2])
    touch(project, VIDEOS[0] / "001-nm-02-036.avi")
    unused = frame("075", "nm-07", 36, 1).parent
    shutil.copytree(project / frame("075", "nm-01", 36, 1).parent, project / unused)
    return [
        *corrupt(frame("001", "nm-01", 36, 8), project),
        ("pseudo-label", str(frame("001", "nm-01", 36, 8)), "unreadable or empty silhouette"),
        *blacken(frame("075", "nm-05", 90, 1).parent, (5, 6), project),
        *blacken(frame("075", "bg-01", 36, 1).parent, SHOWN, project),
        ("cache", str(frame("075", "bg-01", 36, 1).parent), "no usable frame"),
        ("pseudo-label", str(cut), "truncated video"),
        ("pseudo-label", str(VIDEOS[0] / "001-nm-02-036.avi"), "unreadable video"),
        ("index", str(empty), "empty folder"),
        ("index", str(VIDEOS[0] / "002-bg-02-036.avi"), "video without silhouettes"),
        ("index", str(notes), "not a numbered image"),
        ("index", str(thumbs), "hidden or system file"),
        ("index", str(hidden), "hidden or system file"),
        ("index", str(names[0].parent), "not a sequence"),
        ("index", str(names[1]), "not a view"),
        ("survey", "078/nm-06/090", "view of the protocol's sequence missing"),
        ("survey", "075/nm-07", "sequence in neither gallery nor probes"),
        ("survey", str(frame("078", "cl-02", 36, 1).parent), "shorter than a training clip"),
    ]


def plant_beside_subjects(project: Path) -> list[Row]:
    """Plants faults beside the subjects of CASIA-B; returns the rows that they give."""
    unknown = frame("100", "nm-01", 36, 2)
    hidden, text = SILHOUETTES / ".DS_Store", SILHOUETTES / "readme.txt"
    clip = VIDEOS[1] / "clip.avi"
    background = VIDEOS[0] / "001-bkgrd-036.avi"
    touch(project, unknown, hidden, text, clip, background)
    return [
        ("unpack", str(SILHOUETTES / f"{BROKEN}.tar.gz"), "broken archive"),
        *(("index", subject, "subject of the protocol missing") for subject in CASIAB_MISSING),
        ("survey", str(SILHOUETTES / "100"), "subject in neither list of the protocol"),
        ("survey", str(hidden), "hidden or system file"),
        ("survey", str(text), "not a subject"),
        ("survey", str(clip), "not a video of a sequence"),
    ]


def write_oumvlp(project: Path) -> list[Row]:
    """Writes OU-MVLP with faults below the project's folder; returns the rows that they give."""

    def place(subject: str, view: int, number: int) -> Path:
        return OUMVLP / f"Silhouette_{view:03d}-{number:02d}" / subject

    for subject in ("00001", "00003", "00002", "00004", "10307"):
        for (walk, view), seen in walking(LARGER, subject).items():
            number = int(walk[-1]) - 1
            if walk in ("nm-01", "nm-02"):
                short = (subject, view, number) == ("00001", 0, 0)
                form = f"{project / place(subject, view, number)}/{{:04d}}.png"
                write_images(form, seen.silhouettes, SHORT if short else SHOWN)
    empty, lacking = place("00003", 90, 1), place("00004", 270, 1)
    for folder in (empty, lacking):
        shutil.rmtree(project / folder)
    (project / empty).mkdir()
    hidden, thumbs = OUMVLP / ".DS_Store", place("00002", 0, 0) / "Thumbs.db"
    name, extra = OUMVLP / "Silhouette_090" / "00001", OUMVLP / "Silhouette_000-00" / "extra.txt"
    unknown = place("00099", 0, 0) / "0001.png"
    touch(project, hidden, thumbs, name / "0001.png", extra, unknown)
    return [
        *corrupt(place("00001", 90, 0) / "0008.png", project),
        *blacken(place("00002", 90, 0), SHOWN, project),
        ("cache", str(place("00002", 90, 0)), "no usable frame"),
        ("index", str(empty), "empty folder"),
        ("index", str(thumbs), "hidden or system file"),
        *(("index", subject, "subject of the protocol missing") for subject in OUMVLP_MISSING),
        ("survey", str(hidden), "hidden or system file"),
        ("survey", str(name.parent), "not a view folder"),
        ("survey", str(extra), "not a subject"),
        ("survey", str(unknown.parent), "subject in neither list of the protocol"),
        ("survey", "00004/nm-01/270", "view of the protocol's sequence missing"),
        ("survey", str(place("00001", 0, 0)), "shorter than a training clip"),
    ]
