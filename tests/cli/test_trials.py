"""A command with another `--out` leaves everything else as it was."""

from pathlib import Path

import pytest

from tests.cli.conftest import Run, assert_one_line

WALKERS = """
source: {layout: walkers}
walkers: {subjects: 2, bodies: 1, views: [90], frames: 8, normal: 2, bag: 0, coat: 0}
protocol:
  train_subjects: ["001"]
  test_subjects: ["002"]
  gallery: [nm-01]
  probes: {nm: [nm-02]}
pose: {teacher_weights: walkers, detector: {backbone: small, min_size: 80, max_size: 128}}
size: small
"""


@pytest.mark.parametrize("command", ["render", "unpack", "segment"])
def test_a_folder_that_holds_something_else_is_not_replaced(run: Run, command: str) -> None:
    Path("config/walkers.yaml").write_text(WALKERS)
    mine = Path("mine/thesis.tex")
    mine.parent.mkdir()
    mine.write_text("years of work")
    said = run(command, "walkers", "--shard", "train-000", "--out", "mine")
    assert_one_line(said, "mine: exists", "'thesis.tex' would be deleted")
    assert mine.read_text() == "years of work"


def test_a_rendered_folder_is_rendered_again(run: Run) -> None:
    Path("config/walkers.yaml").write_text(WALKERS)
    for _ in range(2):
        assert run("render", "walkers", "--shard", "train-000", "--out", "trial")[0] == 0
        assert len(list(Path("trial/videos").iterdir())) == 2
    assert not Path("results").exists()
