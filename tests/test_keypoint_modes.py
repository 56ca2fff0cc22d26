"""Tiny runs of the stages: without keypoints, with keypoints of files, with labels of files."""

from pathlib import Path

import numpy as np
import pytest
import torch

from gaittake.cli import data, pose, recognition, use
from gaittake.errors import UserError
from gaittake.io.ragged import open_ragged
from gaittake.io.tables import read_json, read_rejects
from gaittake.pipeline.job import Job
from gaittake.pose.detector import build_detector, load_detector, save_detector
from gaittake.use.model import load
from tests.pose.people import write_results, write_table

DATASET = """
shard_subjects: 4
walkers: {subjects: 4, bodies: 2, views: [36, 90], normal: 2, bag: 0, coat: 0, frames: 8}
protocol:
  train_subjects: [001..002]
  test_subjects: [003..004]
  gallery: [nm-01]
  probes: {nm: [nm-02]}
pose:
  boxes: silhouette
  holdout_every: 2
  detector: {backbone: small, min_size: 80, max_size: 128}
  finetune: {steps: 2, batch: 2}
  POSE
source: {layout: walkers SOURCE}
size: small
train: {subjects_per_batch: 2, sequences_per_subject: 2, frames: 8, steps: 2, mirror: 0.5}
methods: METHODS
"""
SHARDS = ("train-000", "test-000")


def write(pose: str = "", source: str = "", methods: str = "{gaittake: {}}") -> None:
    """Writes the dataset `tiny` into the working directory."""
    Path("config").mkdir(exist_ok=True)
    text = DATASET.replace("POSE", pose).replace(" SOURCE", source).replace("METHODS", methods)
    Path("config/tiny.yaml").write_text(text)


def render() -> None:
    for shard in SHARDS:
        data.render("tiny", shard)
        data.index("tiny", shard)
    data.check("tiny")


def to_the_table(*methods: str) -> None:
    """Runs the stages from the cache to the report."""
    for shard in SHARDS:
        data.build("tiny", shard)
    data.merge("tiny")
    data.survey("tiny")
    for method in methods:
        if method != "gei":
            recognition.train("tiny", method)
        recognition.embed("tiny", method)
        recognition.evaluate("tiny", method)
    recognition.compare("tiny", "rank1")
    recognition.report("tiny")


def found_by_another_program(shard: str) -> list[tuple[str, np.ndarray]]:  # type: ignore[type-arg]
    """Returns the renderer's joints as another program would name them."""
    with open_ragged(Path(f"results/tiny/data/{shard}/truth.h5"), kind="truth") as truth:
        joints = truth.read("joints")
        rows = truth.sequences.to_dict("records")
    ones = np.ones((len(joints), 17, 1), dtype=np.float32)
    people = np.concatenate([joints, ones], axis=2)
    return [
        (f"./{r['subject']}-{r['type']}-{r['view']}/{n + 1:06d}.jpg", people[r["first_frame"] + n])
        for r in rows
        for n in range(r["frame_count"])
    ]


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    torch.set_num_threads(1)


@pytest.mark.slow
def test_without_keypoints_silhouettes_alone_give_a_table_a_report_and_a_model(
    capsys: pytest.CaptureFixture[str],
) -> None:
    write("keypoints: none", methods="{gei: {network: gei}, gaitgl: {network: gaitgl}}")
    render()
    to_the_table("gei", "gaitgl")
    assert not Path("results/tiny/pose").exists()
    with open_ragged(Path("results/tiny/cache.h5"), kind="cache") as cache:
        assert set(cache.arrays) == {"silhouettes"}
    assert read_json(Path("results/tiny/gaitgl/metrics.json"))["counts"]["sequences"] == 8
    assert "silhouettes only (pose.keypoints: none)" in Path("results/tiny_report.html").read_text(
        encoding="utf-8"
    )
    use.app(
        ["export", "tiny", "--method", "gaitgl", "--out", "m.safetensors"], standalone_mode=False
    )
    assert "uses no keypoints" in capsys.readouterr().out
    clips = [f"results/tiny/data/test-000/silhouettes/003/nm-0{n}/036" for n in (1, 2)]
    use.app(["compare", *clips, "--model", "m.safetensors"], standalone_mode=False)
    assert "distance" in capsys.readouterr().out
    for command in (recognition.train, recognition.embed):
        with pytest.raises(UserError, match=r"methods\.gaittake: its network needs keypoints"):
            command("tiny", "gaittake")


@pytest.mark.slow
def test_keypoints_of_a_file_take_the_place_of_stage_one(
    capsys: pytest.CaptureFixture[str],
) -> None:
    write(source=", keypoints: people.csv")
    render()
    rows = found_by_another_program("train-000") + found_by_another_program("test-000")
    lost = rows.pop(3)
    write_table(Path("people.csv"), rows)
    pose.collect("tiny")
    for shard in SHARDS:
        pose.assign_keypoints("tiny", shard)
    to_the_table("gaittake")
    assert not Path("results/tiny/pose/keypoints").exists()
    with open_ragged(Path("results/tiny/cache.h5"), kind="cache") as cache:
        assert set(cache.sequences["frame_count"]) == {8}
        predicted, truth = cache.read("keypoints"), cache.read("truth")
    assert np.abs(predicted - truth).max() < 0.05  # of the frame in the gap
    assert np.abs(np.delete(predicted - truth, 3, axis=0)).max() < 1e-3
    [row] = [r for r in read_rejects(Path("results/tiny/rejects.csv")) if r.stage != "survey"]
    assert (row.stage, row.used) == ("assign-keypoints", "yes")
    assert row.path.endswith("004.png")
    assert lost[0].endswith("000004.jpg")
    assert "come from the user&#39;s files" in Path("results/tiny_report.html").read_text()
    use.app(
        ["export", "tiny", "--method", "gaittake", "--out", "m.safetensors"], standalone_mode=False
    )
    assert "of the program that found those of the dataset" in capsys.readouterr().out
    with pytest.raises(UserError, match=r"of another program, so it has no student.*pass keypo"):
        load("m.safetensors").embed(np.zeros((1, 8, 8), dtype=np.uint8))


@pytest.mark.slow
def test_labels_of_a_file_train_the_student_without_a_teacher_or_colour() -> None:
    write("labels: [people.json]\n  teacher_weights: walkers")
    render()
    write_results(Path("people.json"), found_by_another_program("train-000"))
    pose.collect("tiny")
    pose.assign_labels("tiny", "train-000")
    job = Job("tiny")
    start = build_detector(job.settings.pose.detector)
    save_detector(start, job.settings.pose.detector, job.path("pose/teacher.pt"))
    pose.finetune("tiny")
    trained = load_detector(job.path("pose/student.pt"), job.settings.pose.detector)
    changed = [
        not torch.equal(one, other)
        for one, other in zip(start.parameters(), trained.parameters(), strict=True)
    ]
    assert any(changed)
    for shard in SHARDS:
        pose.predict("tiny", shard)
    pose.quality("tiny")
    quality = read_json(Path("results/tiny/pose/quality.json"))
    assert quality["teacher_against_truth"]["pck"]["all"] == 1
    assert quality["student_against_pseudo_labels"]["frames"] > 0
    assert quality["student_against_truth"]["frames"] == 64
