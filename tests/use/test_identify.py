"""Enrolment and open-set identification, in the interface and by the commands."""

from pathlib import Path

import numpy as np
import pytest

from gaittake.errors import UserError
from gaittake.use.calibration import Calibration
from gaittake.use.gallery import Enrolled, enrol, read_gallery, write_gallery
from gaittake.use.identify import identify, threshold_of
from gaittake.use.model import Model
from tests.use.tiny import command, export, masks, printed, sequence

ONE, AGAIN, OTHER = (
    sequence(*found)
    for found in (("003", "nm-01", "036"), ("003", "nm-02", "036"), ("004", "nm-01", "036"))
)
SHARES = (0.001, 0.01, 0.1, 0.5, 0.9, 0.99, 0.999)


@pytest.fixture
def calibration(model: Model) -> Calibration:
    """The tiny model's calibration, with the different-person distances uniform in 0…1."""
    changes = {"shares": SHARES, "different": SHARES, "same": tuple(s / 4 for s in SHARES)}
    return model.about.calibration.model_copy(update=changes)


@pytest.fixture
def people(model: Model, here: Path) -> list[Enrolled]:
    """Two enrolled people, one with two sequences."""
    clips = (("anna", ONE), ("anna", AGAIN), ("bob", OTHER))
    return [Enrolled(name, str(clip), model.embed(masks(clip))) for name, clip in clips]


@pytest.mark.parametrize(("sequences", "fpir"), [(5, 0.05), (20, 0.1), (50, 0.05)])
def test_the_false_positive_rate_is_at_most_the_one_asked_for(
    calibration: Calibration, sequences: int, fpir: float
) -> None:
    threshold = threshold_of(calibration, sequences=sequences, fpir=fpir)
    searches = np.random.default_rng(0).uniform(0, 1, (20000, sequences)).min(axis=1)
    rate = float((searches <= threshold).mean())
    assert 0.85 * fpir < rate < 1.08 * fpir


def test_a_rate_finer_than_the_calibration_is_refused(calibration: Calibration) -> None:
    with pytest.raises(UserError, match=r"rate of 0\.01 with 20 enrolled.*0\.02 to 1 is required"):
        threshold_of(calibration, sequences=20, fpir=0.01)
    with pytest.raises(UserError, match="to 1 is required"):
        threshold_of(calibration, sequences=20, fpir=1.5)
    assert threshold_of(calibration, sequences=20, fpir=0.02) == pytest.approx(0.001)


def test_the_nearest_enrolled_person_or_nobody_is_named(
    model: Model, people: list[Enrolled]
) -> None:
    found = identify(people[1].embedding, people, model, fpir=0.5)
    assert found.name == "anna"
    assert [item.name for item in found.candidates] == ["anna", "bob"]
    assert found.candidates[0].distance == 0
    assert found.candidates[1].distance == pytest.approx(
        model.distance(people[1].embedding, people[2].embedding), rel=1e-5
    )
    stranger = identify(people[1].embedding + 100, people, model, fpir=0.5)
    assert (stranger.name, stranger.calibrated) == (None, False)
    with pytest.raises(UserError, match="the gallery is empty"):
        identify(people[0].embedding, [], model, fpir=0.5)


def test_the_order_of_the_gallery_changes_nothing(model: Model, people: list[Enrolled]) -> None:
    one, other = (
        identify(people[0].embedding, gallery, model, fpir=0.5)
        for gallery in (people, people[::-1])
    )
    assert one == other


def test_a_gallery_file_keeps_what_was_enrolled(
    model: Model, people: list[Enrolled], tmp_path: Path
) -> None:
    write_gallery(people, model, tmp_path / "g.npz")
    found = read_gallery(tmp_path / "g.npz", model)
    assert [item[:2] for item in found] == [item[:2] for item in people]
    assert all(np.array_equal(a.embedding, b.embedding) for a, b in zip(found, people, strict=True))


def test_a_recording_is_enrolled_once_and_for_one_person(people: list[Enrolled]) -> None:
    again = people[0]._replace(embedding=people[0].embedding + 1)
    found = enrol(people, [again])
    assert len(found) == 3
    assert np.array_equal(found[-1].embedding, again.embedding)
    with pytest.raises(UserError, match="enrolled for anna; a recording shows one person"):
        enrol(people, [people[0]._replace(name="bob")])


def test_a_recording_under_another_name_is_the_same_recording(people: list[Enrolled]) -> None:
    again = people[0]._replace(clip="elsewhere", embedding=people[0].embedding + 5e-5)
    assert [item.clip for item in enrol(people, [again, again])] == [
        *(item.clip for item in people[1:]),
        "elsewhere",
    ]
    with pytest.raises(UserError, match=f"elsewhere: enrolled for anna, as {ONE}; a recording"):
        enrol(people, [again._replace(name="bob")])
    with pytest.raises(UserError, match="enrolled for anna"):
        enrol([], [again, again._replace(name="bob")])


def test_the_command_says_that_a_recording_is_replaced(
    model_file: Path, here: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    gallery = tmp_path / "people.npz"
    options = ("--model", str(model_file), "--gallery", str(gallery))
    command("enrol", "anna", str(ONE), str(AGAIN), *options)
    assert "replaced" not in printed(capsys)
    command("enrol", "anna ", f"{ONE}/", str(ONE.absolute()), *options)
    assert "2 sequences of 1 person (2 replaced" in printed(capsys)
    with pytest.raises(UserError, match=f"enrolled for anna, as {ONE.absolute()}"):
        command("enrol", "bob", f"./{ONE}", *options)


def test_the_commands_enrol_and_identify(
    model_file: Path, here: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    gallery = tmp_path / "people.npz"
    options = ("--model", str(model_file), "--gallery", str(gallery))
    command("enrol", "anna", str(ONE), *options)
    command("enrol", "bob", str(OTHER), *options)
    assert f"{gallery}: 2 sequences of 2 people" in printed(capsys)
    command("identify", str(ONE), *options, "--fpir", "0.1")
    text = printed(capsys)
    assert f"{ONE}: 8 of 8 frames usable" in text
    assert "anna 0 anna" in text
    assert "at most 10 % of searches for people who are not enrolled" in text
    assert "SYNTHETIC" in text
    with pytest.raises(UserError, match=r"0\.002 to 1 is required"):
        command("identify", str(ONE), *options, "--fpir", "0.001")


def test_galleries_that_do_not_fit_are_refused(
    model_file: Path, here: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gallery, embeddings = tmp_path / "people.npz", tmp_path / "embeddings.npz"
    command("enrol", "anna", str(ONE), "--model", str(model_file), "--gallery", str(gallery))
    command("embed", "--model", str(model_file), str(ONE), "--out", str(embeddings))
    gei = export(tmp_path / "gei.safetensors", method="gei")
    monkeypatch.delattr(Model, "embed_frames")
    for model, path, expected in (
        (gei, gallery, "embeddings of model"),
        (model_file, embeddings, "not a file written by `gaittake model enrol`"),
        (model_file, tmp_path / "none.npz", "no such file"),
    ):
        with pytest.raises(UserError, match=expected):
            command("identify", str(ONE), "--model", str(model), "--gallery", str(path))
    for name, path, expected in (("anna", "a.h5", "must end with .npz"), (" ", "a.npz", "empty")):
        with pytest.raises(UserError, match=expected):
            command("enrol", name, str(ONE), "--model", str(model_file), "--gallery", path)
