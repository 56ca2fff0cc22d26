"""What a user types after `snakemake` and cannot be made is one line, without a traceback."""

from pathlib import Path

import pytest

from tests.workflow.project import TARGET, fresh_project


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
