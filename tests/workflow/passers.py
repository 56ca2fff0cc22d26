"""Walkers who pass a camera, and a detector that can tell where they are."""

from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt
import torch

from gaittake.io.checkpoint import Checkpoints
from gaittake.pose.augment import Mirrored
from gaittake.pose.detector import build_detector, save_detector
from gaittake.pose.optimise import train_detector
from gaittake.pose.teacher import People
from gaittake.settings import Detector, PoseTraining, Walkers
from gaittake.silhouette import box
from gaittake.sources.walkers.dataset import render_take, subject_scene
from gaittake.sources.walkers.people import make_walker

Image = npt.NDArray[np.uint8]
FRAMES = 12
STEP = 4  # pixels by which a walker gets on in each frame
PEOPLE = Walkers(bodies=4, views=(36, 90), frames=FRAMES, noise=0.0)
DETECTOR = Detector(backbone="small", min_size=60, max_size=80)


class Walk(NamedTuple):
    """What is seen of a walk: silhouettes `[s, h, w]`, colour `[s, h, w, 3]` (BGR) and joints."""

    silhouettes: Image
    colour: Image
    joints: npt.NDArray[np.float32]


def walking(settings: Walkers, subject: str) -> dict[tuple[str, int], Walk]:
    """Returns the walks of a subject by name and view; in each the subject passes by."""
    walker, scene = make_walker(settings, subject), subject_scene(settings, subject)
    found = {}
    for walk in walker.takes:
        for view in settings.views:
            rendered = render_take(settings, walker, walk, view, scene)
            ways = [STEP * (place - FRAMES // 2) for place in range(FRAMES)]
            silhouettes, colour = (
                np.stack([np.roll(f, way, axis=1) for f, way in zip(frames, ways, strict=True)])
                for frames in (rendered.silhouettes, rendered.colour)
            )
            joints = rendered.joints + np.array([[(way, 0)] for way in ways], dtype=np.float32)
            name = f"{walk.condition}-{walk.number:02d}"
            found[name, view] = Walk(silhouettes, colour, joints)
    return found


def write_teacher(path: Path) -> None:
    """Writes a small detector that has seen two people, who are in neither dataset."""
    walks = [walk for name in ("500", "501") for walk in walking(PEOPLE, name).values()]
    silhouettes = [frame for walk in walks for frame in walk.silhouettes[::3]]
    samples = People(
        np.concatenate([walk.colour[::3, ..., ::-1] for walk in walks]),
        np.concatenate([walk.joints[::3] for walk in walks]),
        np.array([box(frame) for frame in silhouettes], dtype=np.float32),
    )
    torch.manual_seed(0)
    model = build_detector(DETECTOR)
    training = PoseTraining(steps=240, batch=8, learning_rate=3e-3)
    with Checkpoints(path.parent / "training", "teacher") as saved:
        train_detector(
            model,
            Mirrored(samples),  # unbiased: a shift is found by where the boxes are
            training=training,
            seed=0,
            colour=True,
            detect_every=1,
            what="teacher",
            checkpoints=saved,
            device=torch.device("cpu"),
        )
    save_detector(model, DETECTOR, path)


def write_images(form: str, silhouettes: Image, numbers: range) -> None:
    """Writes silhouettes of these numbers, from 1; `form` is a path with a place for the number."""
    Path(form).parent.mkdir(parents=True)
    for number in numbers:
        cv2.imwrite(form.format(number), silhouettes[number - 1])


def write_video(path: Path, colour: Image, *, early: int) -> None:
    """Writes a video that starts `early` frames before the first one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    height, width = colour.shape[1:3]
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 25.0, (width, height))
    for frame in (*colour[:1].repeat(early, axis=0), *colour):
        writer.write(frame)
    writer.release()
