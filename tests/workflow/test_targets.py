"""What a user types after `snakemake` and cannot be made is one line, without a traceback."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.workflow.project import TARGET, Project, fresh_project


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (("results/smok_rank1.csv",), "config/smok.yaml: there is no such settings file"),
        (("results/smok_report.html",), "config/smok.yaml: there is no such settings file"),
        (("results/smoke_mine.csv",), "tables.mine: there is no such table"),
        ((TARGET, "--config", "set=train.stepz=4"), "did you mean 'train.steps'?"),
        ((TARGET, "--config", "set=steps"), "section.field=value is needed"),
    ],
)
def test_a_target_that_cannot_be_made_is_one_line(
    tmp_path: Path, arguments: tuple[str, ...], line: str
) -> None:
    project = fresh_project(tmp_path / "project")
    code, said = project.snakemake("--dry-run", *arguments)
    assert code == 1
    last = said.strip().splitlines()[-1]
    assert last.startswith(arguments[0])
    assert line in last
    assert "Traceback" not in said


SOURCE = {"layout": "casiab", "silhouettes": ["data/silhouettes"], "videos": ["data/video"]}


@pytest.mark.parametrize(
    ("changed", "line"),
    [
        ({"pose": {"teacher_weights": "data/weight.pth"}}, "data/weight.pth: no such file; pose.t"),
        ({"silhouettes": ["data/nowhere"]}, "data/nowhere: no such folder; set source.silh"),
        ({"videos": ["data/dangling"]}, "data/dangling: no such folder; set source.videos"),
        ({"videos": ["data"]}, "data: holds dangling, silhouettes, video; source.videos needs"),
        ({"videos": []}, "no videos (source.videos is empty)"),
    ],
)
@pytest.mark.parametrize("name", ["mine_rank1.csv", "mine/pose/teacher.pt", "lent_rank1.csv"])
def test_files_and_folders_of_the_settings_are_checked_before_the_first_job(
    tmp_path: Path, changed: dict[str, Any], line: str, name: str
) -> None:
    project = fresh_project(tmp_path / "project")
    data = project.folder / "data"
    (data / "silhouettes" / "001").mkdir(parents=True)
    (data / "video").mkdir()
    (data / "video" / "001-nm-01-090.avi").touch()
    (data / "dangling").symlink_to("/nowhere")
    settings = changed if "pose" in changed else {"source": SOURCE | changed}
    write_settings(project, "mine", {"source": SOURCE} | settings)
    write_settings(
        project,
        "lent",
        {
            "source": {"layout": "folder", "silhouettes": ["data/silhouettes"]},
            "pose": {"student_from": "mine"},
        },
    )
    # A teacher of an earlier run does not hide that the file of its weights is missing.
    teacher = project.folder / "results/mine/pose/teacher.pt"
    teacher.parent.mkdir(parents=True)
    teacher.touch()
    target = f"results/{name}"
    code, said = project.snakemake("--dry-run", target)
    assert code == 1
    last = said.strip().splitlines()[-1]
    assert last.startswith(f"{target}: ")
    assert line in last
    assert "Traceback" not in said


def test_an_indexed_dataset_needs_its_folders_no_more(tmp_path: Path) -> None:
    project = fresh_project(tmp_path / "project")
    lost = {"layout": "casiab", "silhouettes": ["data/unmounted"], "videos": ["data/unmounted"]}
    protocol = {"train_subjects": ["001"], "test_subjects": ["075"]}
    write_settings(project, "mine", {"source": lost, "protocol": protocol})
    for shard in ("train-000", "test-000"):
        table = project.folder / f"results/mine/index/{shard}.csv"
        table.parent.mkdir(parents=True, exist_ok=True)
        table.touch()
    code, said = project.snakemake("--dry-run", "results/mine_rank1.csv")
    assert code == 0, said


def write_settings(project: Project, name: str, settings: dict[str, Any]) -> None:
    (project.folder / "config" / f"{name}.yaml").write_text(yaml.safe_dump(settings))
