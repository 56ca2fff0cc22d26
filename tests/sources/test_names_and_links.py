"""Names beyond ASCII, and folders that links lead back to."""

import unicodedata
from pathlib import Path

import numpy as np
import pytest

from gaittake.io.ragged import RaggedWriter, open_ragged
from gaittake.io.tables import read_rejects
from gaittake.pose.keypoint_file import ARRAYS
from gaittake.protocol import expand
from gaittake.settings import Protocol, Source, SurveyStage
from gaittake.sources.survey import outside_the_protocol
from tests.sources.pipeline import SEQUENCES, TEST, TRAIN, in_cache, run
from tests.sources.test_folder import index
from tests.sources.trees import write_casiab, write_frames

COMPOSED, DECOMPOSED = (unicodedata.normalize(form, "Jörg") for form in ("NFC", "NFD"))


@pytest.mark.parametrize("on_disk", [COMPOSED, DECOMPOSED])
@pytest.mark.parametrize("wanted", [COMPOSED, DECOMPOSED])
def test_a_name_is_found_in_both_normal_forms(tmp_path: Path, on_disk: str, wanted: str) -> None:
    for name in (on_disk, "张三"):
        write_frames(tmp_path / "silhouettes" / name / "nm-01" / "090")
    found, rejects = index(tmp_path, *expand((wanted, "张三")), rgb=False)
    assert [row.subject for row in found] == [COMPOSED, "张三"]
    assert rejects == []
    settings = SurveyStage(
        source=Source(layout="folder", silhouettes=(tmp_path / "silhouettes",)),
        protocol=Protocol(train_subjects=(wanted,), test_subjects=("张三",)),
        frames=3,
    )
    assert outside_the_protocol(settings) == []


def test_two_folders_of_one_name_are_one_subject(tmp_path: Path) -> None:
    for name, walk in ((COMPOSED, "nm-01"), (DECOMPOSED, "nm-01"), (DECOMPOSED, "nm-02")):
        write_frames(tmp_path / "silhouettes" / name / walk / "090")
    found, rejects = index(tmp_path, COMPOSED, rgb=False)
    assert [row.name for row in found] == [f"{COMPOSED}/nm-01/090", f"{COMPOSED}/nm-02/090"]
    assert [reason for _, reason in rejects] == ["second path of one sequence"]


def test_names_beyond_ascii_and_frame_numbers_of_time_survive_a_file(tmp_path: Path) -> None:
    subjects, stamp = ["张三", COMPOSED, "Zoë", "p01"], 1_597_314_245_123
    with RaggedWriter(tmp_path / "k.h5", kind="keypoints", arrays=ARRAYS) as writer:
        for subject in subjects:
            writer.append(
                (subject, "nm-01", "090"),
                keypoints=np.zeros((1, 17, 3), np.float32),
                boxes=np.zeros((1, 4), np.float32),
                frame=np.array([stamp]),
            )
    with open_ragged(tmp_path / "k.h5", kind="keypoints") as opened:
        assert opened.sequences["subject"].tolist() == subjects
        assert opened.read("frame").tolist() == [stamp] * 4


@pytest.mark.parametrize("absolute", [True, False])
def test_a_link_back_to_a_folder_is_a_row_and_each_subject_is_there_once(
    tmp_path: Path, absolute: bool
) -> None:
    silhouettes = tmp_path / "silhouettes"
    write_casiab(silhouettes, TRAIN + TEST, SEQUENCES)
    for subject in TRAIN + TEST:
        folder = silhouettes / subject
        (folder / subject).symlink_to(folder if absolute else ".")
    (silhouettes / "001/nm-01/180").symlink_to("180")  # to itself
    (silhouettes / "001/nm-01/036").symlink_to("../..")
    (silhouettes / "001/nm-01/090/self.png").symlink_to("self.png")
    (silhouettes / "005").symlink_to("005")
    rows = [(row.path.replace(f"{silhouettes}/", ""), row.reason) for row in run(tmp_path)]
    loops = ["001/001", "001/nm-01/036", "001/nm-01/180", "002/002", "003/003", "004/004", "005"]
    assert sorted(path for path, reason in rows if reason == "link in a loop") == loops
    assert [row for row in rows if row[1] != "link in a loop"] == [
        ("001/nm-01/090/self.png", "not a numbered image")
    ]
    assert len(in_cache(tmp_path)) == len(TRAIN + TEST) * 4
    assert len(read_rejects(tmp_path / "rejects.csv")) == len(rows)


def test_a_link_to_a_subject_elsewhere_is_followed(tmp_path: Path) -> None:
    write_frames(tmp_path / "elsewhere/nm-01/090")
    (tmp_path / "silhouettes").mkdir()
    (tmp_path / "silhouettes/anna").symlink_to(tmp_path / "elsewhere")
    found, rejects = index(tmp_path, "anna", rgb=False)
    assert [row.name for row in found] == ["anna/nm-01/090"]
    assert rejects == []
