"""The jobs of each way to keypoints: without any, from files, with labels of files."""

from pathlib import Path
from typing import Any

import pytest

from tests.pose.people import rows, write_table
from tests.workflow.project import Project, fresh_project
from tests.workflow.test_targets import write_settings

TARGET = "results/mine_report.html"
POSE = {"teacher", "pseudo_label", "finetune", "predict", "quality"}
OWN = {"collect", "assign_keypoints", "assign_labels"}
METHODS = {"gei": {"network": "gei"}, "gaitgl": {"network": "gaitgl"}}
PROTOCOL = {
    "train_subjects": ["001"],
    "test_subjects": ["002"],
    "gallery": ["nm-01"],
    "probes": {"nm": ["nm-02"]},
}


def project_with(folder: Path, **changed: Any) -> Project:
    """Returns a project with the dataset `mine`, which has no videos."""
    project = fresh_project(folder / "project")
    for subject in ("001", "002"):
        (project.folder / "data/silhouettes" / subject).mkdir(parents=True)
    write_table(project.folder / "data/people.csv", rows())
    source = {"layout": "folder", "silhouettes": ["data/silhouettes"]}
    source |= changed.pop("source", {})
    write_settings(project, "mine", {"source": source, "protocol": PROTOCOL} | changed)
    return project


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"pose": {"keypoints": "none"}, "methods": METHODS}, set()),
        (
            {"source": {"keypoints": "data/people.csv"}},
            {"collect", "assign_keypoints train-000", "assign_keypoints test-000"},
        ),
        (
            {"source": {"keypoints": ["data"]}},
            {"collect", "assign_keypoints train-000", "assign_keypoints test-000"},
        ),
        (
            {"pose": {"labels": "data/people.csv"}},
            {
                *("collect", "assign_labels train-000", "teacher", "finetune", "quality"),
                *("predict train-000", "predict test-000"),
            },
        ),
    ],
)
def test_only_the_jobs_run_that_this_way_needs(
    tmp_path: Path, changed: dict[str, Any], expected: set[str]
) -> None:
    jobs = project_with(tmp_path, **changed).planned(target=TARGET)
    assert {job for job in jobs if job.split()[0] in POSE | OWN} == expected
    assert {"cache train-000", "cache test-000", "merge", "survey", "report"} <= jobs


def test_a_method_without_its_keypoints_stops_the_dry_run_in_one_line(tmp_path: Path) -> None:
    methods = {"gei": {"network": "gei"}, "mine": {"network": "gaitgl"}}
    project = project_with(tmp_path, pose={"keypoints": "none"}, methods=methods)
    code, said = project.snakemake("--dry-run", "results/mine_ablation.csv")
    assert code == 1
    assert "methods.gaittake: its network needs keypoints" in said.strip().splitlines()[-1]
    assert "Traceback" not in said
    project.edit("config/mine.yaml", "network: gaitgl", "network: gaittake")
    code, said = project.snakemake("--dry-run", TARGET)
    assert code == 1
    assert "methods.mine: its network needs keypoints" in said.strip().splitlines()[-1]


def test_a_file_that_is_not_understood_stops_the_dry_run_in_one_line(tmp_path: Path) -> None:
    project = project_with(tmp_path, source={"keypoints": "data/people.csv"})
    project.edit("data/people.csv", "./001-nm-01-090/000001.jpg", "000001.jpg")
    code, said = project.snakemake("--dry-run", TARGET)
    assert code == 1
    last = said.strip().splitlines()[-1]
    assert "data/people.csv: image '000001.jpg': no sequence and frame in this name" in last
    assert "Traceback" not in said
