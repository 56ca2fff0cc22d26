"""A tiny dataset in CASIA-B's layout, and an untrained detector."""

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from gaittake.io.tables import write_sequences
from gaittake.pose.detector import build_detector, save_detector
from gaittake.sequence import Sequence
from tests.pose.tiny import FRAMES, SMALL, SUBJECTS, Dataset, bar


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    """Three subjects, one sequence each of 12 frames of 96×64 pixels, with videos."""
    sequences = []
    boxes = {number: bar(number) for number in range(1, FRAMES + 1)}
    for subject in SUBJECTS:
        folder = tmp_path / "silhouettes" / subject / "nm-01" / "090"
        folder.mkdir(parents=True)
        video = tmp_path / f"{subject}-nm-01-090.avi"
        writer = cv2.VideoWriter(str(video), cv2.VideoWriter.fourcc(*"MJPG"), 25.0, (96, 64))
        for number, (x1, y1, x2, y2) in boxes.items():
            silhouette = np.zeros((64, 96), dtype=np.uint8)
            silhouette[y1:y2, x1:x2] = 255
            cv2.imwrite(str(folder / f"{subject}-nm-01-090-{number:03d}.png"), silhouette)
            writer.write(np.repeat(silhouette[..., None], 3, axis=-1))
        writer.release()
        sequences.append(Sequence(subject, "nm-01", "090", FRAMES, folder, video))
    write_sequences(sequences, tmp_path / "index.csv")
    return Dataset(tmp_path / "index.csv", sequences, boxes)


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    """The file of a small untrained detector."""
    torch.manual_seed(0)
    path = tmp_path / "weights.pt"
    save_detector(build_detector(SMALL), SMALL, path)
    return path
