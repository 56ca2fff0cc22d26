"""The frame rate that a method's network learnt from, as a model file states it."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from pydantic import ValidationError

from gaittake.io.tables import write_sequences
from gaittake.pipeline.job import Job
from gaittake.pipeline.origin import trained_fps
from gaittake.sequence import Sequence
from gaittake.settings import Settings

PEOPLE = "protocol: {train_subjects: [p01], test_subjects: [p02]}\n"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "config").mkdir()
    return tmp_path


def dataset(name: str, text: str, method: str = "gaittake") -> Job:
    Path(f"config/{name}.yaml").write_text(text)
    return Job(name, method=method)


def indexed(job: Job, rates: list[float], *, column: str) -> None:
    """Writes the index of a dataset with a video of each rate as colour or as silhouettes."""
    rows = []
    for number, rate in enumerate(rates):
        path = Path(f"{number}.avi")
        writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), rate, (32, 24))
        writer.write(np.zeros((24, 32, 3), np.uint8))
        writer.release()
        silhouettes, video = (Path("masks"), path) if column == "video" else (path, None)
        rows.append(Sequence("p01", f"nm-{number:02d}", "090", 1, silhouettes, video))
    path = job.each("index/{shard}.csv")[0]
    path.parent.mkdir(parents=True, exist_ok=True)
    write_sequences(rows, path)


def test_rendered_people_have_the_rate_of_the_renderer() -> None:
    text = "source: {layout: walkers}\nwalkers: {fps: 15}\n"
    assert trained_fps(dataset("drawn", text)) == 15
    assert trained_fps(dataset("drawn", text, method="gei")) == 15


def test_filmed_people_have_the_rate_of_the_setting() -> None:
    text = f"fps: 29.97\nsource: {{layout: folder}}\n{PEOPLE}"
    assert trained_fps(dataset("mine", text)) == 29.97
    assert trained_fps(dataset("mine", text.replace("fps: 29.97", ""))) is None


@pytest.mark.parametrize("column", ["video", "silhouettes"])
@pytest.mark.parametrize(
    ("rates", "expected"), [([25, 25, 30], 25), ([30] * 50, 30), ([25, 60], None)]
)
def test_without_the_setting_it_is_that_of_the_videos_unless_they_differ(
    rates: list[float], expected: float | None, column: str
) -> None:
    job = dataset("mine", f"source: {{layout: folder}}\n{PEOPLE}")
    assert trained_fps(job) is None
    indexed(job, rates, column=column)
    assert trained_fps(job) == expected


def test_that_of_a_borrowed_network_is_the_lenders_and_that_of_a_file_unknown() -> None:
    dataset("lender", f"fps: 50\nsource: {{layout: folder}}\n{PEOPLE}")
    text = f"networks_from: lender\nfps: 25\nsource: {{layout: folder}}\n{PEOPLE}".replace(
        "[p01]", "[]"
    )
    assert trained_fps(dataset("mine", text)) == 50
    assert trained_fps(dataset("mine", text, method="gei")) == 25
    given = f"{text}methods: {{deep: {{network: deepgaitv2, weights: theirs.pt}}}}"
    assert trained_fps(dataset("mine", given, method="deep")) is None


def test_a_rate_for_rendered_people_names_the_other_setting() -> None:
    with pytest.raises(ValidationError, match=r"fps: for filmed sequences; set walkers\.fps"):
        Settings.model_validate({"dataset": "x", "fps": 25, "source": {"layout": "walkers"}})
