"""Fine-tuning: nobody's data but the training subjects', and the same weights after a crash."""

from pathlib import Path

import numpy as np
import pytest
import torch

from gaittake.errors import Preempted, UserError
from gaittake.io.checkpoint import Checkpoints
from gaittake.io.ragged import RaggedWriter
from gaittake.pose import finetune
from gaittake.pose.augment import Sample
from gaittake.pose.detector import build_detector, load_detector
from gaittake.pose.finetune import LabelledSilhouettes, finetune_student
from gaittake.pose.labelled import ARRAYS, Labelled, append_walk
from gaittake.pose.locate import locate_in_boxes
from gaittake.pose.optimise import learning_rate, order, train_detector
from gaittake.settings import FinetuneStage, PoseTraining
from tests.pose.tiny import SMALL, Dataset

CPU = torch.device("cpu")
TRAINING = PoseTraining(steps=6, batch=2, checkpoint_every=2)


@pytest.fixture
def labels(dataset: Dataset, tmp_path: Path) -> Path:
    """Labels of all three subjects, the joints along the bar's left edge."""
    path = tmp_path / "labels.h5"
    with RaggedWriter(path, kind="pseudo_labels", arrays=ARRAYS) as writer:
        for walk in dataset.walks:
            frames = []
            for number in (2, 5, 8):
                box = tuple(float(edge) for edge in dataset.boxes[number])
                keypoints = np.full((17, 3), 1, dtype=np.float32)
                keypoints[:, 0] = box[0] + 3
                keypoints[:, 1] = np.linspace(box[1] + 2, box[3] - 2, 17)
                frames.append(Labelled(number, box, keypoints))
            append_walk(writer, walk, frames)
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
    )
    state: dict[str, torch.Tensor] = load_detector(folder / "student.pt", SMALL).state_dict()
    return state


def test_no_frame_of_other_subjects_is_learnt_from(dataset: Dataset, labels: Path) -> None:
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

    def spy(path: Path) -> object:
        opened.add(path.parents[2].name)
        return original(path)

    monkeypatch.setattr(finetune, "read_silhouette", spy)
    run(dataset, labels, weights, tmp_path)
    assert opened == {"001", "002"}


def test_labels_lie_on_their_silhouettes(dataset: Dataset, labels: Path) -> None:
    samples = LabelledSilhouettes(pseudo_labels=[labels], index=[dataset.index], subjects=("002",))
    for sample in (samples[place] for place in range(len(samples))):
        for x, y in sample.keypoints[:, :2].astype(int):
            assert sample.image[y, x].tolist() == [255, 255, 255]


def test_no_labels_at_all_is_an_error_that_says_where_to_look(
    dataset: Dataset, labels: Path
) -> None:
    with pytest.raises(UserError, match=r"no pseudo-label of 1 training subjects.*rejects\.csv"):
        LabelledSilhouettes(pseudo_labels=[labels], index=[dataset.index], subjects=("009",))


def test_a_killed_run_ends_with_the_weights_of_an_unbroken_one(
    dataset: Dataset, labels: Path, weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    unbroken = run(dataset, labels, weights, tmp_path / "unbroken")
    save = Checkpoints.save

    def killed_after_four(self: Checkpoints, state: dict[str, object]) -> None:
        save(self, state)
        if state["step"] == 4:
            raise Preempted("killed")

    with monkeypatch.context() as context:
        context.setattr(Checkpoints, "save", killed_after_four)
        with pytest.raises(Preempted):
            run(dataset, labels, weights, tmp_path / "broken")
    assert not (tmp_path / "broken" / "student.pt").exists()
    torch.rand(7)  # other random numbers in between change nothing
    resumed = run(dataset, labels, weights, tmp_path / "broken")
    fresh = load_detector(weights, SMALL).state_dict()
    assert any(not torch.equal(unbroken[name], fresh[name]) for name in fresh)
    for name, value in unbroken.items():
        assert torch.equal(resumed[name], value), name


def test_non_finite_loss_stops_and_names_the_step(
    dataset: Dataset, labels: Path, weights: Path, tmp_path: Path
) -> None:
    training = TRAINING.model_copy(update={"learning_rate": 1e30})
    with pytest.raises(UserError, match=r"finetune: the loss is (nan|inf).* at step \d"):
        run(dataset, labels, weights, tmp_path, training)


def test_each_epoch_shows_each_sample_once_in_an_order_of_its_own() -> None:
    seen = [index for step in range(6) for index in order(4, step, 2, seed=5)]
    epochs = [seen[0:4], seen[4:8], seen[8:12]]
    assert [sorted(epoch) for epoch in epochs] == [[0, 1, 2, 3]] * 3
    assert len({tuple(epoch) for epoch in epochs}) > 1
    assert order(4, 3, 2, seed=5) == seen[6:8]


def test_learning_rate_warms_up_and_falls_to_nearly_nothing() -> None:
    training = PoseTraining(steps=100, learning_rate=1.0)
    rates = [learning_rate(training, step) for step in range(100)]
    assert rates[0] == pytest.approx(0.1)
    assert max(rates) == pytest.approx(1.0)
    assert rates[:10] == sorted(rates[:10])
    assert rates[10:] == sorted(rates[10:], reverse=True)
    assert 0 <= rates[-1] < 0.001


class Bars:
    """Four frames whose joints lie on a lit bar."""

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


def test_small_detector_learns_a_handful_of_frames(tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = build_detector(SMALL)
    samples = Bars()
    with Checkpoints(tmp_path, "identity") as saved:
        train_detector(
            model,
            samples,
            training=PoseTraining(steps=50, batch=4, learning_rate=5e-3),
            seed=0,
            colour=False,
            what="test",
            checkpoints=saved,
            device=CPU,
        )
    shown = [samples[place] for place in range(4)]
    images = torch.from_numpy(np.stack([s.image for s in shown])).permute(0, 3, 1, 2).float() / 255
    boxes = torch.from_numpy(np.stack([s.box for s in shown]))
    found = locate_in_boxes(model, images, boxes).numpy()
    wanted = np.stack([s.keypoints for s in shown])
    error = np.abs(found[..., 1] - wanted[..., 1])
    assert np.mean(error < 4) > 0.9
