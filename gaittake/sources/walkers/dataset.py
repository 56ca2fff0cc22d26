"""Writes the dataset: videos and silhouettes in CASIA-B's layout, and the true keypoints."""

import errno
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from gaittake.io.frames import count_frames
from gaittake.io.progress import progress
from gaittake.io.ragged import RaggedWriter
from gaittake.sequence import type_of, view_at
from gaittake.settings import Walkers
from gaittake.sources.walkers.anthropometry import draw_adult
from gaittake.sources.walkers.body import draw_body
from gaittake.sources.walkers.camera import Camera, place_camera
from gaittake.sources.walkers.cameras import stray_camera
from gaittake.sources.walkers.clothing import draw_look, draw_outfit
from gaittake.sources.walkers.draw import NoiseTile, draw_background, draw_noise_tile
from gaittake.sources.walkers.gait import draw_person, draw_stride, load_model, stride_channels
from gaittake.sources.walkers.people import Take, Walker, make_walker, pass_by
from gaittake.sources.walkers.render import Rendered, Scene, render_view
from gaittake.sources.walkers.seeds import FRAMES, LOOK, STRANGER, generator
from gaittake.sources.walkers.skeleton import COCO, joint_positions
from gaittake.sources.walkers.style import draw_style, posed, styled
from gaittake.sources.walkers.subtraction import Fields, draw_fields
from gaittake.sources.walkers.wardrobe import draw_clothes, draw_wardrobe

TRUTH = {
    "joints": ("float32", (len(COCO), 2)),
    "visible": ("bool", (len(COCO),)),
    "boxes": ("float32", (4,)),
}
BACKGROUNDS = 64  # backgrounds of the strangers
VIEW_MARGIN = 10  # degrees by which the strangers' views exceed the dataset's
PNG = (cv2.IMWRITE_PNG_BILEVEL, 1)  # written in a third of the time
People = tuple[
    npt.NDArray[np.uint8],
    npt.NDArray[np.uint8],
    npt.NDArray[np.float32],
    npt.NDArray[np.bool_],
    npt.NDArray[np.float32],
]


def render_subjects(
    settings: Walkers,
    subjects: list[str],
    destination: Path,
    on_progress: Callable[[int], None] | None = None,
) -> None:
    """Renders all sequences of some subjects: `silhouettes/`, `videos/` and `truth.h5`.

    A subject's files depend only on the settings and the subject's name.

    Args:
        settings: of the dataset.
        subjects: names, generated (`001`) or recorded.
        destination: an empty folder.
        on_progress: called with the number of sequences rendered so far.

    Raises:
        ValueError: the settings have no such subject.
        OSError: a file could not be written.
    """
    cv2.setNumThreads(1)
    done = 0
    with RaggedWriter(
        destination / "truth.h5",
        kind="truth",
        arrays=TRUTH,
        attributes={"width": settings.width, "height": settings.height, "fps": settings.fps},
    ) as truth:
        for subject in subjects:
            walker = make_walker(settings, subject)
            scene = subject_scene(settings, subject)
            for take in walker.takes:
                for view in settings.views:
                    rendered = render_take(settings, walker, take, view, scene)
                    _write(destination, settings.fps, subject, take, view, rendered)
                    truth.append(
                        (subject, type_of(take.condition, take.number), view_at(view)),
                        joints=rendered.joints,
                        visible=rendered.visible,
                        boxes=rendered.boxes,
                    )
                    done += 1
                    if on_progress is not None:
                        on_progress(done)


def subject_scene(settings: Walkers, subject: str) -> Scene:
    """Returns the scene of a subject's videos."""
    rng = generator(settings.seed, LOOK, subject, "scene")
    background = draw_background(settings.width, settings.height, rng)
    noise = draw_noise_tile(settings.width, settings.height, rng)
    return Scene(background, noise, draw_fields(settings.width, settings.height, rng))


def render_take(settings: Walkers, walker: Walker, take: Take, view: int, scene: Scene) -> Rendered:
    """Returns one take of a subject in one view."""
    rng = generator(settings.seed, FRAMES, walker.subject, take.condition, take.number, view)
    return render_view(
        take.joints,
        walker.body,
        walker.look,
        take.outfit,
        _camera(settings, view, rng),
        scene,
        raggedness=settings.noise,
        rng=rng,
    )


def _camera(settings: Walkers, view: int, rng: np.random.Generator) -> Camera:
    size = (settings.width, settings.height)
    if settings.population == "broad":
        return stray_camera(view, *size, rng)
    return place_camera(view, *size)


def _write(
    destination: Path, fps: int, subject: str, take: Take, view: int, rendered: Rendered
) -> None:
    kind, shown = type_of(take.condition, take.number), view_at(view)
    stem = f"{subject}-{kind}-{shown}"
    folder = destination / "silhouettes" / subject / kind / shown
    folder.mkdir(parents=True)
    for index, silhouette in enumerate(rendered.silhouettes, start=1):
        path = folder / f"{stem}-{index:03d}.png"
        if not cv2.imwrite(str(path), silhouette, PNG):
            raise OSError(errno.EIO, "could not be written; is the disk full?", str(path))
    video = destination / "videos" / f"{stem}.avi"
    video.parent.mkdir(exist_ok=True)
    height, width = rendered.colour.shape[1:3]
    writer = cv2.VideoWriter(
        str(video), cv2.VideoWriter.fourcc(*"MJPG"), float(fps), (width, height)
    )
    if not writer.isOpened():
        raise OSError(f"{video}: the video could not be opened for writing")
    for frame in rendered.colour:
        writer.write(frame)
    writer.release()
    # On a full disk OpenCV writes a part of the video without an error.
    if count_frames(video, stage="render", rejects=[]) != len(rendered.colour):
        raise OSError(errno.EIO, "could not be written completely; is the disk full?", str(video))


def render_people(settings: Walkers, count: int, seed: int) -> People:
    """Returns single frames of people outside all datasets, to train the keypoint detector.

    They differ from each other as much as the dataset's subjects: a detector shrinks everybody
    towards the average of the people that it was trained on.

    Args:
        settings: the images' size, views and noise, and how much people differ.
        count: frames.
        seed: random seed of the people, independent of all subjects of all datasets.

    Returns:
        Images `[count, h, w, 3]` (red green blue) and silhouettes `[count, h, w]`, uint8; joints
        `[count, 17, 2]` in pixels and boxes `[count, 4]`, float32; visible `[count, 17]`.
    """
    cv2.setNumThreads(1)
    frames = []
    with progress("render", count, unit="people") as advance:
        for index in range(count):
            frames.append(_stranger(settings, seed, index))
            advance()
    return (
        np.concatenate([f.colour[..., ::-1] for f in frames]),
        np.concatenate([f.silhouettes for f in frames]),
        np.concatenate([f.joints for f in frames]),
        np.concatenate([f.visible for f in frames]),
        np.concatenate([f.boxes for f in frames]),
    )


def _stranger(settings: Walkers, seed: int, index: int) -> Rendered:
    if settings.population == "broad":
        return _broad_stranger(settings, seed, index)
    rng = generator(seed, STRANGER, index)
    model = load_model()
    stride = draw_stride(model, draw_person(model, rng, spread=settings.spread), rng)
    body = draw_body(rng, spread=settings.spread)
    joints = pass_by(joint_positions(stride_channels(model, stride, 9, 25.0, rng), body), rng)
    # The dataset's range of views, in which the visible side of a person tells left from right.
    first, last = min(settings.views) - VIEW_MARGIN, max(settings.views) + VIEW_MARGIN
    camera = place_camera(
        float(rng.uniform(first, last)),
        settings.width,
        settings.height,
        distance=float(rng.uniform(4.0, 5.4)),
        camera_height=float(rng.uniform(0.9, 1.6)),
    )
    outfit = draw_outfit(str(rng.choice(["nm", "bg", "cl"])), rng)
    scene = _stranger_scene(settings, seed, index)
    # Nine frames locate the ground; the fifth is shown, off the centre of the scene.
    shown = joints[4:5] + rng.uniform([-0.35, -0.35, 0.0], [0.35, 0.35, 0.0])
    return render_view(
        shown, body, draw_look(rng), outfit, camera, scene, raggedness=settings.noise, rng=rng
    )


def _broad_stranger(settings: Walkers, seed: int, index: int) -> Rendered:
    rng = generator(seed, STRANGER, index)
    model = load_model()
    style = draw_style(rng, spread=settings.spread)
    stride = styled(draw_stride(model, draw_person(model, rng, spread=settings.spread), rng), style)
    outfit = draw_clothes(str(rng.choice(["nm", "bg", "cl"])), draw_wardrobe(rng), rng)
    assert outfit.extras is not None
    channels = posed(stride_channels(model, stride, 9, 25.0, rng), outfit.extras.posture)
    body = draw_adult(rng)
    joints = pass_by(joint_positions(channels, body), rng)
    camera = _camera(settings, int(rng.choice(settings.views)), rng)
    shown = joints[4:5] + rng.uniform([-0.35, -0.35, 0.0], [0.35, 0.35, 0.0])
    return render_view(
        shown,
        body,
        draw_look(rng),
        outfit,
        camera,
        _stranger_scene(settings, seed, index),
        raggedness=settings.noise,
        rng=rng,
    )


def _stranger_scene(settings: Walkers, seed: int, index: int) -> Scene:
    size = (settings.width, settings.height)
    return Scene(
        _stranger_background(seed, index % BACKGROUNDS, *size), *_stranger_noise(seed, *size)
    )


@lru_cache(BACKGROUNDS)
def _stranger_background(seed: int, number: int, width: int, height: int) -> npt.NDArray[np.uint8]:
    return draw_background(width, height, generator(seed, STRANGER, "background", number))


@lru_cache(1)
def _stranger_noise(seed: int, width: int, height: int) -> tuple[NoiseTile, Fields]:
    rng = generator(seed, STRANGER, "noise")
    return draw_noise_tile(width, height, rng), draw_fields(width, height, rng)
