"""Fine-tuning: only training subjects are used, and a resumed run ends with the same weights."""

from pathlib import Path

import numpy as np
import pytest
import torch

from gaittake import device
from gaittake.errors import Preempted, UserError
from gaittake.io.checkpoint import Checkpoints
from gaittake.io.ragged import RaggedWriter
from gaittake.pose import finetune, optimise, teacher
from gaittake.pose.augment import Sample
from gaittake.pose.detector import build_detector, load_detector, save_detector
from gaittake.pose.finetune import LabelledSilhouettes, finetune_student
from gaittake.pose.keypoint_file import ARRAYS, FrameKeypoints, append_sequence
from gaittake.pose.locate import locate_in_boxes
from gaittake.pose.optimise import Batch, learning_rate, order, train_detector
from gaittake.pose.predict import predict_keypoints
from gaittake.pose.pseudo_label import make_pseudo_labels
from gaittake.pose.teacher import local_weights
from gaittake.pose.vision import KeypointRCNN
from gaittake.settings import (
    FinetuneStage,
    PoseTraining,
    PredictStage,
    PseudoLabel,
    PseudoLabelStage,
)
from tests.pose.tiny import SMALL, Dataset, rendered_teacher

CPU = torch.device("cpu")
TRAINING = PoseTraining(steps=6, batch=2, checkpoint_every=2)


@pytest.fixture
def labels(dataset: Dataset, tmp_path: Path) -> Path:
    """Labels of all three subjects, with keypoints along the bar's left edge."""
    path = tmp_path / "labels.h5"
    with RaggedWriter(path, kind="pseudo_labels", arrays=ARRAYS) as writer:
        for sequence in dataset.sequences:
            frames = []
            for number in (2, 5, 8):
                box = tuple(float(edge) for edge in dataset.boxes[number])
                keypoints = np.full((17, 3), 1, dtype=np.float32)
                keypoints[:, 0] = box[0] + 3
                keypoints[:, 1] = np.linspace(box[1] + 2, box[3] - 2, 17)
                frames.append(FrameKeypoints(number, box, keypoints))
            append_sequence(writer, sequence, frames)
    return path


def run(
    dataset: Dataset, labels: Path, weights: Path, folder: Path, training: PoseTraining = TRAINING
) -> dict[str, torch.Tensor]:
    settings = FinetuneStage(seed=3, detector=SMALL, training=training, subjects=("001", "002"))
    finetune_student(
        settings,
        pseudo_labels=[labels],
        index=[dataset.index],
        teacher=weights,
        checkpoints=folder / "checkpoints",
        out=folder / "student.pt",
        device=CPU,
        code="x",
    )
    state: dict[str, torch.Tensor] = load_detector(folder / "student.pt", SMALL).state_dict()
    return state


def test_samples_are_of_the_training_subjects_only(dataset: Dataset, labels: Path) -> None:
    samples = LabelledSilhouettes(
        pseudo_labels=[labels], index=[dataset.index], subjects=("001", "002")
    )
    assert set(samples.subjects) == {"001", "002"}
    assert len(samples) == 6
    assert {path.parents[2].name for path in samples.paths} == {"001", "002"}


def test_fine_tuning_opens_no_silhouette_of_other_subjects(
    dataset: Dataset, labels: Path, weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: set[str] = set()
    original = finetune.read_silhouette

    def spy(path: Path, *, masks: str) -> object:
        opened.add(path.parents[2].name)
        return original(path, masks=masks)

    monkeypatch.setattr(finetune, "read_silhouette", spy)
    run(dataset, labels, weights, tmp_path)
    assert opened == {"001", "002"}


def test_labels_match_their_silhouettes(dataset: Dataset, labels: Path) -> None:
    samples = LabelledSilhouettes(pseudo_labels=[labels], index=[dataset.index], subjects=("002",))
    for sample in (samples[place] for place in range(len(samples))):
        for x, y in sample.keypoints[:, :2].astype(int):
            assert sample.image[y, x].tolist() == [255, 255, 255]


def test_no_labels_is_an_error_that_names_the_tables_with_the_reasons(
    dataset: Dataset, labels: Path
) -> None:
    with pytest.raises(UserError, match=r"no pseudo-label for 1 training subjects.*rejects\.csv"):
        LabelledSilhouettes(pseudo_labels=[labels], index=[dataset.index], subjects=("009",))


def test_a_resumed_run_ends_with_the_weights_of_an_uninterrupted_one(
    dataset: Dataset, labels: Path, weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    uninterrupted = run(dataset, labels, weights, tmp_path / "uninterrupted")
    save = Checkpoints.save

    def interrupted_after_four(self: Checkpoints, state: dict[str, object]) -> None:
        save(self, state)
        if state["step"] == 4:
            raise Preempted("interrupted")

    with monkeypatch.context() as context:
        context.setattr(Checkpoints, "save", interrupted_after_four)
        with pytest.raises(Preempted):
            run(dataset, labels, weights, tmp_path / "interrupted")
    assert not (tmp_path / "interrupted" / "student.pt").exists()
    torch.rand(7)  # random numbers drawn in between have no effect
    resumed = run(dataset, labels, weights, tmp_path / "interrupted")
    fresh = load_detector(weights, SMALL).state_dict()
    assert any(not torch.equal(uninterrupted[name], fresh[name]) for name in fresh)
    for name, value in uninterrupted.items():
        assert torch.equal(resumed[name], value), name


def test_other_code_gives_teacher_and_student_another_identity(
    dataset: Dataset, labels: Path, weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found: list[str] = []

    def record(*_: object, checkpoints: Checkpoints, **__: object) -> None:
        found.append(checkpoints.identity)

    for module in (finetune, teacher):
        monkeypatch.setattr(module, "train_detector", record)
    student = FinetuneStage(seed=3, detector=SMALL, training=TRAINING, subjects=("001", "002"))
    files = {"pseudo_labels": [labels], "index": [dataset.index], "teacher": weights}
    rendered = rendered_teacher(TRAINING)
    for code in ("before", "after", "after"):
        places = {"checkpoints": tmp_path, "out": tmp_path / "x.pt", "device": CPU, "code": code}
        finetune_student(student, **files, **places)  # type: ignore[arg-type]
        teacher.train_teacher(rendered, **places)  # type: ignore[arg-type]
    assert len(set(found)) == 4
    assert found[2:4] == found[4:]


@pytest.mark.parametrize("boxes", ["silhouette", "detected"])
def test_a_student_that_is_given_boxes_does_not_learn_to_find_people(
    dataset: Dataset, labels: Path, weights: Path, tmp_path: Path, boxes: str
) -> None:
    settings = FinetuneStage(
        seed=3, detector=SMALL, training=TRAINING, subjects=("001", "002"), boxes=boxes
    )
    files = {"pseudo_labels": [labels], "index": [dataset.index], "teacher": weights}
    files |= {"checkpoints": tmp_path / "checkpoints", "out": tmp_path / "student.pt"}
    finetune_student(settings, **files, device=CPU, code="x")
    before, after = (
        load_detector(path, SMALL).state_dict() for path in (weights, tmp_path / "student.pt")
    )
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert any(name.startswith("backbone") for name in changed)
    assert any(name.startswith("roi_heads.keypoint") for name in changed)
    finders = [name for name in before if name.startswith(("rpn", "roi_heads.box"))]
    assert len(finders) == 12
    assert any(name in changed for name in finders) == (boxes == "detected")


def test_a_student_that_is_given_boxes_is_refused_where_it_would_have_to_find_people(
    dataset: Dataset, labels: Path, weights: Path, tmp_path: Path
) -> None:
    student = tmp_path / "student.pt"
    save_detector(load_detector(weights, SMALL), SMALL, student, finds_people=False)
    outs = {"out": tmp_path / "out.h5", "rejects": tmp_path / "out.csv", "device": CPU}
    refused = pytest.raises(UserError, match=r"student\.pt.*in a silhouette's box, not people")

    def predict(boxes: str) -> None:
        settings = PredictStage(detector=SMALL, boxes=boxes, batch=4)
        predict_keypoints(settings, index=dataset.index, student=student, **outs)

    with refused:
        predict("detected")
    predict("silhouette")
    predict("known")
    labelling = PseudoLabelStage(
        detector=SMALL, pseudo_label=PseudoLabel(), batch=4, subjects=("001",)
    )
    with refused:
        make_pseudo_labels(labelling, index=dataset.index, teacher=student, **outs)
    with refused:
        local_weights(student)


def test_a_non_finite_loss_is_an_error_that_names_the_step(
    dataset: Dataset, labels: Path, weights: Path, tmp_path: Path
) -> None:
    training = TRAINING.model_copy(update={"learning_rate": 1e30})
    with pytest.raises(UserError, match=r"finetune: the loss is (nan|inf).* at step \d"):
        run(dataset, labels, weights, tmp_path, training)


def test_each_epoch_has_each_sample_once_in_a_new_order() -> None:
    seen = [index for step in range(6) for index in order(4, step, 2, seed=5)]
    epochs = [seen[0:4], seen[4:8], seen[8:12]]
    assert [sorted(epoch) for epoch in epochs] == [[0, 1, 2, 3]] * 3
    assert len({tuple(epoch) for epoch in epochs}) > 1
    assert order(4, 3, 2, seed=5) == seen[6:8]


def test_the_learning_rate_warms_up_and_decays_to_nearly_zero() -> None:
    training = PoseTraining(steps=100, learning_rate=1.0)
    rates = [learning_rate(training, step) for step in range(100)]
    assert rates[0] == pytest.approx(0.1)
    assert max(rates) == pytest.approx(1.0)
    assert rates[:10] == sorted(rates[:10])
    assert rates[10:] == sorted(rates[10:], reverse=True)
    assert 0 <= rates[-1] < 0.001


class Bars:
    """Four frames whose keypoints lie on a bright bar."""

    def __len__(self) -> int:
        return 4

    def __getitem__(self, index: int) -> Sample:
        image = np.zeros((64, 96, 3), dtype=np.uint8)
        x = 20 + 12 * index
        image[10:54, x : x + 16] = 255
        keypoints = np.ones((17, 3), dtype=np.float32)
        keypoints[:, 0] = x + np.arange(17) % 2 * 10 + 3
        keypoints[:, 1] = np.linspace(12, 52, 17)
        return Sample(image, np.array([x, 10, x + 16, 54], dtype=np.float32), keypoints)


def train_on_bars(
    model: KeypointRCNN, training: PoseTraining, folder: Path, *, detect_every: int
) -> None:
    """Trains the model in place."""
    with Checkpoints(folder, "identity") as saved:
        train_detector(
            model,
            Bars(),
            training=training,
            seed=0,
            colour=False,
            detect_every=detect_every,
            what="test",
            checkpoints=saved,
            device=CPU,
        )


@pytest.mark.parametrize("detect_every", [0, 1, 2])
@pytest.mark.parametrize("bfloat16", [False, True])
def test_the_small_detector_learns_four_frames(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bfloat16: bool, detect_every: int
) -> None:
    monkeypatch.setattr(device, "has_bfloat16", lambda _: bfloat16)
    torch.manual_seed(0)
    model = build_detector(SMALL)
    samples = Bars()
    training = PoseTraining(steps=50, batch=4, learning_rate=5e-3)
    train_on_bars(model, training, tmp_path, detect_every=detect_every)
    shown = [samples[place] for place in range(4)]
    images = torch.from_numpy(np.stack([s.image for s in shown])).permute(0, 3, 1, 2).float() / 255
    boxes = torch.from_numpy(np.stack([s.box for s in shown]))
    found = locate_in_boxes(model, images, boxes)[:, :, 0].numpy()
    wanted = np.stack([s.keypoints for s in shown])
    error = np.abs(found[..., 1] - wanted[..., 1])
    assert np.mean(error < 4) > 0.9


@pytest.mark.parametrize(
    ("detect_every", "boxes_given"), [(0, [True] * 5), (1, [False] * 5), (2, [False, True] * 2)]
)
def test_detection_is_learnt_in_every_so_many_steps(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, detect_every: int, boxes_given: list[bool]
) -> None:
    seen: list[bool] = []
    original = optimise.detector_loss

    def spy(model: KeypointRCNN, batch: Batch, *, boxes_given: bool) -> torch.Tensor:
        seen.append(boxes_given)
        return original(model, batch, boxes_given=boxes_given)

    monkeypatch.setattr(optimise, "detector_loss", spy)
    training = PoseTraining(steps=len(boxes_given), batch=2)
    train_on_bars(build_detector(SMALL), training, tmp_path, detect_every=detect_every)
    assert seen == boxes_given


@pytest.mark.parametrize("precision", ["auto", "float32"])
def test_float32_means_no_tf32(
    dataset: Dataset,
    labels: Path,
    weights: Path,
    tmp_path: Path,
    tf32: set[tuple[bool, bool]],
    precision: str,
) -> None:
    training = TRAINING.model_copy(update={"steps": 1, "precision": precision})
    run(dataset, labels, weights, tmp_path, training)
    assert tf32 == {(False, precision == "auto")}
