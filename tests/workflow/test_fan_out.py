"""Which jobs a dataset gets, read from dry runs: nothing is computed here."""

import re

import pytest

from tests.workflow.project import Project, fresh_project

RECORDED = "protocol.test_subjects=[recorded] walkers.recorded=data/walks.npz"
BORROWER = """
source: {layout: walkers}
walkers: {subjects: 4}
protocol: {train_subjects: [001..002], test_subjects: [003..004]}
pose: {student_from: smoke, boxes: silhouette, detector: {backbone: small}}
"""
TESTER = """
source: {layout: walkers}
walkers: {subjects: 12}
protocol: {train_subjects: [], test_subjects: [009..012]}
pose: {student_from: smoke, boxes: silhouette, detector: {backbone: small}}
networks_from: smoke
"""
EXACT = BORROWER.replace("student_from: smoke", "keypoints: truth")
CASIAB = "source: {layout: casiab, silhouettes: [silhouettes], videos: [videos]}\n"


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    made = fresh_project(tmp_path_factory.mktemp("fan_out") / "project")
    (made.folder / "config" / "borrower.yaml").write_text(BORROWER)
    (made.folder / "config" / "tester.yaml").write_text(TESTER)
    (made.folder / "config" / "overlapping.yaml").write_text(TESTER.replace("009", "004"))
    (made.folder / "config" / "exact.yaml").write_text(EXACT)
    (made.folder / "config" / "casiab.yaml").write_text(CASIAB)
    (made.folder / "silhouettes" / "001").mkdir(parents=True)
    (made.folder / "videos").mkdir()
    (made.folder / "videos" / "001-nm-01-090.avi").touch()
    return made


def test_subjects_go_by_shard_and_only_training_subjects_are_labelled(project: Project) -> None:
    shards = ("train-000", "test-000")
    by_shard = {f"{rule} {s}" for rule in ("render", "index", "predict", "cache") for s in shards}
    assert project.planned() == by_shard | {
        "teacher",
        "pseudo_label train-000",
        "finetune",
        "quality",
        "check",
        "merge",
        "survey",
        "train gaittake",
        "embed gei",
        "embed gaittake",
        "evaluate gei",
        "evaluate gaittake",
        "compare",
    }


def test_a_borrowed_student_is_made_by_its_own_datasets_settings(project: Project) -> None:
    code, said = project.snakemake("--dry-run", "--printshellcmds", "results/borrower_rank1.csv")
    assert code == 0, said
    stages = set(re.findall(r"python -m gaittake (\S+) (\S+)", said))
    assert {("teacher", "smoke"), ("finetune", "smoke"), ("predict", "borrower")} <= stages
    assert ("quality", "borrower") in stages  # against exact joints
    lent = {stage for stage, dataset in stages if dataset == "borrower"}
    assert not lent & {"teacher", "pseudo-label", "finetune"}
    assert not {stage for stage, dataset in stages if dataset == "smoke"} & {"predict", "train"}


def test_borrowed_networks_are_trained_on_the_dataset_that_lends_them(project: Project) -> None:
    target = "results/tester_report.html"
    code, said = project.snakemake("--dry-run", "--printshellcmds", target)
    assert code == 0, said
    jobs = set(re.findall(r"python -m gaittake (\S+) (\S+)", said))
    assert {("train", "smoke"), ("embed", "tester"), ("evaluate", "tester")} <= jobs
    assert ("train", "tester") not in jobs
    assert ("embed", "smoke") not in jobs
    assert "--weights results/smoke/gaittake/weights.safetensors" in said
    assert "data/train-000" not in re.sub(r"results/smoke/\S+", "", said)


def test_a_dataset_on_disk_is_not_rendered(project: Project) -> None:
    jobs = project.planned(target="results/casiab_rank1.csv")
    assert not [job for job in jobs if job.startswith("render")]
    assert {"index train-000", "index test-003", "teacher", "quality", "compare"} <= jobs
    assert "pseudo_label test-000" not in jobs


def test_exact_joints_need_no_pose_stage(project: Project) -> None:
    jobs = project.planned(target="results/exact_rank1.csv")
    pose = ("teacher", "pseudo_label", "finetune", "predict", "quality")
    assert not [job for job in jobs if job.startswith(pose)]
    assert {"cache train-000", "cache test-000", "compare"} <= jobs


@pytest.mark.parametrize(
    ("target", "chosen", "message"),
    [
        ("results/nothing_rank1.csv", [], "config/nothing.yaml: there is no such settings file"),
        (
            "results/smoke_rank1.csv",
            ["train.stepz=3"],
            "config/smoke.yaml: 'train.stepz' is not a setting",
        ),
        ("results/smoke_rank1.csv", ["train.steps=0"], "config/smoke.yaml: 'train.steps': it must"),
        ("results/smoke_rank1.csv", RECORDED.split(), "data/walks.npz"),
        (
            "results/overlapping_rank1.csv",
            [],
            "networks_from: smoke's networks were trained on ['004']",
        ),
        (
            "results/tester/gaittake/weights.safetensors",
            [],
            "networks_from: tester's networks are trained",
        ),
        ("results/smoke_rank1.csv", ["networks_from=none"], "config/none.yaml: there is no such"),
    ],
)
def test_wrong_settings_stop_the_run_before_it_starts_with_one_line(
    project: Project, target: str, chosen: list[str], message: str
) -> None:
    code, said = project.snakemake("--dry-run", target, "--config", f"set={' '.join(chosen)}")
    assert code == 1
    lines = [line.strip().removeprefix(f"{target}: ") for line in said.splitlines()]
    assert len([line for line in lines if line.startswith(message)]) == 1
    assert "Traceback (most recent call last)" not in said


def test_without_a_target_the_walkers_are_made(project: Project) -> None:
    code, said = project.snakemake("--dry-run")
    assert code == 0, said
    assert "results/walkers_rank1.csv" in said
    assert project.snakemake("--dry-run", "--snakefile", "workflow/Snakefile")[0] == 0
