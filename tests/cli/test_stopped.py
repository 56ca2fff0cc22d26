"""A command that a scheduler or Snakemake stops."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
PEOPLE = "source: {layout: walkers}\nwalkers: {subjects: 16}\n"
PROTOCOL = "protocol: {train_subjects: [001..008], test_subjects: [009..016]}\n"


def test_sigterm_leaves_no_temporary_file(tmp_path: Path) -> None:
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "people.yaml").write_text(PEOPLE + PROTOCOL)
    process = subprocess.Popen(
        [sys.executable, "-m", "gaittake", "render", "people", "--shard", "train-000"],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(REPOSITORY)},
        stderr=subprocess.PIPE,
        text=True,
    )
    data = tmp_path / "results/people/data"
    deadline = time.monotonic() + 120
    while not list(data.rglob("*.png")):  # below a temporary name
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.05)
    process.send_signal(signal.SIGTERM)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 143
    assert said.splitlines()[-1] == "gaittake: SIGTERM: stopped; run the same command again"
    assert "Traceback" not in said
    assert list(data.iterdir()) == []
