"""Where the keypoints of a dataset come from: what runs, and what is refused at once."""

from pathlib import Path

import pytest

from gaittake.errors import UserError
from gaittake.pipeline import inputs, plan
from gaittake.settings import Settings, load_settings
from tests.jobs import job_of
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
    needs = rf"methods\.{named}: its network needs keypoints.*work {', '.join(SILHOUETTES[:5])}"
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
