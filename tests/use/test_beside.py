"""Keypoints beside a sequence: which file, which person, which frames."""

import json
from pathlib import Path

import numpy as np
import pytest

from gaittake.errors import UserError
from gaittake.keypoints import NAMES
from gaittake.settings import Align
from gaittake.silhouette import Image, box
from gaittake.use.beside import KeypointsBeside, keypoints_beside
from gaittake.use.locate import given_keypoints
from gaittake.use.model import load
from gaittake.use.network_input import NetworkInput, network_input
from tests.use.test_network_input import crossing
from tests.use.tiny import command, export, masks, printed, sequence, write_images

FRAMES = 20
BOTH = ("003", "nm-01", "036"), ("004", "nm-02", "090")


def keypoints_of(figures: list[Image]) -> np.ndarray:
    """Returns `[s, 17, 3]` of confidence 0.9: joints in the boxes of the masks' figures."""
    rng = np.random.default_rng(0)
    found = np.full((len(figures), len(NAMES), 3), 0.9, np.float32)
    for mask, rows in zip(figures, found, strict=True):
        x1, y1, x2, y2 = box(mask) or (0, 0, 0, 0)
        corners = (x1 + 3, y1 + 4), (x2 - 3, y2 - 2)
        rows[:, :2] = [*corners, *rng.uniform(*corners, size=(len(NAMES) - 2, 2))]
    return found


def write_results(path: Path, people: list[tuple[str, np.ndarray]]) -> Path:
    """Writes COCO keypoint results: the name of the image and `[17, 3]` of each person."""
    path.write_text(
        json.dumps(
            [
                {"image_id": image, "keypoints": rows.ravel().tolist(), "score": 0.8}
                for image, rows in people
            ]
        )
    )
    return path


def network_input_of(file: Path, figures: list[Image], *, first: int = 1) -> NetworkInput:
    given = KeypointsBeside(file, "anna")
    watched = given.watch(enumerate(figures, first))
    return network_input(watched, settings=Align(), locate=given.locate, name="anna")


@pytest.mark.parametrize("step", [-2, 2])  # to the left; to the right: mirrored
@pytest.mark.parametrize("counts_from", [0, 1, 2])
def test_the_person_at_the_mask_is_taken_wherever_the_program_starts_to_count(
    tmp_path: Path, step: int, counts_from: int
) -> None:
    figures = crossing(FRAMES, step=step)
    keypoints = keypoints_of(figures)
    bystander = keypoints[0] * (0.2, 0.2, 1)
    people = [
        (f"anna/{number:03d}.jpg", rows)
        for number, own in enumerate(keypoints, counts_from)
        for rows in (bystander, own)
    ]
    found = network_input_of(write_results(tmp_path / "anna.json", people), figures)
    locate = given_keypoints(keypoints, FRAMES)
    expected = network_input(figures, settings=Align(), locate=locate, name="anna")
    assert found.dropped == expected.dropped
    assert found.mirrored == expected.mirrored
    assert bool(found.mirrored) == (step > 0)
    np.testing.assert_array_equal(found.keypoints, expected.keypoints)


def test_short_gaps_are_interpolated_and_frames_of_longer_ones_dropped(tmp_path: Path) -> None:
    figures = crossing(FRAMES)
    keypoints = keypoints_of(figures)
    keypoints[3] = (keypoints[2] + keypoints[4]) / 2  # what is interpolated below
    seen = [place for place in range(FRAMES) if place != 3 and not 8 <= place < 14]
    people = [(f"{place + 1}.jpg", keypoints[place]) for place in seen]
    found = network_input_of(write_results(tmp_path / "anna.json", people), figures)
    assert found.dropped == {"without keypoints": 6}
    kept = [place for place in range(FRAMES) if not 8 <= place < 14]
    locate = given_keypoints(keypoints[kept], len(kept))
    whole = [figures[place] for place in kept]
    expected = network_input(whole, settings=Align(), locate=locate, name="anna")
    np.testing.assert_allclose(found.keypoints, expected.keypoints, atol=1e-5)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (
            "scaled",
            r"anna.json: a person at the mask in 0 of 20 frames of anna: frame 11 has keyp",
        ),
        ("numbers", r"in 0 of 20 frames of anna, whose frames are not 501 to 520; keypoints of th"),
        ("unnamed", r"image 'frame.jpg': no number of a frame; a name like 012.jpg is required"),
        ("unknown", r"anna.json: no person with keypoints; those of anna are required"),
        ("several", r"images of several folders, such as a/1.jpg and b/2.jpg; a file of anna alo"),
    ],
)
def test_keypoints_of_something_else_are_refused(
    tmp_path: Path, change: str, expected: str
) -> None:
    figures = crossing(FRAMES)
    keypoints = keypoints_of(figures)
    names = [f"{number}.jpg" for number in range(1, FRAMES + 1)]
    if change == "scaled":
        keypoints[..., :2] *= 4
    elif change == "numbers":
        names = [f"{number}.jpg" for number in range(501, 501 + FRAMES)]
    elif change == "unnamed":
        names = ["frame.jpg"] * FRAMES
    elif change == "unknown":
        keypoints[..., 2] = 0
    else:
        names = [f"{'ba'[number % 2]}/{number}.jpg" for number in range(1, FRAMES + 1)]
    file = write_results(tmp_path / "anna.json", list(zip(names, keypoints, strict=True)))
    with pytest.raises(UserError, match=expected):
        network_input_of(file, figures)


@pytest.mark.parametrize("sequence", ["anna", "anna.mp4", "anna/"])
def test_the_file_beside_a_sequence_has_its_name(tmp_path: Path, sequence: str) -> None:
    path = tmp_path / sequence
    with pytest.raises(
        UserError, match=r"requires keypoints .* beside the sequence, as anna\.json or anna\.csv "
    ):
        keypoints_beside(path)
    file = tmp_path / "anna.csv"
    file.touch()
    assert keypoints_beside(path) == file
    (tmp_path / "anna.json").touch()
    with pytest.raises(UserError, match=r"keypoints in anna\.json and anna\.csv; remove one"):
        keypoints_beside(path)


def test_a_sequence_with_a_dot_in_its_name_keeps_it(tmp_path: Path) -> None:
    (tmp_path / "2026.05.01.json").touch()
    assert keypoints_beside(tmp_path / "2026.05.01").name == "2026.05.01.json"


def test_a_model_without_a_student_reads_the_file_beside_the_sequence(
    here: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = Path("results/walkers/gaittake")
    files = ("--weights", str(folder / "weights.safetensors"))
    files += ("--metrics", str(folder / "metrics.json"))
    model = export(tmp_path / "truth.safetensors", *files, method="truth")
    people = [write_images(masks(sequence(*each)), tmp_path / each[0]) for each in BOTH]
    compared = ("compare", *map(str, people), "--model", str(model))
    with pytest.raises(UserError, match=r"003: the model requires keypoints .* 003.json or 003.c"):
        command(*compared)
    given = [keypoints_of(list(masks(sequence(*each)))) for each in BOTH]
    for each, keypoints in zip(people, given, strict=True):
        named = [(f"{number}.png", rows) for number, rows in enumerate(keypoints, 1)]
        write_results(each.with_name(f"{each.name}.json"), named)
    capsys.readouterr()
    command(*compared)
    loaded = load(model)
    one, other = (
        loaded.embed(masks(sequence(*each)), keypoints)
        for each, keypoints in zip(BOTH, given, strict=True)
    )
    assert f"distance {loaded.distance(one, other):.4g}" in printed(capsys)
