"""Nothing is skipped silently: each fault of a dataset is a row of rejects.csv, not an error."""

import os
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from gaittake.io.tables import read_rejects
from gaittake.pose import pseudo_label
from gaittake.pose.locate import Detections
from gaittake.settings import Detector, PseudoLabel, PseudoLabelStage
from gaittake.sources.archives import unpack_subjects
from tests.sources.pipeline import SEQUENCES, TEST, TRAIN, in_cache, run
from tests.sources.trees import SIZE, write_casiab, write_frames, write_video

EVERYBODY = [f"{s}/{w}/{v}" for s in TRAIN + TEST for w in SEQUENCES for v in ("000", "090")]
Row = tuple[str, str, str]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Two training and two test subjects with two sequences, two views and three frames each."""
    write_casiab(tmp_path / "silhouettes", TRAIN + TEST, SEQUENCES)
    return tmp_path


def rows(root: Path, *more: Path, clip: int = 3) -> list[Row]:
    """Returns stage, path (below the silhouettes) and reason of each row of rejects.csv."""
    found = run(root, *more, clip=clip)
    return [
        (r.stage, r.path.replace(f"{root}/silhouettes", "").lstrip("/"), r.reason) for r in found
    ]


def frame(root: Path, sequence: str, number: int) -> Path:
    """Returns the path of a frame, for example of `001/nm-01/090` and 7."""
    stem = sequence.replace("/", "-")
    return root / "silhouettes" / sequence / f"{stem}-{number:03d}.png"


def test_a_dataset_without_faults_has_no_rejects_and_the_log_says_so(
    root: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level("INFO"):
        assert rows(root) == []
    assert caplog.records[-1].getMessage() == f"{root}/rejects.csv: 0 skipped, 0 used with a note"
    assert in_cache(root) == EVERYBODY


def test_a_corrupt_png_costs_only_its_frame(root: Path) -> None:
    path = frame(root, "001/nm-01/090", 8)
    path.write_bytes(path.read_bytes()[:-20])
    place = "001/nm-01/090/001-nm-01-090-008.png"
    assert rows(root, clip=2) == [("cache", place, "unreadable image")]
    assert in_cache(root) == EVERYBODY


def test_an_empty_silhouette_costs_only_its_frame(root: Path) -> None:
    cv2.imwrite(str(frame(root, "001/nm-01/090", 8)), np.zeros(SIZE, np.uint8))
    assert rows(root, clip=2) == [("cache", "001/nm-01/090#8", "empty silhouette")]
    assert in_cache(root) == EVERYBODY


def test_a_sequence_without_usable_frames_is_skipped_and_listed(root: Path) -> None:
    for number in (7, 8, 9):
        cv2.imwrite(str(frame(root, "003/nm-02/090", number)), np.zeros(SIZE, np.uint8))
    found = rows(root)
    assert ("cache", "003/nm-02/090", "no usable frame") in found
    assert len(found) == 4
    assert in_cache(root) == [name for name in EVERYBODY if name != "003/nm-02/090"]


def test_an_empty_folder_is_listed(root: Path) -> None:
    for path in ("001/nm-03/090", "002/cl-01"):
        (root / "silhouettes" / path).mkdir(parents=True)
    assert rows(root) == [
        ("index", "001/nm-03/090", "empty folder"),
        ("index", "002/cl-01", "empty folder"),
    ]


def test_wrong_names_are_listed_once_and_not_once_per_shard(root: Path) -> None:
    silhouettes = root / "silhouettes"
    for path in ("001/nm-1/090", "001/nm-01/side", "1/nm-01/090"):
        write_frames(silhouettes / path)
    (silhouettes / "readme.txt").write_text("")
    assert rows(root) == [
        ("index", "001/nm-01/side", "not a view (expected a name like 090)"),
        ("index", "001/nm-1", "not a sequence (expected a name like nm-01)"),
        ("survey", "1", "not a subject (expected a name like 001)"),
        ("survey", "readme.txt", "not a subject (expected a name like 001)"),
    ]
    assert in_cache(root) == EVERYBODY


def test_hidden_and_system_files_are_listed_at_every_level(root: Path) -> None:
    places = (".DS_Store", "001/.DS_Store", "001/nm-01/Thumbs.db", "001/nm-01/090/._7.png")
    for place in places:
        (root / "silhouettes" / place).write_bytes(b"x")
    found = rows(root)
    assert {reason for _, _, reason in found} == {"hidden or system file"}
    assert sorted(path for _, path, _ in found) == sorted(places)
    assert in_cache(root) == EVERYBODY


def test_a_file_among_the_frames_that_is_not_an_image_is_listed(root: Path) -> None:
    (root / "silhouettes/001/nm-01/090/list.txt").write_text("")
    reason = "not a numbered image"
    assert rows(root) == [("index", "001/nm-01/090/list.txt", reason)]


def test_of_two_files_with_one_frame_number_the_first_is_used(root: Path) -> None:
    path = frame(root, "001/nm-01/090", 8)
    shutil.copy(path, path.with_name("copy-8.png"))
    place = "001/nm-01/090/copy-8.png"
    assert rows(root) == [("index", place, "duplicate frame number")]


def test_a_name_that_is_not_unicode_is_listed(root: Path) -> None:
    folder = os.fsencode(root / "silhouettes/001/nm-01/090")
    Path(os.fsdecode(folder + b"/\xb8\xb4\xbc\xfe.png")).write_bytes(b"x")  # Chinese, in GBK
    place = "001/nm-01/090/\\udcb8\\udcb4\\udcbc\\udcfe.png"
    assert rows(root) == [("index", place, "not a numbered image")]


def test_a_subject_of_the_protocol_that_is_missing_is_listed(root: Path) -> None:
    shutil.rmtree(root / "silhouettes/004")
    assert rows(root) == [("index", "004", "subject of the protocol missing")]
    assert in_cache(root) == [name for name in EVERYBODY if not name.startswith("004")]


def test_a_subject_in_neither_list_is_listed(root: Path, caplog: pytest.LogCaptureFixture) -> None:
    write_casiab(root / "silhouettes", ("009", "017"))
    with caplog.at_level("INFO"):
        found = rows(root)
    reason = "subject in neither list of the protocol"
    assert found == [("survey", "009", reason), ("survey", "017", reason)]
    assert "6 subjects on disk, 4 of the protocol's 4; in neither list: 009, 017" in caplog.text


def test_missing_sequences_of_test_subjects_are_listed(root: Path) -> None:
    shutil.rmtree(root / "silhouettes/003/nm-02")
    shutil.rmtree(root / "silhouettes/004/nm-01/090")
    shutil.rmtree(root / "silhouettes/001/nm-01")  # training requires no particular sequence
    assert rows(root) == [
        ("survey", "003/nm-02", "sequence of the protocol missing"),
        ("survey", "004/nm-01/090", "view of the protocol's sequence missing"),
    ]


def test_a_sequence_in_neither_gallery_nor_probes_is_listed(root: Path) -> None:
    write_casiab(root / "silhouettes", ("001", "003"), ("cl-01",))
    assert rows(root) == [("survey", "003/cl-01", "sequence in neither gallery nor probes")]


def test_a_sequence_shorter_than_a_clip_is_used_and_listed(root: Path) -> None:
    for sequence in ("001/nm-01/090", "003/nm-01/090"):
        frame(root, sequence, 8).unlink()
    short = "shorter than a training clip"
    assert rows(root) == [
        ("survey", "001/nm-01/090", f"{short}, frames repeat in training"),
        ("survey", "003/nm-01/090", f"{short}, all frames used in tests"),
    ]
    assert in_cache(root) == EVERYBODY


def test_frames_without_keypoints_are_listed(root: Path) -> None:
    write_frames(root / "silhouettes/001/nm-01/090", "001-nm-01-090-", (10,))
    assert rows(root) == [("cache", "001/nm-01/090#10", "no keypoints")]


def test_a_truncated_and_a_broken_video_are_listed(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for sequence in ("nm-01", "nm-02"):
        for view in ("000", "090"):
            write_video(root / f"videos/001-{sequence}-{view}.avi", frames=60)
    cut = root / "videos/001-nm-01-000.avi"
    cut.write_bytes(b"00dc".join(cut.read_bytes().split(b"00dc")[:9])[:-50])  # within frame 8
    (root / "videos/001-nm-02-090.avi").write_bytes(b"no video")
    assert not [row for row in rows(root) if row[0] == "pseudo-label"]
    table = _label(root, monkeypatch)
    found = [row for row in rows(root, table) if row[0] == "pseudo-label"]
    reasons = {(Path(path).name.split("#")[0], reason) for _, path, reason in found}
    assert ("001-nm-01-000.avi", "truncated video") in reasons
    assert ("001-nm-02-090.avi", "unreadable video") in reasons
    assert ("090", "no video of this sequence") in reasons  # those of 002
    lost = "no video frame for this silhouette"
    assert sum(reason == lost for _, _, reason in found) >= 3


def _label(root: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Makes pseudo-labels with a teacher that detects a person in every frame."""

    def detect(_: object, images: list[torch.Tensor]) -> list[Detections]:
        box, joints = torch.tensor([[0.0, 0, 48, 40]]), torch.zeros(1, 17, 3)
        return [Detections(box, torch.ones(1), joints) for _ in images]

    monkeypatch.setattr(pseudo_label, "load_detector", lambda *_, **__: torch.nn.Identity())
    monkeypatch.setattr(pseudo_label, "detect", detect)
    (root / "teacher.pt").write_bytes(b"")
    rules = PseudoLabel(every=1, min_iou=0.0)
    pseudo_label.make_pseudo_labels(
        PseudoLabelStage(detector=Detector(), pseudo_label=rules, batch=4, subjects=TRAIN),
        index=root / "train.csv",
        teacher=root / "teacher.pt",
        out=root / "labels.h5",
        rejects=root / "labels.rejects.csv",
        device=torch.device("cpu"),
    )
    return root / "labels.rejects.csv"


def test_a_broken_archive_is_listed_with_its_subject(root: Path) -> None:
    shutil.rmtree(root / "silhouettes/002")
    archive = root / "silhouettes/002.tar.gz"
    archive.write_bytes(b"cut off")
    unpack_subjects([archive], out=root / "unpacked", rejects=root / "unpacked.csv")
    assert rows(root, root / "unpacked.csv") == [
        ("unpack", "002.tar.gz", "broken archive"),
        ("index", "002", "subject of the protocol missing"),
    ]


def test_each_stage_ends_its_log_with_its_rejects(
    root: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (root / "silhouettes/001/nm-01/090/list.txt").write_text("")
    cv2.imwrite(str(frame(root, "001/nm-01/090", 8)), np.zeros(SIZE, np.uint8))
    with caplog.at_level("INFO"):
        run(root)
    said = [record.getMessage() for record in caplog.records]
    text = "not a numbered image"
    assert f"8 sequences of 2 subjects; skipped: 1 {text}" in said
    assert "8 sequences of 2 subjects; skipped: nothing" in said
    assert "8 of 8 sequences; skipped: 1 empty silhouette" in said
    assert f"16 of 16 sequences in {root}/cache.h5" in said
    assert said[-1].splitlines() == [
        "       1  skipped, cache: empty silhouette",
        f"       1  skipped, index: {text}",
        "       1  used, survey: shorter than a training clip, frames repeat in training",
        f"{root}/rejects.csv: 2 skipped, 1 used with a note",
    ]
    written = read_rejects(root / "rejects.csv")
    assert [row.used for row in written] == ["no", "no", "yes"]


def test_a_pattern_without_a_sequence_and_a_view_left_out_are_handled(root: Path) -> None:
    shutil.rmtree(root / "silhouettes/003/nm-02")
    shutil.rmtree(root / "silhouettes/004/nm-02/000")
    protocol = {"gallery": ("nm-01",), "probes": {"nm": ("nm-0[2-9]",)}}
    assert [(row.path, row.reason) for row in run(root, **protocol)] == [
        ("003/nm-0[2-9]", "sequence of the protocol missing"),
        ("004/nm-02/000", "view of the protocol's sequence missing"),
    ]
    assert [
        row.path for row in run(root, **protocol, views_excluded=(0,)) if row.stage == "survey"
    ] == ["003/nm-0[2-9]"]
