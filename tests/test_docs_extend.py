"""The examples of docs/extend.md work: the network trains and embeds, the layout is read."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from gaittake.io.ragged import open_ragged
from tests.conftest import write_cache
from tests.sources.trees import write_video
from tests.workflow.project import Project, fresh_project

pytestmark = pytest.mark.slow

PAGE = (Path(__file__).parents[1] / "docs/extend.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", PAGE, flags=re.MULTILINE | re.DOTALL)
# Several commands in one process, since each start takes seconds.
RUN = """
import sys
from gaittake.cli import app
for line in sys.stdin.read().splitlines():
    app(line.split(), standalone_mode=False)
"""


@pytest.fixture(scope="module")
def extended(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A copy of the project with all changes of the page."""
    project = fresh_project(tmp_path_factory.mktemp("extend") / "project")
    for language, text in BLOCKS:
        if language == "diff":
            name = text.partition("\n")[0].removeprefix("--- ")
            project.edit(name, *both_sides(text))
        elif language != "sh":
            first, _, rest = text.partition("\n")
            with (project.folder / first.removeprefix("# ")).open("a") as file:
                file.write(rest)
    return project


def both_sides(diff: str) -> tuple[str, str]:
    """Returns the lines before and after a change."""
    lines = diff.splitlines(keepends=True)[1:]
    before, after = ([x[1:] for x in lines if x[0] in marks] for marks in (" -", " +"))
    return "".join(before), "".join(after)


def run(project: Project, *commands: str) -> str:
    """Runs `gaittake` commands with the code of the copy; returns what they print."""
    done = subprocess.run(
        [sys.executable, "-c", RUN],
        input="\n".join(commands),
        cwd=project.folder,
        env=os.environ | {"PYTHONPATH": str(project.folder), "COLUMNS": "150"},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_network_of_the_page_trains_embeds_and_is_listed(extended: Project) -> None:
    cache = write_cache(extended.folder / "cache.h5", subjects=8)
    files = f"--cache {cache} --device cpu --threads 1"
    said = run(
        extended,
        f"train smoke --method mean_map {files} --out w.pt --out-history h.csv --checkpoints saved",
        f"embed smoke --method mean_map {files} --weights w.pt --out e.h5",
        "networks",
    )
    assert re.search(r"mean_map.*this page", said)
    history = pd.read_csv(extended.folder / "h.csv")
    assert history["step"].iloc[-1] == 6
    with open_ragged(extended.folder / "e.h5", kind="embeddings") as opened:
        assert set(opened.sequences["subject"]) == {"005", "006", "007", "008"}
        assert opened.read("embeddings", 0, 3).shape == (3, 8, 64)


def test_the_network_of_the_page_is_a_row_of_the_table(extended: Project) -> None:
    jobs = extended.planned()
    assert {"train mean_map", "evaluate mean_map", "train gaittake", "evaluate gei"} <= jobs


def test_the_layout_of_the_page_is_read(extended: Project) -> None:
    for subject in ("p01", "p02", "p03"):
        for walk in ("nm-01", "nm-02"):
            write_video(extended.folder / f"data/flat/{subject}_{walk}_090.mp4")
    (extended.folder / "data/flat/notes.txt").write_text("no walk")
    run(extended, "index flat --shard train-000", "index flat --shard test-000")
    folder = extended.folder / "results/flat/index"
    tables = [pd.read_csv(folder / f"{part}-000.csv", dtype=str) for part in ("train", "test")]
    assert list(tables[0]["subject"]) == ["p01", "p01", "p02", "p02"]
    assert list(tables[1]["subject"]) == ["p03", "p03"]
    assert set(tables[0]["view"]) == {"090"}
