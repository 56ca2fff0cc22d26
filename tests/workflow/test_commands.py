"""A stage run by hand reads, writes and is set as the same stage run by the workflow."""

import re
import shlex
import sys
from importlib import import_module
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from gaittake.cli import main
from tests.sources.trees import write_casiab
from tests.workflow.project import TARGET, fresh_project

STAGES = {
    "unpack": "sources.archives.unpack_subjects",
    "render": "sources.walkers.dataset.render_subjects",
    "segment": "use.segment.segment_subjects",
    "index": "sources.index.index_sequences",
    "teacher": "pose.teacher.train_teacher",
    "pseudo-label": "pose.pseudo_label.make_pseudo_labels",
    "finetune": "pose.finetune.finetune_student",
    "predict": "pose.predict.predict_keypoints",
    "quality": "pose.quality.measure_quality",
    "check": "sources.check.check",
    "cache build": "data.build_cache.cache_shard",
    "survey": "sources.survey.survey",
    "cache merge": "data.build_cache.merge_caches",
    "train": "training.engine.train",
    "embed": "evaluation.embed.embed",
    "evaluate": "evaluation.evaluate.evaluate",
    "compare": "evaluation.compare.compare",
    "report": "report.build.build_report",
}
Call = tuple[str, list[Any], dict[str, Any]]


def by_hand(command: list[str]) -> list[str]:
    """Returns the command as a person types it: stage, dataset, and which part of it."""
    stage = command[:2] if command[0] == "cache" else command[:1]
    typed = [*stage, command[len(stage)]]
    for option in ("--shard", "--method"):
        if option in command:
            typed += [option, command[command.index(option) + 1]]
    return typed


def written(command: list[str]) -> set[str]:
    """Returns the files and folders that a command of the workflow is told to write."""
    pairs = pairwise(command)
    return {place for option, place in pairs if option.startswith(("--out", "--checkpoints"))}


def record_calls(monkeypatch: pytest.MonkeyPatch) -> list[Call]:
    """Replaces every stage by a function that notes its calls; returns the notes."""
    calls: list[Call] = []
    for stage, name in STAGES.items():
        module, function = name.rsplit(".", 1)

        def note(*given: Any, stage: str = stage, **named: Any) -> None:
            kept = [item for item in given if not callable(item)]
            if stage == "render":
                kept.pop()  # a temporary folder, named after the real one
            calls.append((stage, kept, named))

        monkeypatch.setattr(import_module(f"gaittake.{module}"), function, note)
    return calls


def write_datasets(folder: Path) -> None:
    """Writes datasets that lend nothing, a student, networks, and one that is partly packed."""
    protocol = "protocol: {train_subjects: [001..020], test_subjects: [021..024]}\n"
    pose = "pose: {student_from: smoke, boxes: silhouette, detector: {backbone: small}}\n"
    lent = f"source: {{layout: walkers}}\n{pose}"
    packed = f"source: {{layout: casiab, silhouettes: [data]}}\n{pose}"
    config = folder / "config"
    (config / "borrower.yaml").write_text(lent + protocol)
    (config / "tester.yaml").write_text(
        f"{lent}networks_from: smoke\n{protocol}".replace("001..020", "")
    )
    filmed = "source: {layout: folder, videos: [data], masks_from_rgb: people}\n"
    (config / "filmed.yaml").write_text(filmed + pose + protocol)
    (config / "packed.yaml").write_text(packed + protocol)
    write_casiab(folder / "data", ("002", "021"), ("nm-01",))
    for subject in ("001", "022"):
        (folder / "data" / f"{subject}.tar.gz").write_bytes(b"")


MISSING = {
    "smoke": {"unpack", "segment"},
    "borrower": {"unpack", "segment", "teacher", "pseudo-label", "finetune"},
    "tester": {"unpack", "segment", "teacher", "pseudo-label", "finetune", "train"},
    "packed": {"segment", "render", "teacher", "pseudo-label", "finetune", "quality"},
    "filmed": {"unpack", "render", "teacher", "pseudo-label", "finetune", "quality"},
}


@pytest.mark.parametrize("dataset", MISSING)
def test_the_commands_own_paths_and_settings_are_those_of_the_rules(
    dataset: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = fresh_project(tmp_path / "project")
    write_datasets(project.folder)
    targets = [f"results/{dataset}_{name}" for name in ("rank1.csv", "report.html")]
    code, said = project.snakemake("--dry-run", "--printshellcmds", *targets)
    assert code == 0, said
    found = re.findall(rf"python -m gaittake (.* {dataset} .*?)(?: --threads \d+)? &> ", said)
    monkeypatch.chdir(project.folder)
    calls = record_calls(monkeypatch)
    for text in found:
        command = shlex.split(text)
        for arguments in (command, by_hand(command)):
            monkeypatch.setattr(sys, "argv", ["gaittake", *arguments])
            with pytest.raises(SystemExit) as stopped:
                main()
            assert stopped.value.code == 0, arguments
        assert calls[-1] == calls[-2]
        trial = [*by_hand(command), "--out", "trial/file.ext"]
        monkeypatch.setattr(sys, "argv", ["gaittake", *trial])
        with pytest.raises(SystemExit):
            main()
        assert not written(command) & {str(value) for value in calls[-1][2].values()}, trial
    assert {stage for stage, _, _ in calls} == set(STAGES) - MISSING[dataset]


def test_changed_settings_reach_the_commands(tmp_path: Path) -> None:
    project = fresh_project(tmp_path / "project")
    code, said = project.snakemake(
        "--dry-run", "--printshellcmds", TARGET, "--config", "set=train.steps=3 note=two words"
    )
    assert code == 0, said
    trained = next(line for line in said.splitlines() if "gaittake train" in line)
    assert "--set train.steps=3 --set 'note=two words' --settings-digest" in trained
