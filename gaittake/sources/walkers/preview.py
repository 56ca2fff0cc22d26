"""Draws a contact sheet: one subject in every condition, from every view."""

from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from gaittake.arrays import Uint8s
from gaittake.sequence import type_of, view_at
from gaittake.settings import Walkers
from gaittake.sources.walkers.dataset import render_take, subject_scene
from gaittake.sources.walkers.people import Take, make_walker
from gaittake.sources.walkers.render import Rendered
from gaittake.sources.walkers.skeleton import COCO

ENLARGED = 2
MARGIN = 26
BONES = (
    ("l_shoulder", "r_shoulder"), ("l_hip", "r_hip"),
    *((f"{s}_{a}", f"{s}_{b}") for s in "lr" for a, b in (
        ("shoulder", "elbow"), ("elbow", "wrist"), ("shoulder", "hip"), ("hip", "knee"),
        ("knee", "ankle"))),
)  # fmt: skip
LEFT, RIGHT, MIDDLE = (80, 200, 80), (70, 70, 240), (240, 200, 60)


def contact_sheet(settings: Walkers, subject: str, out: Path) -> None:
    """Writes a PNG with a row per sequence and a column per view: colour and silhouette.

    Keypoints of the subject's left side are green, of the right side red; hidden ones are hollow.

    Args:
        settings: the dataset.
        subject: name, generated or recorded.
        out: the picture.

    Raises:
        ValueError: no such subject.
        OSError: the picture could not be written.
    """
    walker, scene = make_walker(settings, subject), subject_scene(settings, subject)
    chosen = _examples(walker.takes)
    rows = []
    for index, take in enumerate(chosen):
        frame = (index * 7) % len(take.joints)
        cells = [
            _cell(render_take(settings, walker, take, view, scene), frame)
            for view in settings.views
        ]
        row = np.concatenate(cells, axis=1)
        label = type_of(take.condition, take.number)
        rows.append(np.concatenate([_label(label, MARGIN * 3, row.shape[0]), row], axis=1))
    width = rows[0].shape[1] - MARGIN * 3
    heads = [_label(view_at(view), width // len(settings.views), MARGIN) for view in settings.views]
    head = np.concatenate([_label(subject, MARGIN * 3, MARGIN), *heads], axis=1)
    out.parent.mkdir(parents=True, exist_ok=True)
    if not cv2.imwrite(str(out), np.concatenate([head, *rows])):
        raise OSError(f"{out}: the picture could not be written")


def _examples(takes: list[Take]) -> list[Take]:
    """Returns the first normal take, and the first two with a bag and in a coat."""
    chosen = []
    for condition, count in (("nm", 1), ("bg", 2), ("cl", 2)):
        chosen += [take for take in takes if take.condition == condition][:count]
    return chosen


def _cell(rendered: Rendered, frame: int) -> Uint8s:
    colour = cv2.resize(
        rendered.colour[frame], None, fx=ENLARGED, fy=ENLARGED, interpolation=cv2.INTER_CUBIC
    )
    # A joint at pixel centre 0 lies in the middle of an enlarged pixel.
    joints = rendered.joints[frame] * ENLARGED - 0.5
    for first, second in BONES:
        _line(colour, joints[COCO.index(first)], joints[COCO.index(second)])
    for name, joint, visible in zip(COCO, joints, rendered.visible[frame], strict=True):
        side = {"l": LEFT, "r": RIGHT}.get(name[0] if name[1] == "_" else "", MIDDLE)
        at = (round(float(joint[0])), round(float(joint[1])))
        cv2.circle(colour, at, 3, side, -1 if visible else 1, cv2.LINE_AA)
    silhouette = cv2.resize(
        rendered.silhouettes[frame], None, fx=ENLARGED, fy=ENLARGED, interpolation=cv2.INTER_NEAREST
    )
    both = [colour, cv2.cvtColor(silhouette, cv2.COLOR_GRAY2BGR)]
    # The figure is in the middle; the outer quarters show only the wall.
    quarter = colour.shape[1] // 4
    return np.concatenate([image[:, quarter:-quarter] for image in both], axis=1)


def _line(image: Uint8s, start: npt.NDArray[np.float32], stop: npt.NDArray[np.float32]) -> None:
    points = [(round(float(p[0])), round(float(p[1]))) for p in (start, stop)]
    cv2.line(image, points[0], points[1], (255, 255, 255), 1, cv2.LINE_AA)


def _label(text: str, width: int, height: int) -> Uint8s:
    image = np.full((height, width, 3), 255, np.uint8)
    cv2.putText(
        image, text, (4, height // 2 + 6), cv2.FONT_HERSHEY_SIMPLEX, 0.6, (0, 0, 0), 1, cv2.LINE_AA
    )
    return image
