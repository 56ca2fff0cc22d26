"""What the tests of the command line share."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from gaittake.cli import main

TINY = """
source: {layout: casiab, silhouettes: [silhouettes]}
protocol: {train_subjects: [001..002], test_subjects: [003..004]}
model: {channels: [4, 8, 8, 8], attention_input: strips, clip_length: 4}
train: {subjects_per_batch: 2, sequences_per_subject: 2, frames: 8, steps: 2}
"""
Run = Callable[..., tuple[int, str]]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs a command in an empty folder with config/tiny.yaml; returns exit code and stderr."""
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "tiny.yaml").write_text(TINY)
    monkeypatch.chdir(tmp_path)

    def call(*arguments: str) -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", ["gaittake", *arguments])
        with pytest.raises(SystemExit) as stopped:
            main()
        assert isinstance(stopped.value.code, int)
        return stopped.value.code, capsys.readouterr().err

    return call


def assert_one_line(result: tuple[int, str], *named: str) -> None:
    code, said = result
    assert code == 1
    assert said.startswith("gaittake: error: ")
    assert said.count("\n") == 1
    for word in named:
        assert word in said
