"""Mirror images: left and right are exchanged, in the image and in the keypoints' names."""

from pathlib import Path

import numpy as np
import pytest
import torch

from gaittake.keypoints import NAMES
from gaittake.pose import finetune, teacher
from gaittake.pose.augment import Mirrored, Sample, Samples, mirror
from gaittake.pose.teacher import train_teacher
from gaittake.settings import FinetuneStage, PoseTraining
from gaittake.sources.walkers.camera import place_camera, project
from tests.pose.tiny import SMALL, Dataset, rendered_teacher

CPU = torch.device("cpu")
LEFT, RIGHT = NAMES.index("left_wrist"), NAMES.index("right_wrist")


def waving() -> Sample:
    """Returns a frame whose only bright pixel is the left wrist."""
    image = np.zeros((40, 60, 3), dtype=np.uint8)
    image[12, 7] = 255
    keypoints = np.ones((17, 3), dtype=np.float32)
    keypoints[:, :2] = np.random.default_rng(0).uniform(5, 35, size=(17, 2))
    keypoints[LEFT] = (7.5, 12.5, 0.25)
    return Sample(image, np.array([5, 10, 20, 36], dtype=np.float32), keypoints)


class Two:
    """Two samples; the second is brighter."""

    def __len__(self) -> int:
        return 2

    def __getitem__(self, index: int) -> Sample:
        sample = waving()
        return sample._replace(image=sample.image // (2 - index))


def test_the_left_wrist_is_the_right_wrist_of_the_mirror_image() -> None:
    image, box, keypoints = mirror(waving())
    x, y, confidence = keypoints[RIGHT]
    assert (x, y, confidence) == (52.5, 12.5, 0.25)
    assert image[int(y), int(x)].tolist() == [255, 255, 255]
    assert image.sum() == 3 * 255
    assert box.tolist() == [40, 10, 55, 36]
    assert keypoints[NAMES.index("nose"), 1] == waving().keypoints[NAMES.index("nose"), 1]


def test_mirroring_twice_is_identity() -> None:
    for once, twice in zip(waving(), mirror(mirror(waving())), strict=True):
        assert twice.dtype == once.dtype
        np.testing.assert_allclose(twice, once, atol=1e-5)


def test_each_sample_is_followed_by_its_mirror_image() -> None:
    samples = Mirrored(Two())
    assert len(samples) == 4
    for index in (0, 1):
        assert (samples[index].image == Two()[index].image).all()
        assert (samples[index + 2].image == Two()[index].image[:, ::-1]).all()
        assert samples[index + 2].keypoints[RIGHT, 0] == 60 - samples[index].keypoints[LEFT, 0]


def test_a_mirrored_view_is_the_view_from_the_other_side() -> None:
    points = np.random.default_rng(1).normal(0.4, 0.4, size=(50, 3))
    exchanged = points * [1, -1, 1]  # the same person, left and right exchanged
    for view in (18, 90, 144):
        seen, _ = project(place_camera(view, 320, 240), points)
        other, _ = project(place_camera(360 - view, 320, 240), exchanged)
        np.testing.assert_allclose(other[:, 0], 319 - seen[:, 0], atol=1e-6)
        np.testing.assert_allclose(other[:, 1], seen[:, 1], atol=1e-6)


@pytest.mark.parametrize("mirror", [True, False])
def test_teacher_and_student_train_on_mirror_images_if_mirror_is_set(
    mirror: bool,
    dataset: Dataset,
    weights: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    given: list[Samples] = []

    def record(_model: object, samples: Samples, **_: object) -> None:
        given.append(samples)

    for module in (finetune, teacher):
        monkeypatch.setattr(module, "train_detector", record)
    monkeypatch.setattr(finetune, "LabelledSilhouettes", lambda **_: Two())
    training = PoseTraining(steps=1, mirror=mirror)
    finetune.finetune_student(
        FinetuneStage(seed=0, detector=SMALL, training=training, subjects=("001",)),
        pseudo_labels=[],
        index=[dataset.index],
        teacher=weights,
        checkpoints=tmp_path / "student",
        out=tmp_path / "student.pt",
        device=CPU,
        code="x",
    )
    settings = rendered_teacher(training)
    train_teacher(settings, checkpoints=tmp_path / "t", out=tmp_path / "t.pt", device=CPU, code="x")
    assert [len(samples) for samples in given] == ([4, 4] if mirror else [2, 2])
    assert [isinstance(samples, Mirrored) for samples in given] == [mirror, mirror]
