"""Settings and files of the tiny dataset."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from gaittake.cli import use
from gaittake.io.frames import read_silhouettes
from gaittake.settings import Walkers
from gaittake.silhouette import Image
from gaittake.sources.walkers.camera import place_camera
from gaittake.sources.walkers.dataset import subject_scene
from gaittake.sources.walkers.people import make_walker
from gaittake.sources.walkers.render import Rendered, render_view

SETTINGS = """
source: {layout: walkers}
shard_subjects: 4
walkers: {subjects: 4, bodies: 2, views: [36, 90], normal: 2, bag: 0, coat: 0, frames: 8}
protocol:
  train_subjects: [001..002]
  test_subjects: [003..004]
  gallery: [nm-01]
  probes: {nm: [nm-02]}
pose:
  teacher_weights: walkers
  boxes: silhouette
  detector: {backbone: small, min_size: 80, max_size: 128}
model: {channels: [4, 8, 8, 8], shrink: 2, attention_input: strips, clip_length: 4}
train: {subjects_per_batch: 2, sequences_per_subject: 2, frames: 8, steps: 2}
methods: {gei: {network: gei}, gaittake: {}, truth: {keypoints: truth}}
"""
SHARD = Path("results/walkers/data/test-000")


def export(out: Path, *arguments: str, method: str = "gaittake") -> Path:
    """Exports a method of the dataset in the working directory."""
    command("export", "walkers", "--method", method, "--out", str(out), *arguments)
    return out


def command(*arguments: str) -> None:
    """Runs `gaittake model …`."""
    use.app(list(arguments), standalone_mode=False)


def sequence(subject: str, kind: str, view: str) -> Path:
    """Returns the folder of a sequence's silhouettes in the project."""
    return SHARD / "silhouettes" / subject / kind / view


def masks(folder: Path) -> Image:
    """Returns the masks `[frames, rows, columns]` in a folder."""
    return np.stack([image for _, image in read_silhouettes(folder, stage="", rejects=[])])


def film(*, across: float, frames: int = 24, view: int = 90) -> tuple[Rendered, Image]:
    """Returns a rendered sequence, and the empty scene (BGR).

    Args:
        across: metres that the person moves across the picture.
        frames: number of frames.
        view: degrees.
    """
    settings = Walkers(subjects=2, normal=1, bag=0, coat=0, frames=frames, views=(view,))
    walker, scene = make_walker(settings, "001"), subject_scene(settings, "001")
    joints = walker.takes[0].joints.copy()
    joints[..., 0] += np.linspace(-across / 2, across / 2, frames)[:, None]
    rendered = render_view(
        joints,
        walker.body,
        walker.look,
        walker.takes[0].outfit,
        place_camera(view, settings.width, settings.height),
        scene,
        raggedness=1.0,
        rng=np.random.default_rng(0),
    )
    return rendered, scene.background


def write_video(frames: Image, path: Path, *, fps: float = 25.0) -> Path:
    """Writes BGR frames `[frames, rows, columns, 3]` as a video."""
    size = (frames.shape[2], frames.shape[1])
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), fps, size)
    for frame in frames:
        writer.write(frame)
    writer.release()
    return path


def write_images(frames: Image, folder: Path) -> Path:
    """Writes frames `[frames, rows, columns(, 3)]` as numbered images."""
    folder.mkdir(parents=True)
    for number, frame in enumerate(frames, start=1):
        cv2.imwrite(str(folder / f"{number:03d}.png"), frame)
    return folder


def printed(capsys: pytest.CaptureFixture[str]) -> str:
    """Returns the captured output, each run of white space as one space."""
    return " ".join(capsys.readouterr().out.split())
