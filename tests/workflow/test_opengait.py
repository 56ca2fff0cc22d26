"""OpenGait's pickles through the whole workflow, without keypoints."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from gaittake.io.ragged import open_ragged
from tests.sources.released import aligned, write_pickle
from tests.workflow.project import Project, fresh_project, started

pytestmark = pytest.mark.whole_run
TRAIN, TEST = ("a1", "a2", "a3", "a4"), ("b1", "b2")
TYPES = ("nm-01", "nm-02", "nm-03")
VIEWS = ("000", "090")
SETTINGS = """
source:
  layout: opengait
  root: data/pickles
  partition: data/partition.json
  silhouettes: "*sils.pkl"
protocol: {gallery: [nm-01..nm-02], probes: {nm: [nm-03]}}
pose: {keypoints: none}
size: small
shard_subjects: 4
train: {subjects_per_batch: 2, sequences_per_subject: 2, frames: 6, steps: 3, milestones: [2]}
methods:
  gei: {network: gei}
  gaitset: {network: gaitset, train: {steps: 3, milestones: [2], frames: 6}}
"""


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A fresh clone after its run on made-up pickles."""
    project = fresh_project(tmp_path_factory.mktemp("opengait") / "project")
    data = project.folder / "data"
    for place, subject in enumerate(TRAIN + TEST):
        for step, kind in enumerate(TYPES):
            for view in VIEWS:
                folder = data / "pickles" / subject / kind / view
                write_pickle(folder / f"{view}-aligned-sils.pkl", aligned(10, place + step))
                write_pickle(folder / f"{view}-ratios.pkl", np.ones(10))
    write_pickle(data / "pickles/c1/nm-01/000/000-aligned-sils.pkl", aligned(10))
    partition = {"TRAIN_SET": [*TRAIN, "a9"], "TEST_SET": [*TEST]}
    (data / "partition.json").write_text(json.dumps(partition))
    (project.folder / "config/mine.yaml").write_text(SETTINGS)
    code, said = project.snakemake(
        "--cores", "2", "results/mine_rank1.csv", "results/mine_report.html"
    )
    assert code == 0, said
    assert not {"teacher", "pseudo_label", "finetune", "predict"} & set(started(said))
    return project


def test_pickles_end_as_a_table_without_stage_one(finished: Project) -> None:
    table = pd.read_csv(finished.folder / "results/mine_rank1.csv", dtype=str)
    assert set(table["method"]) == {"chance", "gei", "gaitset"}
    assert table[["000", "090", "mean"]].astype(float).stack().between(0, 100).all()
    assert not (finished.folder / "results/mine/pose").exists()


def test_the_cache_holds_the_pickles_bit_for_bit(finished: Project) -> None:
    with open_ragged(finished.folder / "results/mine/cache.h5", kind="cache") as cache:
        assert list(cache.arrays) == ["silhouettes"]
        for row in cache.sequences.to_dict("records"):
            seed = (TRAIN + TEST).index(row["subject"]) + TYPES.index(row["type"])
            found = cache.read("silhouettes", row["first_frame"], row["frame_count"])
            assert np.array_equal(found, aligned(10, seed)[:, :, 10:54])


def test_subjects_that_are_absent_or_in_no_list_are_counted(finished: Project) -> None:
    check = json.loads((finished.folder / "results/mine/check.json").read_text())
    assert check["train_subjects"] == {"found": 4, "expected": 5, "missing": ["a9"]}
    rejects = pd.read_csv(finished.folder / "results/mine/rejects.csv")
    found = {
        (Path(path).name, reason)
        for path, reason in zip(rejects["path"], rejects["reason"], strict=True)
    }
    assert ("a9", "subject of the protocol missing") in found
    assert ("c1", "subject in neither list of the protocol") in found
