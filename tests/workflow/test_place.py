"""Who has the GPU and the cores of one machine, and what is asked of a cluster for each rule."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import write_cache
from tests.workflow.project import REPOSITORY, TARGET, fresh_project

PROLOGUE = """
import os
import sys
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


# Stands for PyTorch: counts how often it is asked for a GPU, and finds one or not.
TORCH = """
from types import SimpleNamespace
from unittest.mock import MagicMock
open("asked", "a").write("once\\n")
__version__ = "2.9"
cuda = SimpleNamespace(is_available=lambda: {finds})
version = SimpleNamespace(cuda=None, hip=None)
def __getattr__(name):
    return MagicMock()
"""


def at_once(
    folder: Path,
    *arguments: str,
    node: str = "",
    finds: bool = True,
    visible: str | None = None,
    memory: int = 0,
) -> tuple[int, str]:
    """Returns how many of three GPU stages ran at the same time, and what Snakemake said.

    Args:
        folder: where they run.
        arguments: of Snakemake.
        node: the device node of this machine's GPU.
        finds: whether PyTorch finds the GPU.
        visible: CUDA_VISIBLE_DEVICES.
        memory: of this machine, megabytes; 0: no limit.
    """
    devices = folder / "dev"
    devices.mkdir()
    if node:
        (devices / node).touch()
    (folder / "torch.py").write_text(TORCH.format(finds=finds))
    rules = (REPOSITORY / "workflow" / "rules" / "place.smk").read_text()
    assert "Path(os.devnull).parent" in rules
    replaced = rules.replace("Path(os.devnull).parent", f'Path("{devices}")')
    control_groups = folder / "sys" / "fs" / "cgroup"
    control_groups.mkdir(parents=True)
    (control_groups / "memory.max").write_text(f"{memory * 2**20}\n" if memory else "max\n")
    (folder / "place.smk").write_text(replaced)
    (folder / "Snakefile").write_text(PROLOGUE)
    command = [sys.executable, "-m", "snakemake", "--cores", "3", *arguments]
    environment = os.environ | {"PYTHONPATH": f"{folder}:{REPOSITORY}"}
    environment.pop("CUDA_VISIBLE_DEVICES", None)
    if visible is not None:
        environment["CUDA_VISIBLE_DEVICES"] = visible
    ran = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    spans = [
        (float((folder / f"{n}.since").read_text()), float((folder / f"{n}.done").read_text()))
        for n in "abc"
    ]
    most = max(sum(since <= moment < until for since, until in spans) for moment, _ in spans)
    return most, ran.stderr


@pytest.mark.parametrize(
    ("node", "arguments", "expected"),
    [
        ("nvidia0", (), 1),
        ("kfd", (), 1),  # AMD's
        ("dxg", (), 1),  # of WSL2
        ("nvidia0", ("--resources", "gpu=2"), 2),
        ("nvidia0", ("--config", "device=cpu"), 3),
    ],
)
def test_gpu_stages_take_turns_where_pytorch_finds_a_gpu(
    tmp_path: Path, node: str, arguments: tuple[str, ...], expected: int
) -> None:
    most, said = at_once(tmp_path, *arguments, node=node)
    assert most == expected
    assert "is not used" not in said
    asked = tmp_path / "asked"
    assert (asked.read_text() if asked.exists() else "") == "once\n" * (
        "device=cpu" not in arguments
    )


@pytest.mark.parametrize("node", ["nvidia0", "kfd", "dxg"])
def test_gpu_stages_run_side_by_side_where_pytorch_does_not_find_the_gpu(
    tmp_path: Path, node: str
) -> None:
    most, said = at_once(tmp_path, node=node, finds=False)
    assert most == 3
    why = "The GPU of this machine is not used: PyTorch 2.9 is a build for CPUs; install one"
    assert said.count(why) == 1
    assert (tmp_path / "asked").read_text() == "once\n"  # for the whole run


@pytest.mark.parametrize(("node", "visible"), [("", None), ("nvidia0", ""), ("nvidia0", "-1")])
def test_pytorch_is_not_asked_where_there_is_no_gpu_or_it_is_hidden(
    tmp_path: Path, node: str, visible: str | None
) -> None:
    assert at_once(tmp_path, node=node, visible=visible)[0] == 3
    assert not (tmp_path / "asked").exists()


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
    assert at_once(tmp_path, *arguments, memory=memory)[0] == expected


def test_no_profile_limits_gpus() -> None:
    for profile in (REPOSITORY / "profiles").rglob("*.yaml"):
        keys = [line.partition(":")[0] for line in profile.read_text().splitlines()]
        assert "resources" not in keys, profile


def test_a_training_gets_all_cores_if_it_is_faster_with_them(tmp_path: Path) -> None:
    project = fresh_project(tmp_path / "project")

    def threads(*changes: str) -> dict[str, str]:
        code, said = project.snakemake("--dry-run", "--cores", "4", TARGET, *changes)
        assert code == 0, said
        return dict(re.findall(r"^rule (\w+):\n(?:    .*\n)*?    threads: (\d+)\n", said, re.M))

    assert threads() == dict.fromkeys(("train", "embed"), "4"), "a small detector has one"
    weights = tmp_path / "teacher.pt"
    weights.touch()
    changes = f"pose.detector.backbone=resnet50 pose.teacher_weights={weights}"
    large = threads("--config", f"set={changes}")
    assert large == dict.fromkeys(("teacher", "finetune", "train", "embed"), "4")


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


def test_jobs_that_a_cluster_gives_a_gpu_fail_without_one_and_others_choose(tmp_path: Path) -> None:
    project = fresh_project(tmp_path / "project")
    stages = {"teacher", "pseudo-label", "finetune", "predict", "train", "embed"}
    local = ("--cores", "4")
    slurm = ("--executor", "slurm", "--jobs", "2")
    for arguments, device in (
        (local, "auto"),
        (("--jobs", "4"), "auto"),  # of a dry run without --cores, Snakemake takes them for nodes
        (slurm, "cuda"),
        ((*slurm, "--config", "device=cpu"), "cpu"),
        ((*local, "--config", "device=cuda"), "cuda"),
        ((*slurm, "--set-resources", *(f"{s.replace('-', '_')}:gpu=0" for s in stages)), "cpu"),
    ):
        code, said = project.snakemake("--dry-run", "--printshellcmds", TARGET, *arguments)
        assert code == 0, said
        found = re.findall(r"gaittake ([\w-]+) smoke .*--device (\w+) ", said)
        assert set(found) == {(stage, device) for stage in stages}, arguments


@pytest.mark.parametrize("granted", ["SLURM_JOB_GPUS", "SLURM_GPUS_ON_NODE"])
def test_a_run_inside_a_slurm_job_with_a_gpu_computes_on_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, granted: str
) -> None:
    monkeypatch.setenv(granted, "1")
    project = fresh_project(tmp_path / "project")
    _, said = project.snakemake("--dry-run", "--printshellcmds", TARGET, "--cores", "2")
    assert set(re.findall(r"--device (\w+) ", said)) == {"cuda"}


def test_an_unknown_device_is_one_line(tmp_path: Path) -> None:
    project = fresh_project(tmp_path / "project")
    code, said = project.snakemake("--dry-run", TARGET, "--config", "device=gpu")
    assert code == 1
    assert said.splitlines()[1:] == ["--config device=gpu: choose one of auto, cpu, cuda"]


@pytest.mark.parametrize(
    ("chosen", "gpus", "memory"),
    [
        ((), 1, 4000),
        (("--set-resources", "train:gpu=4"), 4, 16000),
        (("--set-resources", "train:gpu=4", "--resources", "gpu=2", "mem_mb=99999"), 2, 8000),
        (("--set-resources", "train:gpu=0"), 0, 4000),
        (("--set-resources", "train:gpu=4", "train:mem_mb=9000"), 4, 9000),
    ],
)
def test_a_training_asks_for_the_memory_of_each_gpu_and_one_node(
    tmp_path: Path, chosen: tuple[str, ...], gpus: int, memory: int
) -> None:
    project = fresh_project(tmp_path / "project")
    machine = ("--cores", "8", "--resources", "mem_mb=99999")
    code, said = project.snakemake("--dry-run", TARGET, *machine, *chosen)
    assert code == 0, said
    (asked,) = re.findall(r"^rule train:\n(?:    .*\n)*?    resources: (.*)\n", said, re.M)
    found = dict(re.findall(r"(\w+)=(\d+)", asked))
    assert (found["gpu"], found["mem_mb"], found["nodes"]) == (str(gpus), str(memory), "1")


# A training that fails in this way, and counts how often it was tried.
FAILS = """
    with open("tried", "a") as tried:
        tried.write("once\\n")
    raise {error}
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("error", "tried", "memory"),
    [
        ('torch.OutOfMemoryError("CUDA out of memory. GPU 0")', 1, ["4000"] * 3),
        ('UserError("the cache is damaged")', 3, ["4000", "8000", "12000"]),
    ],
)
def test_too_little_gpu_memory_is_not_tried_again_with_more_memory_of_the_machine(
    tmp_path: Path, error: str, tried: int, memory: list[str]
) -> None:
    project = fresh_project(tmp_path / "project")
    line = "    with joined(device) as group:\n"
    project.edit("gaittake/training/engine.py", line, FAILS.format(error=error) + line)
    trained = project.folder / "results/smoke/gaittake"
    trained.mkdir(parents=True)
    write_cache(trained.with_name("cache.h5"))
    arguments = ("--cores", "2", "--retries", "2", "--resources", "mem_mb=99999")
    target = "results/smoke/gaittake/weights.safetensors"
    code, said = project.snakemake(target, *arguments, "--allowed-rules", "train")
    assert code == 1
    assert (project.folder / "tried").read_text() == "once\n" * tried
    resources = r"^localrule train:\n(?:    .*\n)*?    resources: .*\bmem_mb=(\d+)"
    assert re.findall(resources, said, re.M) == memory
    log = (project.folder / "results/smoke/logs/train/gaittake.log").read_text()
    note = trained / "weights.safetensors.out-of-memory"
    if tried == 3:
        assert log.endswith("gaittake: error: the cache is damaged\n")
        assert not note.exists()
        return
    assert re.fullmatch(r"gaittake: error: out of GPU memory: .* \(Not tried again .*\)\n", log)
    code, said = project.snakemake(target, *arguments, "--allowed-rules", "train")
    assert (project.folder / "tried").read_text() == "once\n" * 2  # a new run tries once more
    project.edit("gaittake/training/engine.py", FAILS.format(error=error), "")
    settings = "set=train.steps=1 train.precision=float32 model.strips=4"
    chosen = ("--allowed-rules", "train", "--config", settings)
    code, said = project.snakemake(target, *arguments, *chosen)
    assert code == 0, said
    assert not note.exists()


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
        "source: {layout: folder, silhouettes: [data]}\n"
        "pose: {student_from: smoke, boxes: silhouette, detector: {backbone: small}}\n"
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
