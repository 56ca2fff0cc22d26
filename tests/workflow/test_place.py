"""Who has the GPU and the cores of one machine, and what is asked of a cluster for each rule."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.workflow.project import REPOSITORY, TARGET, fresh_project

PROLOGUE = """
import os
from pathlib import Path
from snakemake.exceptions import WorkflowError

include: "place.smk"

rule all:
    input: expand("{name}.done", name=list("abc"))

rule stage:
    output: "{name}.done"
    resources: gpu=1, mem_mb=6000
    shell: "date +%s.%N > {wildcards.name}.since; sleep 0.5; date +%s.%N > {output}"
"""


def at_once(folder: Path, *arguments: str, gpu: bool, visible: str = "0", memory: int = 0) -> int:
    """Returns how many of three GPU stages ran at the same time."""
    devices = folder / "dev"
    devices.mkdir()
    if gpu:
        (devices / "nvidia0").touch()
    rules = (REPOSITORY / "workflow" / "rules" / "place.smk").read_text()
    assert "Path(os.devnull).parent" in rules
    replaced = rules.replace("Path(os.devnull).parent", f'Path("{devices}")')
    control_groups = folder / "sys" / "fs" / "cgroup"
    control_groups.mkdir(parents=True)
    (control_groups / "memory.max").write_text(f"{memory * 2**20}\n" if memory else "max\n")
    (folder / "place.smk").write_text(replaced)
    (folder / "Snakefile").write_text(PROLOGUE)
    command = [sys.executable, "-m", "snakemake", "--cores", "3", *arguments]
    subprocess.run(
        ["env", f"CUDA_VISIBLE_DEVICES={visible}", *command],
        cwd=folder,
        check=True,
        capture_output=True,
    )
    spans = [
        (float((folder / f"{n}.since").read_text()), float((folder / f"{n}.done").read_text()))
        for n in "abc"
    ]
    return max(sum(since <= moment < until for since, until in spans) for moment, _ in spans)


@pytest.mark.parametrize(
    ("gpu", "visible", "arguments", "expected"),
    [
        (True, "0", (), 1),
        (True, "0", ("--resources", "gpu=2"), 2),
        (True, "", (), 3),  # hidden from PyTorch: the stages compute on the CPU
        (False, "0", (), 3),
    ],
)
def test_gpu_stages_take_turns_where_there_is_one_gpu(
    tmp_path: Path, gpu: bool, visible: str, arguments: tuple[str, ...], expected: int
) -> None:
    assert at_once(tmp_path, *arguments, gpu=gpu, visible=visible) == expected


@pytest.mark.parametrize(
    ("memory", "arguments", "expected"),
    [
        (2000, (), 1),  # less than one job asks for
        (13000, (), 2),
        (18500, (), 3),
        (2000, ("--resources", "mem_mb=12000"), 2),
    ],
)
def test_jobs_that_run_at_once_fit_into_the_memory(
    tmp_path: Path, memory: int, arguments: tuple[str, ...], expected: int
) -> None:
    assert at_once(tmp_path, *arguments, gpu=False, memory=memory) == expected


def test_no_profile_limits_gpus() -> None:
    for profile in (REPOSITORY / "profiles").rglob("*.yaml"):
        keys = [line.partition(":")[0] for line in profile.read_text().splitlines()]
        assert "resources" not in keys, profile


def test_on_a_small_machine_nothing_runs_beside_a_training(tmp_path: Path) -> None:
    code, said = fresh_project(tmp_path / "project").snakemake("--dry-run", "--cores", "4", TARGET)
    assert code == 0, said
    threads = dict(re.findall(r"^rule (\w+):\n(?:    .*\n)*?    threads: (\d+)\n", said, re.M))
    assert threads == dict.fromkeys(("teacher", "finetune", "train", "embed"), "4")


@pytest.mark.parametrize(
    ("chosen", "start"),
    [
        ((), "python -m gaittake train"),
        (
            ("--set-resources", "train:gpu=3"),
            "torchrun --standalone --nproc-per-node 3 -m gaittake train",
        ),
    ],
)
def test_a_training_has_a_process_for_each_gpu_that_the_profile_gives_it(
    tmp_path: Path, chosen: tuple[str, ...], start: str
) -> None:
    project = fresh_project(tmp_path / "project")
    code, said = project.snakemake("--dry-run", "--printshellcmds", "--cores", "4", TARGET, *chosen)
    assert code == 0, said
    commands = re.findall(r"^(?:Shell command: )?\s*(\S.*gaittake (?:train|embed)) ", said, re.M)
    assert set(commands) == {start, "python -m gaittake embed"}


def test_a_new_attempt_asks_for_more_memory_and_for_more_time_where_it_starts_anew() -> None:
    rules = [path.read_text() for path in (REPOSITORY / "workflow" / "rules").glob("*.smk")]
    asked = {}
    for text in rules:
        for rule in re.split(r"^rule ", text, flags=re.MULTILINE)[1:]:
            if "localrule: True" not in rule:
                asked[rule.partition(":")[0]] = re.findall(r"(mem_mb|runtime)=per_attempt\(", rule)
    continued = {name for name, grows in asked.items() if grows == ["mem_mb"]}
    assert continued == {"teacher", "finetune", "train"}
    anew = {name for name, grows in asked.items() if grows == ["mem_mb", "runtime"]}
    assert anew >= {"render", "pseudo_label", "predict", "cache", "merge", "embed", "evaluate"}


def test_a_training_of_weeks_on_a_cpu_is_announced_before_the_first_job(tmp_path: Path) -> None:
    project = fresh_project(tmp_path / "project")
    (project.folder / "config" / "own.yaml").write_text(
        "source: {layout: folder, silhouettes: [data]}\npose: {student_from: smoke}\n"
        "protocol: {train_subjects: [a], test_subjects: [b]}\n"
        "methods: {gaitgl: {network: gaitgl}}\n"
    )
    (project.folder / "data" / "a").mkdir(parents=True)
    code, said = project.snakemake("--cores", "1", "results/own_rank1.csv")
    assert code == 1  # no subject has frames
    announced = re.search(r"own, gaitgl: 80,000 steps take about ([\d,]+) h on \d+ cores", said)
    assert announced is not None, said
    assert int(announced[1].replace(",", "")) > 50
    assert "preset: laptop" in said
    assert said.index("80,000 steps") < said.index("rule ")
