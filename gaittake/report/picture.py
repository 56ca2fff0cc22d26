"""Frames as pictures in the page: pixels as PNG, keypoints drawn on top."""

import base64
from typing import Any

import cv2
import numpy as np
from markupsafe import Markup

from gaittake.arrays import Bools, Float32s
from gaittake.keypoints import LIMBS, NAMES
from gaittake.report.html import template
from gaittake.silhouette import Image

MARGIN = 0.12  # around a person, share of the height
LEAST_CONFIDENCE = 0.05
LEFT_COLOUR, RIGHT_COLOUR = "#ff9838", "#46a8f5"  # the same in light and dark: pixels are behind
NOSE_COLOUR, ACROSS_COLOUR = "#e8e2d4", "#9aa0a6"

_PERSON = template("""\
<svg viewBox="{{ left }} {{ top }} {{ width }} {{ height }}" role="img" aria-label="{{ label }}">
{{ pixels }}
{% for limb in limbs %}
<line x1="{{ limb.x1 }}" y1="{{ limb.y1 }}" x2="{{ limb.x2 }}" y2="{{ limb.y2 }}"
 stroke="{{ limb.colour }}" stroke-width="{{ stroke }}" class="bone"/>
{% endfor %}
{% for dot in dots %}
<circle cx="{{ dot.x }}" cy="{{ dot.y }}" r="{{ stroke * 1.25 }}" fill="{{ dot.colour }}"/>
{% endfor %}
</svg>
""")


def data_uri(image: Image) -> str:
    """Returns an image as a PNG in a data URI.

    Args:
        image: `[rows, columns]`, or RGB `[rows, columns, 3]`.
    """
    ordered: Any = image if image.ndim == 2 else cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
    encoded, content = cv2.imencode(".png", ordered)
    assert encoded
    return "data:image/png;base64," + base64.b64encode(content.tobytes()).decode("ascii")


def image(pixels: Image, x: float, y: float, width: float, height: float) -> Markup:
    """Returns pixels as an element of an SVG."""
    return Markup('<image href="{}" x="{:.6g}" y="{:.6g}" width="{:.6g}" height="{:.6g}"/>').format(
        data_uri(pixels), x, y, width, height
    )


def person_picture(
    pixels: Image,
    box: Float32s,
    keypoints: Float32s | None,
    confidence: Float32s | None,
    label: str,
) -> Markup:
    """Returns the part of a frame around a person, with keypoints and limbs drawn on top.

    Args:
        pixels: `[rows, columns]`, or RGB `[rows, columns, 3]`.
        box: `[4]` of the person, pixels.
        keypoints: `[17, 2]` pixels, or None.
        confidence: `[17]`; keypoints below 0.05 are not drawn. None: all are drawn.
        label: alternative text.
    """
    rows, columns = pixels.shape[:2]
    height = float(box[3] - box[1])
    half = height * (0.5 + MARGIN)
    middle = (float(box[0] + box[2]) / 2, float(box[1] + box[3]) / 2)
    left, right = int(max(0, middle[0] - half * 0.75)), int(min(columns, middle[0] + half * 0.75))
    top, bottom = int(max(0, middle[1] - half)), int(min(rows, middle[1] + half))
    crop = np.ascontiguousarray(pixels[top:bottom, left:right])
    if not crop.size:
        crop, left, top = pixels, 0, 0
    limbs: list[dict[str, Any]] = []
    dots: list[dict[str, Any]] = []
    if keypoints is not None:
        known = np.ones(len(keypoints)) if confidence is None else confidence
        limbs, dots = _skeleton(keypoints, known > LEAST_CONFIDENCE)
    return _PERSON(
        pixels=image(crop, left, top, crop.shape[1], crop.shape[0]),
        left=left,
        top=top,
        width=crop.shape[1],
        height=crop.shape[0],
        label=label,
        limbs=limbs,
        dots=dots,
        stroke=height / 90,
    )


def _skeleton(
    keypoints: Float32s, drawn: Bools
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Returns the limbs and the keypoints to draw."""
    places = [[round(float(number), 2) for number in keypoint] for keypoint in keypoints]
    limbs = []
    for a, b in LIMBS:
        if drawn[a] and drawn[b]:
            ends = {"x1": places[a][0], "y1": places[a][1], "x2": places[b][0], "y2": places[b][1]}
            colour = _colour(a) if _colour(a) == _colour(b) else ACROSS_COLOUR
            limbs.append(ends | {"colour": colour})
    dots = [
        {"x": places[place][0], "y": places[place][1], "colour": _colour(int(place))}
        for place in np.flatnonzero(drawn)
    ]
    return limbs, dots


def _colour(keypoint: int) -> str:
    """Returns the colour of a keypoint's side."""
    name = NAMES[keypoint]
    return LEFT_COLOUR if "left" in name else RIGHT_COLOUR if "right" in name else NOSE_COLOUR
