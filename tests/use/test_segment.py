"""The segment stage: a dataset of videos alone gets silhouettes, and is indexed with them."""

from pathlib import Path

import numpy as np
import pytest

from gaittake.errors import UserError
from gaittake.io.frames import read_silhouettes
from gaittake.io.tables import read_rejects, read_sequences
from gaittake.pipeline import inputs, plan
from gaittake.pipeline.job import Job
from gaittake.sources.folders import check_folders
from gaittake.sources.index import index_sequences
from gaittake.use.segment import segment_subjects
from tests.use.tiny import film, write_images, write_video

SETTINGS = """
source: {layout: folder, videos: [rgb], masks_from_rgb: background}
pose: {student_from: walkers}
protocol:
  train_subjects: []
  test_subjects: [anna, bert]
  gallery: [nm-01]
  probes: {nm: [nm-02]}
methods: {gei: {network: gei}}
"""


@pytest.fixture
def job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Job:
    """A dataset with a video and a folder of colour frames, and no silhouettes."""
    monkeypatch.chdir(tmp_path)
    Path("config").mkdir()
    Path("config/mine.yaml").write_text(SETTINGS)
    crossing = film(across=3.2)[0].colour
    for name in ("rgb/anna/nm-01", "rgb/anna/nm-02"):
        Path(name).mkdir(parents=True)
    write_video(crossing, Path("rgb/anna/nm-01/090.avi"))
    write_images(crossing[4:], Path("rgb/anna/nm-02/90"))
    return Job("mine", shard="test-000")


def segmented(job: Job) -> Path:
    """Runs `segment` and returns its folder."""
    (out,) = inputs.segmented(job)
    segment_subjects(plan.segment(job), out=out, rejects=Path("rejects.csv"))
    return out


def test_silhouettes_have_the_numbers_of_the_videos_frames(job: Job) -> None:
    out = segmented(job)
    rendered = film(across=3.2)[0].clean
    for place, first in (("anna/nm-01/090", 1), ("anna/nm-02/090", 5)):
        masks = list(read_silhouettes(out / place, stage="", rejects=[]))
        assert len(masks) > 10
        for number, mask in masks:
            true = rendered[number + first - 2]
            both, either = (mask > 0) & (true > 0), (mask > 0) | (true > 0)
            assert both.sum() / either.sum() > 0.8


def test_frames_without_a_whole_person_are_rejected_with_their_address(job: Job) -> None:
    out = segmented(job)
    rejects = read_rejects(Path("rejects.csv"))
    kept = len(list((out / "anna/nm-01/090").iterdir()))
    cut = [row for row in rejects if row.path.startswith("rgb/anna/nm-01/090.avi#")]
    assert kept + len(cut) == 24
    assert {row.reason for row in cut} >= {"cut by the border"}
    assert "rgb/anna/nm-02/90/020.png" in {row.path for row in rejects}


def test_the_index_joins_the_silhouettes_with_their_videos(job: Job) -> None:
    out = segmented(job)
    index_sequences(
        plan.index(job), roots=None, segmented=out, out=Path("index.csv"), rejects=Path("r.csv")
    )
    found = read_sequences(Path("index.csv"))
    assert [(row.name, str(row.video)) for row in found] == [
        ("anna/nm-01/090", "rgb/anna/nm-01/090.avi"),
        ("anna/nm-02/090", "rgb/anna/nm-02/90"),
    ]
    assert all(row.frames == len(list(row.silhouettes.iterdir())) for row in found)
    assert "subject of the protocol missing" in {row.reason for row in read_rejects(Path("r.csv"))}


def test_the_videos_folder_is_checked(job: Job) -> None:
    Path("rgb").rename("moved")
    with pytest.raises(UserError, match=r"rgb: no such folder; set source.videos"):
        check_folders(job.settings.source)
    Path("rgb").mkdir()
    with pytest.raises(UserError, match=r"rgb: the folder is empty"):
        check_folders(job.settings.source)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("{layout: casiab, videos: [rgb], masks_from_rgb: people}", "requires source.layout"),
        ("{layout: folder, masks_from_rgb: people}", "set source.videos"),
        (
            "{layout: folder, videos: [a], silhouettes: [b], masks_from_rgb: people}",
            "no source.silhouettes",
        ),
    ],
)
def test_masks_have_one_source(job: Job, source: str, expected: str) -> None:
    lines = SETTINGS.strip().splitlines()
    Path("config/mine.yaml").write_text("\n".join([f"source: {source}", *lines[1:]]))
    with pytest.raises(UserError, match=expected):
        _ = Job("mine").settings


def test_the_networks_of_people_segment_a_dataset(
    job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    used = []

    def masks(source: Path, networks: str, *, rejects: list[object]) -> object:
        used.append((str(source), networks))
        return ((n, np.pad(np.full((40, 12), 255, np.uint8), 9)) for n in range(1, 6))

    monkeypatch.setattr("gaittake.use.masks.published_blazepose", lambda: "networks")
    monkeypatch.setattr("gaittake.use.masks.people_masks", masks)
    lines = SETTINGS.replace("background", "people")
    Path("config/mine.yaml").write_text(lines)
    out = segmented(Job("mine", shard="test-000"))
    assert used == [
        ("rgb/anna/nm-01/090.avi", "networks"),
        ("rgb/anna/nm-02/90", "networks"),
    ]
    assert len(list((out / "anna/nm-01/090").iterdir())) == 0  # a blob is no person
