"""What a user types after `snakemake` and cannot be made is one line, without a traceback."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from gaittake.settings import split_changes
from tests.workflow.project import TARGET, Project, fresh_project


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (("results/smok_rank1.csv",), "config/smok.yaml: there is no such settings file"),
        (("results/smok_report.html",), "config/smok.yaml: there is no such settings file"),
        (("results/smoke_mine.csv",), "tables.mine: there is no such table"),
        ((TARGET, "--config", "set=train.stepz=4"), "did you mean 'train.steps'?"),
        ((TARGET, "--config", "set=steps"), "section.field=value is required"),
        (("results/smoke_rank2.csv",), "smoke has rank1, table, ablation. Define another"),
        (("./results/smok_rank1.csv",), "config/smok.yaml: there is no such settings file"),
        (("results/smoke.csv",), "no rule makes this. Final results are results/smoke_rank1.csv,"),
        (("smoke",), "results/smoke_ablation.csv (or .md) and results/smoke_report.html"),
        (("results/nothing.csv",), "with a NAME of config/: casiab, "),
        (("results/smoke/foo/metrics.json",), "methods.foo: there is no such method; define it"),
        (("results/smoke/gaittake-seed1/metrics.json",), "there is no seed 1; seeds has [0]"),
        (("results/smoke/index/train-007.csv",), "smoke has train-000, test-000"),
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


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (("--config", "sets=train.steps=4"), "(did you mean 'set'?); --config takes set, device"),
        (("--configfile", "config/smoke.yaml"), "--config source=…: there is no 'source'; "),
        (("--config", "set=note=One: two"), "set=note=One: two: Snakemake splits it at the colon"),
        (("--config", "set=5"), "--config set=5: section.field=value is required"),
    ],
)
def test_a_change_that_would_be_lost_is_one_line(
    tmp_path: Path, arguments: tuple[str, ...], line: str
) -> None:
    project = fresh_project(tmp_path / "project")
    code, said = project.snakemake("--dry-run", TARGET, *arguments)
    assert code == 1
    assert line in said.strip().splitlines()[-1]
    assert "Traceback" not in said


def test_rules_that_a_user_adds_to_the_snakefile_make_their_files(tmp_path: Path) -> None:
    project = fresh_project(tmp_path / "project")
    with (project.folder / "Snakefile").open("a") as snakefile:
        snakefile.write('\n\nrule plot:\n    output:\n        "results/smoke_plot.pdf",\n')
    code, said = project.snakemake("--dry-run", "results/smoke_plot.pdf", "--config", "colour=red")
    assert code == 0, said


def test_a_list_of_changes_is_what_a_text_of_them_is() -> None:
    assert split_changes(["train.steps=3", "note=two words seed=4"]) == [
        "train.steps=3",
        "note=two words",
        "seed=4",
    ]


def test_outside_of_a_project_the_message_names_its_folder(tmp_path: Path) -> None:
    project = fresh_project(tmp_path / "project")
    outside = Project(tmp_path / "outside")
    outside.folder.mkdir()
    code, said = outside.snakemake(
        "--dry-run", "--snakefile", f"{project.folder}/Snakefile", TARGET
    )
    assert code == 1
    last = said.strip().splitlines()[-1]
    assert last.startswith(TARGET)
    assert f"{outside.folder}/config has none. Run the command in the project's folder" in last


SOURCE = {"layout": "casiab", "silhouettes": ["data/silhouettes"], "videos": ["data/video"]}


@pytest.mark.parametrize(
    ("changed", "line"),
    [
        ({"pose": {"teacher_weights": "data/weight.pth"}}, "data/weight.pth: no such file; pose.t"),
        ({"silhouettes": ["data/nowhere"]}, "data/nowhere: no such folder; set source.silh"),
        ({"videos": ["data/dangling"]}, "data/dangling: no such folder; set source.videos"),
        ({"videos": ["data"]}, "data: holds dangling, silhouettes, video; source.videos requires"),
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
    protocol = {"train_subjects": ["001..008"], "test_subjects": ["075"]}
    write_settings(project, "mine", {"source": lost, "protocol": protocol})
    for shard in ("train-000", "test-000"):
        table = project.folder / f"results/mine/index/{shard}.csv"
        table.parent.mkdir(parents=True, exist_ok=True)
        table.touch()
    code, said = project.snakemake("--dry-run", "results/mine_rank1.csv")
    assert code == 0, said


def write_settings(project: Project, name: str, settings: dict[str, Any]) -> None:
    (project.folder / "config" / f"{name}.yaml").write_text(yaml.safe_dump(settings))
