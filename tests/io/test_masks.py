"""Masks are read right in whatever form they are stored, or refused with the cause."""

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from gaittake.io.frames import count_frames, judge_masks, read_colour, read_silhouettes
from gaittake.io.masks import STANDARD, USUAL, Rule, judge, parse_rule, person_of
from gaittake.sequence import Reject
from tests.io import figures
from tests.io.figures import Image, Write, cropped, person, png

VOC = [(0, 0, 0), (128, 0, 0), (0, 128, 0)]
PHOTO = "photograph in the place of a mask"
EXCHANGED = "mask and background exchanged"
LEVELS = "mask with more than two levels"
FAINT = "mask without contrast"


def sequence(
    folder: Path,
    write: Write,
    *,
    suffix: str = ".png",
    draw: Callable[[int], Image] = person,
    empty: int = 0,
) -> Path:
    """Writes twelve frames, of which the first ones show nobody."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(1, 13):
        mask = draw(number)
        write(folder / f"{number:03d}{suffix}", mask * 0 if number <= empty else mask)
    return folder


def shapes(source: Path, masks: str = "auto") -> tuple[dict[int, Image], list[Reject]]:
    """Returns the silhouettes as the index lets the stages read them, and what is refused."""
    verdict = judge_masks(source, masks)
    assert verdict.fault is None, verdict.fault
    rejects: list[Reject] = []
    rule = str(verdict.rule or USUAL[masks])
    found = dict(read_silhouettes(source, stage="cache", rejects=rejects, masks=rule))
    return found, rejects


READ: dict[str, Write] = {
    "0 and 255": png,
    "0 and 1": lambda p, m: png(p, m // 255),
    "0 and 200": lambda p, m: png(p, np.where(m, 200, 0).astype(np.uint8)),
    "100 and 200": lambda p, m: png(p, np.where(m, 200, 100).astype(np.uint8)),
    "one label of 7": lambda p, m: png(p, m // 255 * 7),
    "16 bits, 0 and 1": lambda p, m: png(p, (m // 255).astype(np.uint16)),
    "16 bits, 0 and 255": lambda p, m: png(p, m.astype(np.uint16)),
    "16 bits, 0 and 65535": lambda p, m: png(p, m.astype(np.uint16) * 257),
    "one bit": figures.bit_png,
    "palette, dark red": lambda p, m: figures.palette_png(p, m // 255, VOC),
    "palette, 0 and 1 as grey": lambda p, m: figures.palette_png(
        p, m // 255, [(0, 0, 0), (1, 1, 1)]
    ),
    "RGB": lambda p, m: png(p, np.repeat(m[..., None], 3, 2)),
    "red figure": lambda p, m: png(p, figures.painted(m, (0, 0, 255), (0, 0, 0))),
    "navy figure": lambda p, m: png(p, figures.painted(m, (128, 0, 0), (0, 0, 0))),
    "green figure on blue": lambda p, m: png(p, figures.painted(m, (0, 255, 0), (255, 0, 0))),
    "opaque": lambda p, m: png(p, figures.rgba(m, figures.white(m))),
    "alpha, white": lambda p, m: png(p, figures.rgba(figures.white(m), m)),
    "alpha, black": lambda p, m: png(p, figures.rgba(m * 0, m)),
    "alpha, photograph": lambda p, m: png(p, figures.rgba(figures.photo(m), m)),
    "alpha, cut-out on black": lambda p, m: png(p, figures.rgba(figures.clothes(m), m)),
    "alpha and mask alike": lambda p, m: png(p, figures.rgba(m, m)),
    "alpha, soft": lambda p, m: png(p, figures.rgba(figures.white(m), figures.soft(m))),
}


@pytest.mark.parametrize("kind", READ)
def test_a_mask_is_read_in_whatever_form_it_is_stored(tmp_path: Path, kind: str) -> None:
    found, rejects = shapes(sequence(tmp_path, READ[kind]))
    assert rejects == []
    assert list(found) == list(range(1, 13))
    for number, image in found.items():
        if kind == "alpha, soft":
            assert (image != person(number)).mean() < 0.01
        else:
            assert (image == person(number)).all()


@pytest.mark.parametrize("suffix", [".png", ".bmp", ".tif", ".TIFF", ".webp", ".jpg", ".JPEG"])
def test_every_image_format_is_read(tmp_path: Path, suffix: str) -> None:
    found, rejects = shapes(sequence(tmp_path, png, suffix=suffix))
    assert rejects == []
    assert len(found) == 12
    assert all((image != person(number)).mean() < 0.01 for number, image in found.items())


@pytest.mark.parametrize(
    "change",
    [
        lambda m: figures.soft(m),
        lambda m: figures.painted(figures.soft(m) // 255 * 255, (0, 0, 200), (0, 0, 0)),
        lambda m: figures.edged(m, inner=255, edge=128),
        lambda m: np.where(m, 250, 3).astype(np.uint8),
    ],
    ids=["blurred", "dark red", "128 at the edge", "3 and 250"],
)
@pytest.mark.parametrize("suffix", [".png", ".jpg"])
def test_edges_and_compression_change_hardly_a_pixel(
    tmp_path: Path, change: Callable[[Image], Image], suffix: str
) -> None:
    found, rejects = shapes(sequence(tmp_path, lambda p, m: png(p, change(m)), suffix=suffix))
    assert rejects == []
    for number, image in found.items():
        assert (image != person(number)).mean() < 0.035


@pytest.mark.parametrize("codec", ["MJPG", "mp4v", "XVID"])
def test_masks_as_videos_are_read(tmp_path: Path, codec: str) -> None:
    video = tmp_path / ("090.mp4" if codec == "mp4v" else "090.avi")
    writer = cv2.VideoWriter(str(video), cv2.VideoWriter.fourcc(*codec), 25.0, (160, 120))
    for number in range(1, 21):
        mask = person(number) * (number > 8)  # nobody at first
        writer.write(np.repeat(mask[..., None], 3, 2))
    writer.release()
    found, rejects = shapes(video)
    assert rejects == []
    for number, image in found.items():
        assert (image != person(number) * (number > 8)).mean() < 0.02


REFUSED: dict[str, tuple[Write, str]] = {
    "inverted": (lambda p, m: png(p, 255 - m), EXCHANGED),
    "inverted, 0 and 1": (lambda p, m: png(p, 1 - m // 255), EXCHANGED),
    "inverted, one bit": (lambda p, m: figures.bit_png(p, 255 - m), EXCHANGED),
    "inverted, blurred": (lambda p, m: png(p, 255 - figures.soft(m)), EXCHANGED),
    "inverted within a border": (lambda p, m: png(p, figures.bordered(m)), EXCHANGED),
    "inverted within a thin border": (lambda p, m: png(p, figures.bordered(m, 1)), EXCHANGED),
    "black on a wall": (
        lambda p, m: png(p, figures.painted(m, (0, 0, 0), (200, 180, 255))),
        EXCHANGED,
    ),
    "inverted alpha": (
        lambda p, m: png(p, figures.rgba(figures.white(m), 255 - m)),
        EXCHANGED,
    ),
    "photographs": (lambda p, m: png(p, figures.photo(m)), PHOTO),
    "grey photographs": (
        lambda p, m: png(p, np.asarray(cv2.cvtColor(figures.photo(m), cv2.COLOR_BGR2GRAY))),
        PHOTO,
    ),
    "cut-outs on black": (lambda p, m: png(p, figures.clothes(m)), PHOTO),
    "two people": (lambda p, m: png(p, figures.people(m)), FAINT),
    "two people, palette": (lambda p, m: figures.palette_png(p, figures.people(m), VOC), LEVELS),
    "two people, 100 and 200": (lambda p, m: png(p, 100 * figures.people(m)), LEVELS),
    "VOC with its border": (lambda p, m: png(p, figures.edged(m, inner=15, edge=255)), LEVELS),
    "index 1, border 255": (lambda p, m: png(p, figures.edged(m, inner=1, edge=255)), LEVELS),
    "half 128": (
        lambda p, m: png(p, np.where(np.arange(len(m))[:, None] < 50, m // 2 + 1, m) * (m > 0)),
        LEVELS,
    ),
    "another mask in alpha": (
        lambda p, m: png(p, figures.rgba(m, np.roll(m, 40, axis=1))),
        "alpha channel and colours show two masks",
    ),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_what_is_no_mask_or_stands_the_wrong_way_is_refused(tmp_path: Path, kind: str) -> None:
    write, reason = REFUSED[kind]
    verdict = judge_masks(sequence(tmp_path, write))
    assert verdict.fault is not None
    assert verdict.fault.reason == reason
    assert "set source" in verdict.fault.advice(masks="set source.masks:", colours="set source")


def test_compressed_masks_of_0_and_1_are_not_taken_for_masks(tmp_path: Path) -> None:
    source = sequence(tmp_path, lambda p, m: png(p, m // 255 * 2), suffix=".jpg")
    verdict = judge_masks(source)
    assert verdict.rule is None  # all of one level, or without contrast


@pytest.mark.parametrize(
    ("masks", "kind"),
    [
        ("dark", "inverted"),
        ("dark", "inverted, 0 and 1"),
        ("dark", "inverted, one bit"),
        ("nonzero", "cut-outs on black"),
        ("nonzero", "index 1, border 255"),
        ("bright", "half 128"),
        ("alpha", "another mask in alpha"),
        ("bright", "another mask in alpha"),
    ],
)
def test_the_setting_that_the_refusal_names_reads_the_person(
    tmp_path: Path, masks: str, kind: str
) -> None:
    found, rejects = shapes(sequence(tmp_path, REFUSED[kind][0]), masks)
    assert rejects == []
    for number, image in found.items():
        mask = person(number)
        wanted = np.roll(mask, 40, axis=1) if masks == "alpha" else mask
        if kind == "index 1, border 255":  # the border lies outside, too
            wanted = cv2.dilate(mask, np.ones((3, 3), np.uint8))
        assert (image == wanted).all()


def test_a_figure_that_fills_most_of_the_frame_is_read(tmp_path: Path) -> None:
    def broad(step: int) -> Image:
        image = cropped(step)
        cv2.ellipse(image, (32, 32), (30, 33), 0, 0, 360, 255, -1)
        return image

    assert broad(3).mean() > 0.7 * 255
    for name, draw in (("broad", broad), ("slim", cropped)):
        source = sequence(tmp_path / name, png, draw=draw)
        assert shapes(source)[0].keys() == set(range(1, 13))
        assert judge_masks(
            sequence(tmp_path / f"{name} dark", lambda p, m: png(p, 255 - m), draw=draw)
        ).fault


def test_a_person_who_enters_at_the_border_is_read(tmp_path: Path) -> None:
    def near(step: int) -> Image:
        image = np.zeros((120, 160), np.uint8)
        image[:, : 10 * step] = person(step, size=(480, 640))[120:240, 200 : 200 + 10 * step]
        image[20:, : 5 * step] = 255
        return image

    assert shapes(sequence(tmp_path, png, draw=near))[0].keys() == set(range(1, 13))


def test_empty_frames_before_the_person_decide_nothing(tmp_path: Path) -> None:
    found, rejects = shapes(sequence(tmp_path / "a", READ["0 and 1"], empty=10))
    assert rejects == []
    assert [number for number, image in found.items() if image.any()] == [11, 12]
    assert judge_masks(sequence(tmp_path / "b", png, empty=12)) == (None, None)


def test_a_frame_that_is_white_all_over_is_refused_alone(tmp_path: Path) -> None:
    source = sequence(tmp_path, png)
    png(source / "003.png", np.full((120, 160), 255, np.uint8))
    found, rejects = shapes(source)
    assert 3 not in found
    assert rejects == [Reject("cache", f"{source}#3", "mask fills the whole frame")]


def test_a_photograph_among_masks_is_refused_alone(tmp_path: Path) -> None:
    source = sequence(tmp_path, png)
    png(source / "005.png", figures.photo(person(5)))
    found, rejects = shapes(source)
    assert len(found) == 11
    assert [(row.path, row.reason) for row in rejects] == [(f"{source}#5", PHOTO)]


def test_an_inverted_frame_among_masks_is_refused_alone(tmp_path: Path) -> None:
    source = sequence(tmp_path, png)
    png(source / "005.png", 255 - person(5))
    found, rejects = shapes(source)
    assert len(found) == 11
    assert [(row.path, row.reason) for row in rejects] == [(f"{source}#5", EXCHANGED)]


def test_alpha_is_asked_for_and_there_is_none(tmp_path: Path) -> None:
    fault = judge_masks(sequence(tmp_path, png), "alpha").fault
    assert fault is not None
    assert fault.reason == "mask without alpha channel"


def test_an_image_without_alpha_among_cut_outs_is_refused_alone(tmp_path: Path) -> None:
    source = sequence(tmp_path, READ["alpha, white"])
    png(source / "002.png", person(2))
    found, rejects = shapes(source)
    assert 2 not in found
    assert [row.reason for row in rejects] == ["mask without alpha channel"]


@pytest.mark.parametrize(
    ("mask", "colour"), [(".png", ".jpg"), (".jpg", ".png"), ("_.png", ".png"), (".png", "_.png")]
)
@pytest.mark.parametrize("empty", [0, 9])
def test_a_mask_beside_a_photograph_is_the_mask_and_for_colour_the_photograph(
    tmp_path: Path, mask: str, colour: str, empty: int
) -> None:
    def name(number: int, kind: str) -> Path:
        return tmp_path / f"{'seg' if kind[0] == '_' else ''}{number:03d}{kind.lstrip('_')}"

    for number in range(1, 13):
        image = person(number) * (number > empty)
        png(name(number, mask), image)
        png(name(number, colour), figures.photo(image))
    rejects: list[Reject] = []
    assert count_frames(tmp_path, stage="index", rejects=rejects) == 12
    assert {row.path for row in rejects} == {str(name(n, colour)) for n in range(1, 13)}
    assert {row.reason for row in rejects} == {"duplicate frame number"}
    found, none = shapes(tmp_path)
    assert none == []
    for number, image in found.items():
        assert (image != person(number) * (number > empty)).mean() < 0.01
    for number, image in read_colour(tmp_path, stage="", rejects=[]):
        wanted = figures.photo(person(number) * (number > empty))[..., ::-1]
        assert np.abs(image.astype(int) - wanted).mean() < 10


def test_a_rule_survives_its_text() -> None:
    for rule in (STANDARD, *USUAL.values(), Rule("alpha", above=False, cut=0.5)):
        assert parse_rule(str(rule)) == rule
    with pytest.raises(ValueError, match="found 'red>3'"):
        parse_rule("red>3")


def test_a_rule_and_its_opposite_part_the_image() -> None:
    image = np.arange(256, dtype=np.uint8)[None]
    both = [person_of(image, Rule("grey", above=above, cut=99)) for above in (True, False)]
    assert (both[0] + both[1] == 255).all()
    assert int((both[0] > 0).sum()) == 156


def test_what_is_judged_does_not_depend_on_the_order_of_frames() -> None:
    images = [person(step) for step in (3, 9, 6)]
    assert judge(images) == judge(images[::-1]) == (STANDARD, None)
