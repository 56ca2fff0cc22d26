"""Of a damaged file everything that can be read is read, with its right number."""

import struct
from pathlib import Path

import cv2
import numpy as np
import pytest

from gaittake.io import video as video_module
from gaittake.io.complete import is_cut_off, is_whole_jpeg
from gaittake.io.frames import count_frames, frame_files, read_colour, read_silhouettes
from gaittake.sequence import Reject
from tests.io.figures import person, png

FRAMES = 30


def jpeg(image: np.ndarray, *flags: int) -> bytes:
    return cv2.imencode(".jpg", image, list(flags))[1].tobytes()


def frame(number: int) -> np.ndarray:
    """Returns a frame of 240 × 320 whose upper border tells its number."""
    image = np.repeat(person(number, size=(240, 320))[..., None], 3, 2)
    image[:8] = 0
    image[:8, : 8 * number] = 255
    return image


def number_in(image: np.ndarray) -> int:
    return round(float((image[3, :, 0] > 127).sum()) / 8)


def video(path: Path, codec: str = "MJPG", frames: int = FRAMES) -> Path:
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*codec), 25.0, (320, 240))
    for number in range(1, frames + 1):
        writer.write(frame(number))
    writer.release()
    return path


def damage(path: Path, *numbers: int) -> Path:
    """Fills these frames of a Motion-JPEG video with zeros."""
    data = bytearray(path.read_bytes())
    at = data.index(b"movi")
    for number in range(1, FRAMES + 1):
        at = data.index(b"00dc", at + 4)
        if number in numbers:
            size = struct.unpack_from("<I", data, at + 4)[0]
            data[at + 8 : at + 8 + size] = bytes(size)
    path.write_bytes(data)
    return path


def count_as(path: Path, frames: int) -> Path:
    """Writes another number of frames into the header of an AVI."""
    data = bytearray(path.read_bytes())
    struct.pack_into("<I", data, data.index(b"strh") + 40, frames)
    struct.pack_into("<I", data, data.index(b"avih") + 24, frames)
    path.write_bytes(data)
    return path


def read(path: Path) -> tuple[list[int], list[tuple[str, str]]]:
    """Returns the frames' numbers, each of which its picture confirms, and the rejects."""
    rejects: list[Reject] = []
    found = []
    for number, image in read_colour(path, stage="test", rejects=rejects):
        assert number_in(image) == number
        found.append(number)
    return found, [(row.path.replace(str(path), ""), row.reason) for row in rejects]


@pytest.mark.parametrize("numbers", [(12,), (12, 13, 14), (2, 29), (30,), (28, 29, 30)])
def test_damaged_frames_of_a_video_cost_themselves_alone(
    tmp_path: Path, numbers: tuple[int, ...]
) -> None:
    found, rejects = read(damage(video(tmp_path / "v.avi"), *numbers))
    assert found == [number for number in range(1, FRAMES + 1) if number not in numbers]
    if FRAMES not in numbers:
        assert rejects == [(f"#{number}", "unreadable frame of a video") for number in numbers]


def test_a_damaged_frame_that_is_not_wanted_is_no_row(tmp_path: Path) -> None:
    path = damage(video(tmp_path / "v.avi"), 12)
    rejects: list[Reject] = []
    for reader in (read_colour, read_silhouettes):
        found = [n for n, _ in reader(path, stage="", rejects=rejects, numbers={11, 13, 20})]
        assert found == [11, 13, 20]
    assert rejects == []


@pytest.mark.parametrize("said", [FRAMES + 1, FRAMES + 2, 2 * FRAMES])
def test_a_header_that_counts_too_many_frames_costs_none(tmp_path: Path, said: int) -> None:
    found, rejects = read(count_as(video(tmp_path / "v.avi"), said))
    assert found == list(range(1, FRAMES + 1))
    few = [(f"#{FRAMES + 1}", "video with fewer frames than its header counts")]
    assert rejects == ([] if said == FRAMES + 1 else few)


@pytest.mark.parametrize(("name", "codec"), [("v.avi", "MJPG"), ("v.mp4", "mp4v")])
def test_a_whole_video_is_read_whole(tmp_path: Path, name: str, codec: str) -> None:
    path = video(tmp_path / name, codec)
    assert read(path) == (list(range(1, FRAMES + 1)), [])
    assert not is_cut_off(path)
    assert len(frame_files(path)) == FRAMES


def test_a_video_is_decoded_up_to_the_last_frame_that_is_wanted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, steps = video(tmp_path / "v.avi"), []
    original = video_module._next

    def spy(capture: cv2.VideoCapture, number: int, expected: int) -> int:
        steps.append(number)
        return original(capture, number, expected)

    monkeypatch.setattr(video_module, "_next", spy)
    found = [n for n, _ in read_colour(path, stage="", rejects=[], numbers={2, 5})]
    assert found == [2, 5]
    assert len(steps) == 6  # one more, to know that frame 5 is not where the file was cut off
    assert list(read_colour(path, stage="", rejects=[], numbers=set())) == []


def test_only_what_its_own_lengths_prove_is_called_truncated(tmp_path: Path) -> None:
    path = video(tmp_path / "v.avi")
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    assert is_cut_off(path)
    found, rejects = read(path)
    assert found == list(range(1, len(found) + 1))
    assert rejects == [(f"#{len(found) + 1}", "truncated video")]


def test_a_video_whose_codec_is_missing_is_refused_when_it_is_counted(tmp_path: Path) -> None:
    path = video(tmp_path / "v.avi")
    path.write_bytes(path.read_bytes().replace(b"MJPG", b"AV99"))
    rejects: list[Reject] = []
    assert count_frames(path, stage="index", rejects=rejects) == 0
    assert rejects == [Reject("index", str(path), "unreadable video")]
    assert frame_files(path) == []


def test_bytes_behind_the_end_of_a_jpeg_do_no_harm(tmp_path: Path) -> None:
    for number, tail in enumerate((b"\0" * 200, b"\0" * 100_000, jpeg(frame(3)), b"ftypmp4"), 1):
        (tmp_path / f"{number}.jpg").write_bytes(jpeg(frame(number)) + tail)
    assert read(tmp_path) == ([1, 2, 3, 4], [])


@pytest.mark.parametrize("flags", [(), (cv2.IMWRITE_JPEG_PROGRESSIVE, 1),
                                   (cv2.IMWRITE_JPEG_RST_INTERVAL, 4)])  # fmt: skip
def test_a_jpeg_is_whole_with_its_end_and_not_without(flags: tuple[int, ...]) -> None:
    content = jpeg(frame(9), *flags)
    assert is_whole_jpeg(content)
    for share in (0.1, 0.5, 0.9):
        assert not is_whole_jpeg(content[: int(share * len(content))])
    assert not is_whole_jpeg(content[:-2])


def test_the_end_of_a_thumbnail_is_not_that_of_the_jpeg() -> None:
    content = jpeg(frame(9))
    thumbnail = b"Exif\0\0" + jpeg(frame(9)[::8, ::8])
    segment = b"\xff\xe1" + struct.pack(">H", len(thumbnail) + 2) + thumbnail
    with_thumbnail = content[:2] + segment + content[2:]
    assert is_whole_jpeg(with_thumbnail)
    assert not is_whole_jpeg(with_thumbnail[: len(with_thumbnail) // 2 + len(segment) // 2])


@pytest.mark.parametrize("suffix", [".jpg", ".png"])
def test_a_header_of_an_impossible_size_costs_its_frame_alone(tmp_path: Path, suffix: str) -> None:
    for number in (1, 2, 3):
        cv2.imwrite(str(tmp_path / f"{number}{suffix}"), frame(number))
    path = tmp_path / f"2{suffix}"
    data = bytearray(path.read_bytes())
    if suffix == ".jpg":
        struct.pack_into(">HH", data, bytes(data).index(b"\xff\xc0") + 5, 65000, 65000)
    else:
        struct.pack_into(">II", data, 16, 2_000_000_000, 2_000_000_000)
    path.write_bytes(data)
    assert read(tmp_path) == ([1, 3], [(f"/2{suffix}", "unreadable image")])
    rejects: list[Reject] = []
    assert [n for n, _ in read_silhouettes(tmp_path, stage="", rejects=rejects)] == [1, 3]


def test_an_image_that_is_a_link_in_a_loop_costs_its_frame_alone(tmp_path: Path) -> None:
    for number in (1, 3):
        png(tmp_path / f"{number}.png", frame(number))
    (tmp_path / "2.png").symlink_to("2.png")
    assert read(tmp_path) == ([1, 3], [("/2.png", "unreadable image")])


def test_frames_named_by_time_are_in_its_order(tmp_path: Path) -> None:
    begin = 1_597_314_245_123_000_000  # nanoseconds
    for number in (3, 1, 2):
        png(tmp_path / f"{begin + 40_000_000 * number}.png", frame(number))
    png(tmp_path / "20240131121530123456789.png", frame(4))
    rejects: list[Reject] = []
    assert count_frames(tmp_path, stage="index", rejects=rejects) == 3
    assert [row.reason for row in rejects] == ["frame number of too many digits"]
    found = list(read_colour(tmp_path, stage="", rejects=[]))
    assert [number_in(image) for _, image in found] == [1, 2, 3]
    assert [number - begin for number, _ in found] == [40_000_000 * n for n in (1, 2, 3)]


def test_an_image_turned_by_its_header_is_turned_for_masks_and_colour_alike(tmp_path: Path) -> None:
    exif = b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0"  # a quarter
    content = jpeg(frame(5))
    segment = b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif
    (tmp_path / "5.jpg").write_bytes(content[:2] + segment + content[2:])
    ((_, colour),) = read_colour(tmp_path, stage="", rejects=[])
    ((_, mask),) = read_silhouettes(tmp_path, stage="", rejects=[])
    assert colour.shape == (320, 240, 3)
    assert mask.shape == (320, 240)


def test_an_animation_is_no_frame(tmp_path: Path) -> None:
    if not cv2.haveImageWriter("x.gif"):
        pytest.skip("this OpenCV writes no GIF")
    frames = [frame(number) for number in (1, 2, 3)]
    cv2.imwritemulti(str(tmp_path / "1.tif"), frames)
    cv2.imwrite(str(tmp_path / "2.tif"), frame(2))
    assert read(tmp_path) == ([2], [("/1.tif", "file of several images")])
