"""A loaded model computes what the pipeline computes, and checks its input."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torchvision.models.detection import KeypointRCNN

import gaittake
from gaittake.errors import UserError
from gaittake.evaluation.distance import distances
from gaittake.io.ragged import open_ragged
from gaittake.pose import predict
from gaittake.pose.locate import Detections, detect_candidates
from gaittake.use.describe import short_sequence
from gaittake.use.gallery import Enrolled
from gaittake.use.identify import identify
from gaittake.use.model import Model, load
from tests.use.tiny import export, film, masks, sequence

SEQUENCE = ("003", "nm-01", "036")


def test_embeddings_equal_those_of_the_pipeline(model: Model, here: Path) -> None:
    stored = Path("results/walkers/gaittake/embeddings.h5")
    with open_ragged(stored, kind="embeddings") as opened:
        embeddings, table = opened.read("embeddings"), opened.sequences
    assert len(table) == 8
    for row, entry in zip(embeddings, table.to_dict("records"), strict=True):
        folder = sequence(entry["subject"], entry["type"], entry["view"])
        found = model.embed(masks(folder))
        assert found.dtype == np.float32
        assert np.abs(found - row).max() < 1e-4
    assert np.abs(embeddings[0] - embeddings[1]).max() > 1e-2


def test_distances_equal_those_of_the_evaluation(model: Model, here: Path) -> None:
    stored = Path("results/walkers/gaittake/embeddings.h5")
    with open_ragged(stored, kind="embeddings") as opened:
        embeddings = opened.read("embeddings")
    matrix = distances(embeddings, embeddings)
    assert model.distance(embeddings[0], embeddings[3]) == pytest.approx(matrix[0, 3])
    assert model.distance(embeddings[2], embeddings[2]) == 0


def test_passing_the_students_keypoints_changes_nothing(model: Model, here: Path) -> None:
    with open_ragged(Path("results/walkers/pose/keypoints/test-000.h5"), kind="keypoints") as file:
        first = file.sequences.iloc[0]
        keypoints = file.read("keypoints", int(first["first_frame"]), int(first["frame_count"]))
    silhouettes = masks(sequence(first["subject"], first["type"], first["view"]))
    found = model.embed(silhouettes, keypoints)
    assert np.abs(found - model.embed(silhouettes)).max() < 1e-4
    moved = model.embed(silhouettes, keypoints + np.float32([20, 0, 0]))
    assert np.abs(found - moved).max() > 1e-4


def test_without_a_detection_the_student_uses_the_silhouettes_box_as_in_the_pipeline(
    here: Path,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    nobody = Detections(torch.zeros(0, 4), torch.zeros(0), torch.zeros(0, 17, 3))

    def every_second(
        model: KeypointRCNN, images: list[torch.Tensor]
    ) -> list[tuple[Detections, torch.Tensor]]:
        found = detect_candidates(model, images)
        return [
            one if place % 2 else (nobody, torch.zeros(0, 17, 3, 3))
            for place, one in enumerate(found)
        ]

    monkeypatch.setattr(predict, "detect_candidates", every_second)
    found = load(export(tmp_path / "detected.safetensors", "--set", "pose.boxes=detected"))
    assert found.about.predict is not None
    predict.predict_keypoints(
        found.about.predict,
        index=Path("results/walkers/index/test-000.csv"),
        student=Path("results/walkers/pose/student.pt"),
        out=tmp_path / "keypoints.h5",
        rejects=tmp_path / "rejects.csv",
        device=torch.device("cpu"),
    )
    with open_ragged(tmp_path / "keypoints.h5", kind="keypoints") as file:
        keypoints = file.read("keypoints", 0, 8)
    silhouettes = masks(sequence(*SEQUENCE))
    assert np.abs(found.embed(silhouettes) - found.embed(silhouettes, keypoints)).max() < 1e-4
    assert "silhouettes: 4 frames, no detection" in caplog.text


def test_frames_without_a_person_are_dropped_and_counted(
    model: Model, here: Path, caplog: pytest.LogCaptureFixture
) -> None:
    silhouettes = masks(sequence(*SEQUENCE))
    empty = np.zeros_like(silhouettes[:1])
    keypoints = np.random.default_rng(0).uniform(0, 99, (len(silhouettes), 17, 3))
    found = model.embed_frames(np.concatenate([empty, silhouettes, empty]), name="anna")
    assert (found.frames, found.dropped) == (8, {"without a person": 2})
    assert np.abs(found.embedding - model.embed(silhouettes)).max() < 1e-4
    # Keypoints of dropped frames are dropped too.
    padded = np.concatenate([keypoints[:1] + 50, keypoints, keypoints[:1]])
    with_empty = model.embed(np.concatenate([empty, silhouettes, empty]), padded)
    assert "silhouettes: 8 of 10 frames usable (2 without a person)" in caplog.text
    assert np.array_equal(with_empty, model.embed(silhouettes, keypoints))


def test_a_person_who_crosses_the_picture_embeds_as_in_a_mirror(
    model: Model, caplog: pytest.LogCaptureFixture
) -> None:
    silhouettes = film(across=1.6)[0].clean
    turned = np.ascontiguousarray(silhouettes[..., ::-1])
    assert np.array_equal(model.embed(silhouettes), model.embed(turned))
    # On the spot there is no direction, and the mirror image is another sequence.
    standing = film(across=0.0)[0].clean
    one, other = (model.embed(each) for each in (standing, standing[..., ::-1]))
    assert np.abs(one - other).max() > 1e-2


def test_a_person_who_stands_gives_a_warning(
    model: Model, caplog: pytest.LogCaptureFixture
) -> None:
    standing = np.repeat(film(across=0.0, frames=8)[0].clean[:1], 30, axis=0)
    found = model.embed_frames(standing, name="anna")
    assert found.warnings == ("anna: the figure hardly changes; the person should walk",)
    model.embed(standing)
    assert "silhouettes: the figure hardly changes" in caplog.text


def test_frames_of_a_sequence_may_differ_in_size(model: Model, here: Path) -> None:
    frames = list(masks(sequence(*SEQUENCE)))
    padded = [
        np.pad(frame, ((0, 6), (0, 10))) if n > 3 else frame for n, frame in enumerate(frames)
    ]
    one, other = (model.embed_frames(each, name="").embedding for each in (frames, padded))
    assert np.abs(one - other).max() < 1e-2
    assert model.embed_frames(padded, name="").frames == 8


def test_too_few_frames_give_a_warning(
    model: Model, here: Path, caplog: pytest.LogCaptureFixture
) -> None:
    silhouettes = np.concatenate([masks(sequence(*SEQUENCE))] * 4)
    for frames, warns in ((24, True), (25, False)):
        caplog.clear()
        model.embed(silhouettes[:frames])
        assert ("silhouettes: only 24 frames are usable" in caplog.text) == warns
        assert ("use at least 25 (about one stride" in caplog.text) == warns


def test_a_sequence_should_be_as_long_as_a_training_clip_and_a_whole_stride(model: Model) -> None:
    origin = model.about.origin
    assert (origin.training_frames, origin.reliable_frames) == (8, 25)
    training = json.loads(origin.training)
    training["train"]["frames"] = 30
    longer = origin.model_copy(update={"training": json.dumps(training)})
    about = model.about.model_copy(update={"origin": longer})
    assert "use at least 30 (a training clip)" in str(short_sequence("anna", 29, about))
    assert short_sequence("anna", 30, about) is None
    untrained = origin.model_copy(update={"training": "none"})
    assert (untrained.training_frames, untrained.reliable_frames) == (0, 25)


def test_two_people_give_a_warning(model: Model) -> None:
    frame = np.zeros((60, 60), np.uint8)
    frame[10:50, 10:18] = frame[10:50, 24:32] = 255
    found = model.embed_frames([frame] * 30, name="anna")
    assert "anna: 30 of 30 frames show two figures" in " ".join(found.warnings)


def test_bool_masks_are_accepted(model: Model, here: Path) -> None:
    silhouettes = masks(sequence(*SEQUENCE))
    assert np.array_equal(model.embed(silhouettes > 0), model.embed(silhouettes))


@pytest.mark.parametrize(
    ("silhouettes", "expected"),
    [
        (np.zeros((5, 40, 30), np.uint8), "none of 5 frames shows a person"),
        (np.zeros((0, 40, 30), np.uint8), "silhouettes: no frames"),
        (np.zeros((5, 0, 30), np.uint8), "none of 5 frames shows a person"),
        (np.ones((5, 40, 30), np.uint8), "found 0 and 1"),
        (np.full((5, 40, 30), 100, np.uint8), "found values up to 100"),
        ([np.zeros((40, 30), np.uint8)], "found a list"),
        (torch.zeros((5, 40, 30), dtype=torch.uint8), "found a Tensor"),
        (np.zeros((40, 30), np.uint8), r"found uint8 \[40, 30\]"),
        (np.zeros((5, 40, 30), np.float32), "found float32"),
        (255 - np.pad(np.full((5, 20, 10), 255, np.uint8), ((0, 0), (10, 10), (10, 10))),
         "the person is dark and the background bright"),
        (np.tile(np.arange(250, dtype=np.uint8), (5, 40, 1)), "neither black nor white"),
    ],
)  # fmt: skip
def test_arrays_that_are_not_masks_are_refused(
    model: Model, silhouettes: np.ndarray, expected: str
) -> None:
    with pytest.raises(UserError, match=expected):
        model.embed(silhouettes)


def test_keypoints_of_another_shape_are_refused(model: Model) -> None:
    silhouettes = np.full((5, 40, 30), 255, np.uint8)
    strange = np.zeros((5, 17, 3))
    strange[3, 0, 0] = np.nan
    for wrong, found in (
        (np.zeros((4, 17, 3)), r"found float64 \[4, 17, 3\]"),
        (np.zeros((5, 17, 2)), r"found float64 \[5, 17, 2\]"),
        (np.zeros((5, 17, 3), dtype=str), r"found <U1 \[5, 17, 3\]"),
        (np.zeros((5, 17, 3)).tolist(), "found a list"),
        (strange, "1 rows have others"),
    ):
        with pytest.raises(UserError, match=rf"\[5, 17, 3\] are required.*{found}"):
            model.embed(silhouettes, wrong)


@pytest.mark.parametrize(
    ("frame", "found"),
    [
        (np.zeros((40, 30), np.bool_), r"found bool \[40, 30\] in place 0"),
        (np.zeros((40, 30, 3), np.uint8), r"found uint8 \[40, 30, 3\]"),
        ("001.png", "found a str"),
    ],
)
def test_frames_of_another_kind_are_refused(model: Model, frame: object, found: str) -> None:
    with pytest.raises(UserError, match=f"anna: masks .* of uint8, 0 or 255.*{found}"):
        model.embed_frames([frame], name="anna")  # type: ignore[list-item]


@pytest.mark.parametrize("device", ["gpu", "mps", "meta", "", None])
def test_a_device_of_another_kind_is_refused(model_file: Path, device: Any) -> None:
    with pytest.raises(UserError, match="'cpu' or 'cuda' is required"):
        gaittake.load(model_file, device)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
@pytest.mark.parametrize("device", ["cuda", "cuda:3", torch.device("cuda")])
def test_a_gpu_that_is_not_there_is_one_line(model_file: Path, device: Any) -> None:
    with pytest.raises(UserError, match=r"PyTorch finds no GPU: .*device='cpu'"):
        gaittake.load(model_file, device)


def test_a_gpu_of_another_number_is_one_line(
    model_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    with pytest.raises(UserError, match="'cuda:1': PyTorch finds 1 GPUs, counted from 0"):
        gaittake.load(model_file, "cuda:1")


def test_a_comparison_ranks_the_distance_among_measured_ones(model: Model, here: Path) -> None:
    folders = (sequence(subject, "nm-01", "036") for subject in ("003", "004"))
    one, other = (model.embed(masks(folder)) for folder in folders)
    found, measured = model.compare(one, other), model.about.calibration
    assert found.distance == model.distance(one, other) == model.distance(other, one)
    assert found.different_nearer == measured.different_nearer(found.distance)
    assert found.same_farther == measured.same_farther(found.distance)
    assert found.threshold == measured.threshold
    assert found.accepted == (found.distance <= found.threshold)
    assert model.compare(one, one).accepted
    far = model.compare(one, one + 100)
    assert (far.accepted, far.calibrated) == (False, False)
    assert model.compare(one, one).calibrated


def test_embeddings_of_another_shape_are_refused(model: Model) -> None:
    fine = np.zeros((32, 128), np.float32)
    for wrong, found in (
        (fine[:1], r"found float32 \[1, 128\]"),
        (fine.astype(int), r"found int64 \[32, 128\]"),
        (fine.tolist(), "found a list"),
        (fine * np.nan, "not all of them finite"),
    ):
        for call in (
            lambda each: model.distance(fine, each),
            lambda each: model.compare(each, fine),
            lambda each: identify(each, [Enrolled("anna", "clip", fine)], model, fpir=0.5),
            lambda each: identify(fine, [Enrolled("anna", "clip", each)], model, fpir=0.5),
        ):
            with pytest.raises(UserError, match=rf"\[32, 128\] of finite .*{found}"):
                call(wrong)


def test_loading_warns_about_a_model_of_rendered_people(
    model_file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    loaded = gaittake.load(str(model_file))
    assert loaded.about.origin.synthetic
    assert loaded.about.origin.training_subjects == 2
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "SYNTHETIC" in caplog.text


def test_importing_the_package_does_not_load_torch() -> None:
    code = "import gaittake, sys; sys.exit('torch' in sys.modules or not callable(gaittake.load))"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_a_network_without_keypoints_has_no_student(
    here: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    found = load(export(tmp_path / "gei.safetensors", method="gei"))
    silhouettes = masks(sequence(*SEQUENCE))
    embedding = found.embed(silhouettes)
    found.embed(silhouettes, np.zeros((len(silhouettes), 17, 3)))
    assert "the model uses no keypoints; those given are ignored" in caplog.text
    with open_ragged(Path("results/walkers/gei/embeddings.h5"), kind="embeddings") as opened:
        assert np.abs(opened.read("embeddings", 0, 1)[0] - embedding).max() < 1e-4
    assert found.about.predict is None
    assert (found.about.origin.training_subjects, embedding.shape[0]) == (0, 1)


def test_a_network_trained_on_true_keypoints_requires_keypoints(here: Path, tmp_path: Path) -> None:
    folder = Path("results/walkers/gaittake")
    files = (
        "--weights",
        str(folder / "weights.safetensors"),
        "--metrics",
        str(folder / "metrics.json"),
    )
    found = load(export(tmp_path / "truth.safetensors", *files, method="truth"))
    silhouettes = masks(sequence(*SEQUENCE))
    with pytest.raises(UserError, match="pass keypoints"):
        found.embed(silhouettes)
    embedding = found.embed(silhouettes, np.zeros((len(silhouettes), 17, 3)))
    assert np.isfinite(embedding).all()


def test_a_model_computes_without_tf32_and_leaves_the_programs_settings(
    model: Model, here: Path, tf32: set[tuple[bool, bool]]
) -> None:
    model.embed(masks(sequence(*SEQUENCE)))
    assert tf32 == {(False, False)}
    assert torch.backends.cuda.matmul.allow_tf32
    assert torch.backends.cudnn.allow_tf32
