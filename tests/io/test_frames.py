"""Frames of image folders and videos; unreadable ones become rejects."""

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from gaittake.io import frames
from gaittake.io.frame_rate import frame_rate
from gaittake.io.frames import (
    count_frames,
    frame_files,
    read_colour,
    read_silhouette,
    read_silhouettes,
)
from gaittake.sequence import Reject
from tests.sources.trees import SIZE, reasons, silhouette, write_frames, write_video


def counted(source: Path) -> tuple[int, list[tuple[str, str]]]:
    rejects: list[Reject] = []
    count = count_frames(source, stage="index", rejects=rejects)
    assert {row.stage for row in rejects} <= {"index"}
    return count, reasons(rejects, source)


def read(source: Path) -> tuple[list[int], list[tuple[str, str]]]:
    rejects: list[Reject] = []
    numbers = [n for n, _ in read_silhouettes(source, stage="cache", rejects=rejects)]
    return numbers, reasons(rejects, source.parent)


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The images that are opened, in order."""
    opened: list[Path] = []
    original = frames.read_image

    def spy(path: Path, flag: int) -> object:
        opened.append(path)
        return original(path, flag)

    monkeypatch.setattr(frames, "read_image", spy)
    return opened


def test_a_frame_has_the_last_number_in_its_name(tmp_path: Path) -> None:
    write_frames(tmp_path, "001-nm-01-090-", (12, 3, 101))
    assert [number for number, _ in frame_files(tmp_path)] == [3, 12, 101]
    assert frame_files(tmp_path)[0][1] == tmp_path / "001-nm-01-090-003.png"
    assert counted(tmp_path) == (3, [])


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        (".DS_Store", "hidden or system file"),
        ("._001.png", "hidden or system file"),
        ("Thumbs.db", "hidden or system file"),
        ("notes.txt", "not a numbered image"),
        ("mean.png", "not a numbered image"),
        ("copy", "not a numbered image"),
        ("other-8.jpg", "duplicate frame number"),
    ],
)
def test_other_files_are_rejected_and_not_counted(tmp_path: Path, name: str, reason: str) -> None:
    write_frames(tmp_path, frames=(7, 8))
    (tmp_path / name).write_bytes(b"something")
    assert counted(tmp_path) == (2, [(name, reason)])
    assert [path.name for _, path in frame_files(tmp_path)] == ["007.png", "008.png"]


@pytest.mark.parametrize("suffix", ["png", "jpg", "bmp"])
@pytest.mark.parametrize("share", [0.0, 0.3, 0.95])
def test_a_truncated_image_is_rejected_and_the_others_are_read(
    tmp_path: Path, suffix: str, share: float
) -> None:
    folder = tmp_path / "090"
    write_frames(folder)
    cut = folder / f"010.{suffix}"
    cv2.imwrite(str(cut), np.kron(silhouette(1), np.ones((8, 8), np.uint8)))
    assert read(folder) == ([7, 8, 9, 10], [])
    content = cut.read_bytes()
    cut.write_bytes(content[: int(share * len(content))])
    assert read(folder) == ([7, 8, 9], [(f"090/010.{suffix}", "unreadable image")])


def test_a_broken_link_is_rejected(tmp_path: Path) -> None:
    write_frames(tmp_path / "090", frames=(1,))
    (tmp_path / "090/002.png").symlink_to(tmp_path / "gone.png")
    assert read(tmp_path / "090") == ([1], [("090/002.png", "unreadable image")])


def test_grey_pixels_become_black_or_white(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "1.png"), np.array([[0, 0, 0, 127, 128, 255, 255]], np.uint8))
    image = read_silhouette(tmp_path / "1.png")
    assert image is not None
    assert image.tolist() == [[0, 0, 0, 0, 255, 255, 255]]


@pytest.mark.parametrize("name", ["090.avi", "090.mp4"])
def test_a_silhouette_video_reads_like_a_folder(tmp_path: Path, name: str) -> None:
    write_video(tmp_path / name, frames=12)
    assert counted(tmp_path / name) == (12, [])
    found = dict(read_silhouettes(tmp_path / name, stage="cache", rejects=[]))
    assert list(found) == list(range(1, 13))
    for number, image in found.items():
        assert image.shape == SIZE
        assert (image != silhouette(number)).mean() < 0.02  # the codec blurs edges


@pytest.mark.parametrize("name", ["2026-11-30T12:30.avi", "pipe:0.avi", "walk%02d#1.avi"])
def test_a_video_may_have_any_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    write_video(Path("plain.avi"))
    expected = read(Path("plain.avi"))
    Path("plain.avi").rename(name)
    assert counted(Path(name)) == (12, [])
    assert read(Path(name)) == expected
    assert len(frame_files(Path(name))) == 12
    assert frame_rate(Path(name)) == 25


def test_the_address_of_a_video_frame_reads_the_same_frame(tmp_path: Path) -> None:
    video = tmp_path / "090.avi"
    write_video(video, frames=6)
    addresses = dict(frame_files(video))
    assert addresses[4] == Path(f"{video}#4")
    for number, image in read_silhouettes(video, stage="", rejects=[]):
        alone = read_silhouette(addresses[number])
        assert alone is not None
        assert (alone == image).all()
    assert read_silhouette(Path(f"{video}#7")) is None


def test_a_truncated_video_yields_its_complete_frames_and_a_reject_with_its_end(
    tmp_path: Path,
) -> None:
    video = tmp_path / "090.avi"
    write_video(video, frames=20, size=(160, 192))
    whole = dict(read_colour(video, stage="", rejects=[]))
    video.write_bytes(video.read_bytes()[: video.stat().st_size // 2])
    rejects: list[Reject] = []
    found = dict(read_colour(video, stage="pseudo-label", rejects=rejects))
    assert 1 < len(found) < 15
    assert all((image == whole[number]).all() for number, image in found.items())
    place = f"{video}#{len(found) + 1}"
    assert rejects == [Reject("pseudo-label", place, "truncated video")]


@pytest.mark.parametrize("content", [b"", b"no video"])
def test_an_invalid_video_file_is_rejected(tmp_path: Path, content: bytes) -> None:
    video = tmp_path / "090.avi"
    video.write_bytes(content)
    row = ("090.avi", "unreadable video")
    rejects: list[Reject] = []
    assert count_frames(video, stage="index", rejects=rejects) == 0
    assert reasons(rejects, tmp_path) == [row]
    assert read(video) == ([], [row])
    assert frame_files(video) == []


@pytest.mark.parametrize(
    "write", [write_frames, lambda path: write_video(path.with_suffix(".avi"))]
)
def test_only_the_requested_frames_are_read(
    tmp_path: Path, write: Callable[[Path], None], reads: list[Path]
) -> None:
    write(tmp_path / "090")
    source = next(tmp_path.iterdir())
    rejects: list[Reject] = []
    wanted = {8, 9, 99}
    for reader in (read_silhouettes, read_colour):
        found = reader(source, stage="", rejects=rejects, numbers=wanted)
        assert [number for number, _ in found] == [8, 9]
    assert rejects == []
    assert {path.name for path in reads} <= {"008.png", "009.png"}


def test_images_are_opened_one_at_a_time_as_they_are_consumed(
    tmp_path: Path, reads: list[Path]
) -> None:
    write_frames(tmp_path, frames=tuple(range(1, 18)))
    stream = read_silhouettes(tmp_path, stage="", rejects=[])
    for count in (1, 2, 3):
        next(stream)
        assert len(reads) == count


def test_colour_images_are_rgb_from_folders_and_videos(tmp_path: Path) -> None:
    red = np.zeros((16, 16, 3), dtype=np.uint8)
    red[..., 2] = 255  # OpenCV writes blue, green, red
    cv2.imwrite(str(tmp_path / "1.png"), red)
    codec = cv2.VideoWriter.fourcc(*"MJPG")
    writer = cv2.VideoWriter(str(tmp_path / "v.avi"), codec, 25.0, (16, 16))
    writer.write(red)
    writer.release()
    (tmp_path / "folder").mkdir()
    (tmp_path / "1.png").rename(tmp_path / "folder/1.png")
    for source in (tmp_path / "folder", tmp_path / "v.avi"):
        ((number, image),) = read_colour(source, stage="", rejects=[])
        assert number == 1
        assert np.abs(image[0, 0].astype(int) - [255, 0, 0]).max() < 5
