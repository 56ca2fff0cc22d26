"""A stage run by hand reads, writes and is set as the same stage run by the workflow."""

import re
import shlex
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from gaittake.cli import main
from tests.workflow.project import TARGET, fresh_project

STAGES = {
    "render": "sources.walkers.dataset.render_subjects",
    "index": "sources.index.index_sequences",
    "teacher": "pose.teacher.train_teacher",
    "pseudo-label": "pose.pseudo_label.make_pseudo_labels",
    "finetune": "pose.finetune.finetune_student",
    "predict": "pose.predict.predict_keypoints",
    "quality": "pose.quality.measure_quality",
    "cache build": "data.build_cache.cache_shard",
    "survey": "sources.survey.survey",
    "cache merge": "data.build_cache.merge_caches",
    "train": "training.engine.train",
    "embed": "evaluation.embed.embed",
    "evaluate": "evaluation.evaluate.evaluate",
    "compare": "evaluation.compare.compare",
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


@pytest.mark.parametrize("dataset", ["smoke", "borrower", "tester"])
def test_the_commands_own_paths_and_settings_are_those_of_the_rules(
    dataset: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = fresh_project(tmp_path / "project")
    (project.folder / "config" / "borrower.yaml").write_text(
        "source: {layout: walkers}\npose: {student_from: smoke}\n"
        "protocol: {train_subjects: [001..020], test_subjects: [021..024]}\n"
    )
    (project.folder / "config" / "tester.yaml").write_text(
        "source: {layout: walkers}\npose: {student_from: smoke}\nnetworks_from: smoke\n"
        "protocol: {train_subjects: [], test_subjects: [021..024]}\n"
    )
    target = TARGET.replace("smoke", dataset)
    code, said = project.snakemake("--dry-run", "--printshellcmds", target)
    assert code == 0, said
    found = re.findall(rf"python -m gaittake (.* {dataset} .*?)(?: --threads \d+)? &> ", said)
    monkeypatch.chdir(project.folder)
    calls: list[Call] = []
    for stage, name in STAGES.items():
        module, function = name.rsplit(".", 1)

        def record(*given: Any, stage: str = stage, **named: Any) -> None:
            given_here = [item for item in given if not callable(item)]
            if stage == "render":
                given_here.pop()  # a temporary folder, named after the real one
            calls.append((stage, given_here, named))

        monkeypatch.setattr(import_module(f"gaittake.{module}"), function, record)
    for text in found:
        command = shlex.split(text)
        for arguments in (command, by_hand(command)):
            monkeypatch.setattr(sys, "argv", ["gaittake", *arguments])
            with pytest.raises(SystemExit) as stopped:
                main()
            assert stopped.value.code == 0, arguments
        assert calls[-1] == calls[-2]
    lent = set() if dataset == "smoke" else {"teacher", "pseudo-label", "finetune"}
    if dataset == "tester":
        lent.add("train")
    assert {stage for stage, _, _ in calls} == set(STAGES) - lent
