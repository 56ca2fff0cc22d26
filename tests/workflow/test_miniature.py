"""CASIA-B and OU-MVLP in miniature: the presets' own way through the rules, faults included."""

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
import pytest
import torch

from gaittake.errors import UserError
from gaittake.evaluation.error_tables import RATES
from gaittake.evaluation.evaluate import evaluate
from gaittake.io.checkpoint import file_digest
from gaittake.io.ragged import open_ragged
from gaittake.io.tables import read_rejects, read_sequences
from gaittake.pose.detector import load_detector
from gaittake.sequence import Reject, name_of
from gaittake.settings import EvaluateStage, load_settings
from tests.jobs import stage_settings
from tests.workflow import miniature as mini
from tests.workflow.passers import DETECTOR, write_teacher
from tests.workflow.project import Project, fresh_project
from tests.workflow.tiny_presets import TINY, make_tiny

pytestmark = pytest.mark.whole_run
TARGETS = ("results/casiab_rank1.csv", "results/oumvlp_rank1.csv")
# What a hardly trained detector misses; everything else is planted.
OF_THE_DETECTOR = (
    "no detection",
    "no video frame for this silhouette",
    "no keypoint above the confidence limit",
)


class Finished(NamedTuple):
    """A finished run, and the rows that its planted faults must give, by dataset."""

    project: Project
    planted: dict[str, list[mini.Row]]

    def path(self, dataset: str, name: str) -> Path:
        return self.project.folder / "results" / dataset / name

    def metrics(self, dataset: str, method: str = "gaittake") -> Any:
        return json.loads(self.path(dataset, f"{method}/metrics.json").read_text())

    def frames(self, dataset: str) -> dict[str, int]:
        """Returns the number of usable frames by sequence."""
        with open_ragged(self.path(dataset, "cache.h5"), kind="cache") as cache:
            rows = cache.sequences.to_dict("records")
        names = [name_of(r["subject"], r["type"], r["view"]) for r in rows]
        return dict(zip(names, (int(r["frame_count"]) for r in rows), strict=True))


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    """Both datasets, from folders as they are found on disk to the tables."""
    torch.set_num_threads(1)
    project = fresh_project(tmp_path_factory.mktemp("miniature") / "project")
    planted = {
        "casiab": mini.write_casiab(project.folder),
        "oumvlp": mini.write_oumvlp(project.folder),
    }
    write_teacher(project.folder / "data" / "teacher.pt")
    for dataset, changes in TINY.items():
        make_tiny(project, dataset, changes)
    code, said = project.snakemake("--cores", "2", *TARGETS)
    assert code == 0, said
    return Finished(project, planted)


def row_of(reject: Reject) -> mini.Row:
    """Returns a row as it is planted: a missing subject by its name, a video without a frame."""
    stage, path, reason, _ = reject
    if stage == "index" and "missing" in reason:
        path = path.rpartition("/")[2]
    if reason == "truncated video":
        path = path.partition("#")[0]
    return stage, path, re.split(r"[,:(]", reason)[0].strip()


@pytest.mark.parametrize("dataset", ["casiab", "oumvlp"])
def test_every_planted_fault_has_its_row_and_nothing_else_was_lost(
    finished: Finished, dataset: str
) -> None:
    found = read_rejects(finished.path(dataset, "rejects.csv"))
    rows = [row_of(r) for r in found if not r.reason.startswith(OF_THE_DETECTOR)]
    assert sorted(rows) == sorted(finished.planted[dataset])


@pytest.mark.parametrize("dataset", ["casiab", "oumvlp"])
def test_the_metrics_count_all_that_was_refused(finished: Finished, dataset: str) -> None:
    found = read_rejects(finished.path(dataset, "rejects.csv"))
    for method in ("gei", "gaittake"):
        counts = finished.metrics(dataset, method)["counts"]
        for key, used in (("rejects", "no"), ("notes", "yes")):
            counted = Counter(f"{row.stage}: {row.kind}" for row in found if row.used == used)
            assert counts[key] == counted
            assert counted


def test_each_dataset_ends_in_its_table_which_says_that_it_is_partial(finished: Finished) -> None:
    for dataset, conditions, views in (
        ("casiab", ("nm", "bg", "cl"), ["036", "090"]),
        ("oumvlp", ("nm",), ["000", "090", "270"]),
    ):
        table = pd.read_csv(finished.project.folder / f"results/{dataset}_rank1.csv", dtype=str)
        intervals = ["deviation", "low", "high", "mean_matched"]
        first = ["dataset", "method", "condition", *views, "mean", *intervals]
        assert list(table.columns)[: len(first)] == first
        rates = set(table.columns[len(first) :])  # few people cannot measure all of them
        assert {"rank1_generalised", "failure_to_acquire"} <= rates <= set(RATES)
        rows = set(zip(table["method"], table["condition"], strict=True))
        methods = ("chance", "gei", "gaittake")
        assert rows == {(method, name) for method in methods for name in conditions}
        for column in (*views, "mean"):
            assert table[column].astype(float).between(0, 100).all()
        label = finished.metrics(dataset)["partial"]["label"]
        assert set(table["dataset"]) == {f"{dataset} (partial: {label})"}
        log = finished.path(dataset, "logs/evaluate/gaittake.log").read_text()
        assert f"{dataset} is partial: {label}" in log


def test_the_metrics_name_who_is_missing(finished: Finished) -> None:
    casiab, oumvlp = (finished.metrics(dataset)["partial"] for dataset in ("casiab", "oumvlp"))
    assert "2 of 4 test subjects" in casiab["label"]
    assert casiab["test_subjects_missing"] == ["077", "079"]
    assert casiab["train_subjects_missing"] == ["004"]
    assert "3 of 4 test subjects" in oumvlp["label"]
    assert oumvlp["test_subjects_missing"] == ["00006"]
    assert oumvlp["train_subjects_missing"] == ["00005"]
    assert not finished.metrics("casiab")["synthetic"]  # as far as the rules can know


def test_without_the_setting_a_partial_dataset_is_refused_by_name(
    finished: Finished, tmp_path: Path
) -> None:
    changed = ("protocol.partial=false",)
    settings = load_settings(finished.project.folder / "config" / "casiab.yaml", changed)
    stage = stage_settings(settings, "evaluate", method="gei")
    with pytest.raises(UserError, match=r"2 of 4 test subjects .*\(077, 079\).*protocol.partial"):
        evaluate(
            EvaluateStage.model_validate(stage.model_dump()),
            embeddings=finished.path("casiab", "gei/embeddings.h5"),
            check=finished.path("casiab", "check.json"),
            rejects=finished.path("casiab", "rejects.csv"),
            sequences=finished.path("casiab", "sequences.csv"),
            out=tmp_path / "metrics.json",
            table=tmp_path / "rank1.csv",
            probes=tmp_path / "probes.csv",
        )
    assert not list(tmp_path.iterdir())


def test_casiabs_usable_frames_are_those_that_no_fault_took(finished: Finished) -> None:
    frames = finished.frames("casiab")
    walks = [f"{s}/{w}/{v}" for s in mini.FOUND for w in mini.WALKS for v in ("036", "090")]
    lost = {"001/nm-03/090", "002/bg-02/036", "078/nm-06/090", "075/bg-01/036"}
    assert set(frames) == {*walks, "075/nm-07/036"} - lost
    fewer = {"001/nm-01/036": 9, "075/nm-05/090": 8, "078/cl-02/036": 5}
    assert frames == dict.fromkeys(frames, 10) | fewer


def test_oumvlps_usable_frames_are_those_that_no_fault_took(finished: Finished) -> None:
    frames = finished.frames("oumvlp")
    subjects = ("00001", "00002", "00003", "00004", "10307")
    walks = [
        f"{s}/nm-{n}/{v}" for s in subjects for n in ("00", "01") for v in ("000", "090", "270")
    ]
    assert set(frames) == set(walks) - {"00003/nm-01/090", "00004/nm-01/270", "00002/nm-00/090"}
    fewer = {"00001/nm-00/000": 5, "00001/nm-00/090": 9}
    assert frames == dict.fromkeys(frames, 10) | fewer


def test_the_index_has_the_doubled_and_the_packed_subjects(finished: Finished) -> None:
    walks = read_sequences(finished.path("casiab", "sequences.csv"))
    count = Counter(walk.subject for walk in walks)
    assert count == {"001": 19, "002": 19, "003": 20, "075": 21, "078": 19}
    places = {walk.subject: walk.silhouettes for walk in walks}
    assert places["002"].is_relative_to(mini.SILHOUETTES / "002" / "002")
    assert "unpacked" in places["003"].parts
    assert {walk.video is not None for walk in walks if walk.subject == "003"} == {True}


def test_the_teacher_is_the_local_file(finished: Finished) -> None:
    wanted = load_detector(finished.project.folder / "data/teacher.pt", DETECTOR).state_dict()
    found = load_detector(finished.path("casiab", "pose/teacher.pt"), DETECTOR).state_dict()
    assert all(torch.equal(found[name], value) for name, value in wanted.items())


def test_the_shift_between_videos_and_silhouettes_is_found(finished: Finished) -> None:
    path = finished.path("casiab", "pose/pseudo_labels/train-000.h5")
    with open_ragged(path, kind="pseudo_labels") as labels:
        assert labels.attributes["shift"] == mini.SHIFT
        assert set(labels.sequences["subject"]) == {"001", "002", "003"}
        assert labels.sequences["frame_count"].sum() > 150


def test_oumvlps_keypoints_are_of_casiabs_student(finished: Finished) -> None:
    assert not finished.path("oumvlp", "pose/student.pt").exists()
    student = file_digest(finished.path("casiab", "pose/student.pt"))
    with open_ragged(finished.path("oumvlp", "pose/keypoints/test-000.h5"), kind="keypoints") as k:
        assert k.attributes["student"] == student


def test_a_probe_without_a_match_counts_as_wrong_and_is_left_out_of_rank1_matched(
    finished: Finished,
) -> None:
    pairs = finished.metrics("oumvlp")["conditions"]["nm"]["pairs"]
    cell = {(p["probe_view"], p["gallery_view"]): p for p in pairs}
    assert (cell["000", "270"]["probes"], cell["000", "270"]["probes_matched"]) == (3, 2)
    assert (cell["090", "270"]["probes"], cell["090", "270"]["probes_matched"]) == (2, 1)
    assert (cell["000", "090"]["probes"], cell["000", "090"]["probes_matched"]) == (3, 3)
    for found in cell.values():
        right = found["rank1"] * found["probes"]
        assert right == pytest.approx(found["rank1_matched"] * found["probes_matched"])


def test_a_second_run_of_both_has_nothing_to_do(finished: Finished) -> None:
    for target in TARGETS:
        assert finished.project.planned(target=target) == set()
