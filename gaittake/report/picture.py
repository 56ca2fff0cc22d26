"""Frames as pictures inside the page: pixels as PNG, joints drawn over them as lines."""

import base64
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from gaittake.keypoints import LIMBS, NAMES
from gaittake.report.html import Markup, join, tag

Image = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]
MARGIN = 0.12  # around a person, share of the height
LEAST_CONFIDENCE = 0.05


def data_uri(image: Image) -> str:
    """Returns the image as a PNG inside an address.

    Args:
        image: `[rows, columns]` or RGB `[rows, columns, 3]`.
    """
    ordered: Any = image if image.ndim == 2 else cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
    written, content = cv2.imencode(".png", ordered)
    assert written
    return "data:image/png;base64," + base64.b64encode(content.tobytes()).decode("ascii")


def image(pixels: Image, x: float, y: float, width: float, height: float) -> Markup:
    """Returns pixels as a part of a drawing."""
    return tag("image", href=data_uri(pixels), x=x, y=y, width=width, height=height)


def posed(
    pixels: Image, box: Floats, joints: Floats | None, confidence: Floats | None, label: str
) -> Markup:
    """Returns the part of a frame around a person, with the joints drawn over it.

    Args:
        pixels: `[rows, columns]` or RGB `[rows, columns, 3]`.
        box: `[4]` of the person, pixels.
        joints: `[17, 2]` pixels, or None.
        confidence: `[17]`; joints below 0.05 are not drawn.
        label: alternative text.
    """
    rows, columns = pixels.shape[:2]
    height = float(box[3] - box[1])
    half = height * (0.5 + MARGIN)
    middle = (float(box[0] + box[2]) / 2, float(box[1] + box[3]) / 2)
    left, right = int(max(0, middle[0] - half * 0.75)), int(min(columns, middle[0] + half * 0.75))
    top, bottom = int(max(0, middle[1] - half)), int(min(rows, middle[1] + half))
    cut = np.ascontiguousarray(pixels[top:bottom, left:right])
    if not cut.size:
        cut, left, top = pixels, 0, 0
    parts = [image(cut, left, top, cut.shape[1], cut.shape[0])]
    if joints is not None:
        seen = np.ones(len(joints)) if confidence is None else confidence
        parts.append(_skeleton(joints, seen > LEAST_CONFIDENCE, stroke=height / 90))
    return tag(
        "svg",
        *parts,
        viewBox=f"{left} {top} {cut.shape[1]} {cut.shape[0]}",
        role="img",
        aria_label=label,
    )


def _skeleton(joints: Floats, drawn: npt.NDArray[np.bool_], *, stroke: float) -> Markup:
    """Returns limbs and joints; the left side orange, the right side blue."""
    parts = []
    for a, b in LIMBS:
        if drawn[a] and drawn[b]:
            ends = dict(zip(("x1", "y1", "x2", "y2"), (*joints[a], *joints[b]), strict=True))
            points = {name: round(float(value), 2) for name, value in ends.items()}
            colour = _side(a) if _side(a) == _side(b) else "#9aa0a6"
            parts.append(tag("line", **points, stroke=colour, stroke_width=stroke, class_="bone"))
    for place in np.flatnonzero(drawn):
        x, y = (round(float(value), 2) for value in joints[place])
        parts.append(tag("circle", cx=x, cy=y, r=stroke * 1.25, fill=_side(int(place))))
    return join(parts)


def _side(joint: int) -> str:
    """Returns the colour of a joint's side; pixels behind it do not change with the scheme."""
    name = NAMES[joint]
    return "#ff9838" if "left" in name else "#46a8f5" if "right" in name else "#e8e2d4"
