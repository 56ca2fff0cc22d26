"""Where the keypoints of a dataset come from: what runs, and what is refused at once."""

from pathlib import Path

import pytest

from gaittake.errors import UserError
from gaittake.pipeline import inputs, plan
from gaittake.pipeline.origin import unpublished
from gaittake.pipeline.subjects import lender
from gaittake.settings import Settings, load_settings
from tests.jobs import job_of
from tests.pose.people import rows, write_results
from tests.test_settings import write

SILHOUETTES = ("gei", "energynet", "gaitset", "gaitpart", "mt3d", "gaitgl", "silhouettes_only")
WITHOUT = """
pose: {keypoints: none}
methods:
  gei: {network: gei}
  gaitgl: {network: gaitgl}
  silhouettes_only: {model: {keypoints: false}}
"""


def files(settings: Settings, name: str, **part: str) -> list[str]:
    return [str(path) for path in getattr(inputs, name)(job_of(settings, **part))]


@pytest.mark.parametrize("layout", ["walkers", "casiab", "oumvlp", "folder"])
def test_without_keypoints_no_stage_of_the_pose_runs(tmp_path: Path, layout: str) -> None:
    subjects = "protocol: {train_subjects: ['00001'], test_subjects: ['00002']}"
    more = f"source: {{layout: {layout}}}\n" + (subjects if layout == "oumvlp" else "")
    settings = load_settings(write(tmp_path, WITHOUT + more))
    shard = {"shard": "train-000"}
    for name in ("keypoints", "truth"):
        assert files(settings, name, **shard) == []
    for name in ("pseudo_labels", "quality", "measured_keypoints", "measured_truth", "lenders"):
        assert files(settings, name) == []
    assert not any("pose" in path for path in files(settings, "rejects"))
    assert plan.check(job_of(settings)).labels is False
    assert plan.cache(job_of(settings)).keypoints is False
    assert plan.train(job_of(settings, method="gaitgl")).keypoints == "none"
    assert plan.embed(job_of(settings, method="silhouettes_only")).keypoints == "none"
    assert settings.rows("table") == ("gei", "gaitset", "gaitpart", "gaitgl", "mt3d")


def test_a_dataset_without_videos_needs_no_student_if_it_needs_no_keypoints(
    tmp_path: Path,
) -> None:
    (tmp_path / "silhouettes/001").mkdir(parents=True)
    source = f"source: {{layout: folder, silhouettes: ['{tmp_path}/silhouettes']}}"
    with pytest.raises(UserError, match="no videos"):
        inputs.require_files(job_of(load_settings(write(tmp_path, source))))
    inputs.require_files(job_of(load_settings(write(tmp_path, source + WITHOUT))))


@pytest.mark.parametrize(
    ("methods", "named"),
    [
        ("", "gaittake"),
        ("methods: {mine: {}}", "mine"),
        ("methods: {maps: {model: {keypoints: false, skeleton_maps: true}}}", "maps"),
    ],
)
def test_a_method_that_needs_keypoints_is_refused_with_those_that_need_none(
    tmp_path: Path, methods: str, named: str
) -> None:
    text = "pose: {keypoints: none}\n" + methods
    needs = (
        rf"methods\.{named}: its network needs keypoints.*need none \({', '.join(SILHOUETTES[:5])}"
    )
    with pytest.raises(UserError, match=needs):
        load_settings(write(tmp_path, text))


@pytest.mark.parametrize("name", ["gaittake", "gaittake_plus", "keypoints_only", "skeleton_maps"])
def test_a_method_outside_of_the_file_is_refused_by_its_stage(tmp_path: Path, name: str) -> None:
    settings = load_settings(write(tmp_path, WITHOUT))
    for stage in (plan.train, plan.embed):
        with pytest.raises(UserError, match=rf"methods\.{name}: its network needs keypoints"):
            stage(job_of(settings, method=name))
    with pytest.raises(UserError, match=r"methods\.gaittake: its network needs keypoints"):
        inputs.metrics(job_of(settings, table="ablation"))
    with pytest.raises(UserError, match=rf"methods\.{name}: its network needs keypoints"):
        load_settings(write(tmp_path, WITHOUT + f"tables: {{mine: [gei, {name}]}}"))


def test_keypoints_of_files_do_not_hide_that_a_subject_trained_the_borrowed_networks(
    tmp_path: Path,
) -> None:
    source = "source: {layout: folder, silhouettes: [/data/mine]KEYPOINTS}\n"
    lent = load_settings(write(tmp_path, source.replace("KEYPOINTS", "")))
    ours = source.replace("KEYPOINTS", ", keypoints: a.csv") + "protocol: {PROTOCOL}"
    protocol = "train_subjects: [075], test_subjects: [001]"
    with pytest.raises(UserError, match=r"networks were trained on \['001'\]"):
        lender(load_settings(write(tmp_path, ours.replace("PROTOCOL", protocol))), lent)


def write_people(folder: Path) -> Path:
    """Writes a file of keypoints."""
    return write_results(folder / "people.json", rows())


@pytest.mark.parametrize(
    ("text", "source"),
    [
        ("", "teacher"),
        ("pose: {student_from: walkers}", "borrowed"),
        ("pose: {labels: FILE}", "labels"),
        ("pose: {labels: [FILE, FILE]}", "labels"),
        ("source: {keypoints: FILE}", "files"),
        ("source: {layout: walkers}\npose: {keypoints: truth}", "truth"),
        ("pose: {keypoints: none, student_from: walkers}\nmethods: {gei: {network: gei}}", "none"),
    ],
)
def test_the_source_of_the_keypoints_follows_from_the_settings(
    tmp_path: Path, text: str, source: str
) -> None:
    path = write(tmp_path, text.replace("FILE", str(write_people(tmp_path))))
    assert load_settings(path).keypoints_from == source


@pytest.mark.parametrize(
    ("text", "pair"),
    [
        ("pose: {labels: a.csv, student_from: walkers}", "pose.labels and pose.student_from"),
        ("pose: {labels: a.csv, keypoints: truth}", "pose.labels and pose.keypoints: truth"),
        ("pose: {labels: a.csv}\nsource: {keypoints: a.csv}", "source.keypoints and pose.labels"),
        (
            "pose: {keypoints: none}\nmethods: {gei: {network: gei}}\nsource: {keypoints: a.csv}",
            "source.keypoints and pose.keypoints: none",
        ),
    ],
)
def test_two_sources_of_keypoints_are_refused(tmp_path: Path, text: str, pair: str) -> None:
    with pytest.raises(UserError, match=f"{pair}: keypoints have one source; remove one"):
        load_settings(write(tmp_path, text))


def test_keypoints_of_files_skip_stage_one(tmp_path: Path) -> None:
    people = write_people(tmp_path)
    settings = load_settings(write(tmp_path, f"source: {{keypoints: {people}}}"))
    assert files(settings, "keypoint_files") == [str(people)]
    keypoints = "results/mine/pose/own_keypoints"
    assert files(settings, "keypoints", shard="test-000") == [f"{keypoints}/test-000.h5"]
    for name in ("pseudo_labels", "quality", "measured_keypoints", "lenders", "teacher_weights"):
        assert files(settings, name) == []
    posed = [path for path in files(settings, "rejects") if "pose" in path]
    assert posed[0] == f"{keypoints}/train-000.rejects.csv"
    assert len(posed) == len(job_of(settings).shards)
    assert plan.check(job_of(settings)).labels is False
    assert unpublished(settings, "gaittake") == {
        "source.keypoints": "your files instead of the teacher"
    }
    assert unpublished(settings, "gaitgl") == {}


def test_labels_of_files_need_neither_colour_nor_a_teacher_and_train_a_student(
    tmp_path: Path,
) -> None:
    people = write_people(tmp_path)
    settings = load_settings(write(tmp_path, f"pose: {{labels: {people}, teacher_weights: a.pt}}"))
    assert files(settings, "keypoint_files") == [str(people)]
    labels = files(settings, "pseudo_labels")
    assert labels[0] == "results/mine/pose/own_labels/train-000.h5"
    assert "results/mine/pose/own_labels/train-000.rejects.csv" in files(settings, "rejects")
    assert files(settings, "quality") == ["results/mine/pose/quality.json"]
    assert files(settings, "measured_labels") == labels
    assert plan.check(job_of(settings)).labels is False
    assert plan.assign_labels(job_of(settings, shard="train-000")).subjects[0] == "001"
    assert plan.assign_labels(job_of(settings, shard="test-000")).subjects == ()
    with pytest.raises(UserError, match=r"a\.pt: no such file; pose\.teacher_weights names it"):
        inputs.require_files(job_of(settings))


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("x.csv", None, r"x\.csv: no such file or folder; source\.keypoints names it"),
        ("x.npz", "", r"x\.npz: COCO keypoint results .* are required; source\.keypoints names it"),
        ("x.json", "[]", r"x\.json: no person in it"),
        ("x.json", '[{"image_id": "1.jpg", "keypoints": [1]}]', "has 1 keypoint values"),
    ],
)
def test_files_of_keypoints_are_looked_at_before_the_first_job(
    tmp_path: Path, name: str, content: str | None, said: str
) -> None:
    (tmp_path / "silhouettes/001").mkdir(parents=True)
    if content is not None:
        (tmp_path / name).write_text(content)
    source = f"silhouettes: ['{tmp_path}/silhouettes'], keypoints: {tmp_path / name}"
    settings = load_settings(write(tmp_path, f"source: {{layout: folder, {source}}}"))
    with pytest.raises(UserError, match=said):
        inputs.require_files(job_of(settings))
