"""The page in the workflow: its dependencies, and the same input by the rule and by hand."""

import re
import shlex
import sys
from pathlib import Path
from typing import Any

import pytest

from gaittake.cli import main
from gaittake.report import build
from tests.workflow.project import fresh_project

CONFIGS = {
    "smoke": None,
    "truth": "source: {layout: walkers}\npose: {keypoints: truth}\n",
    "borrower": "source: {layout: walkers}\n"
    "pose: {student_from: smoke, boxes: silhouette, detector: {backbone: small}}\n",
}
PEOPLE = "protocol: {train_subjects: [001..020], test_subjects: [021..024]}\n"


@pytest.mark.parametrize("dataset", CONFIGS)
def test_the_command_by_hand_has_the_input_of_the_rule(
    dataset: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = fresh_project(tmp_path / "project")
    if text := CONFIGS[dataset]:
        (project.folder / f"config/{dataset}.yaml").write_text(text + PEOPLE)
    page = f"results/{dataset}_report.html"
    code, output = project.snakemake("--dry-run", "--printshellcmds", page)
    assert code == 0, output
    (command,) = re.findall(rf"python -m gaittake (report {dataset} .*?) &> ", output)
    calls: list[tuple[Any, dict[str, Any]]] = []
    monkeypatch.setattr(build, "build_report", lambda *given, **named: calls.append((given, named)))
    monkeypatch.chdir(project.folder)
    for arguments in (shlex.split(command), ["report", dataset, "--threads", "1"]):
        monkeypatch.setattr(sys, "argv", ["gaittake", *arguments])
        with pytest.raises(SystemExit) as stopped:
            main()
        assert stopped.value.code == 0
    assert calls[0] == calls[1]
    poses = calls[0][1]["poses"]
    assert (poses.quality is None) == (dataset == "truth")
    assert bool(poses.pseudo_labels) == (dataset == "smoke")
    assert bool(poses.truth) == (dataset != "truth")
    assert calls[0][1]["out"] == Path(page)


def test_the_page_depends_on_every_file_that_it_shows(tmp_path: Path) -> None:
    project = fresh_project(tmp_path / "project")
    jobs = project.planned(target="results/smoke_report.html")
    assert {"report", "compare", "quality", "survey", "train gaittake", "embed gei"} <= jobs
    assert "train gei" not in jobs
