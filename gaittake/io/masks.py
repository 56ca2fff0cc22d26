"""Decides which pixels of a mask image are the person. Pure functions.

Masks are stored as 0 and 255, as 0 and 1, with a palette, with 16 bits, as the alpha channel of a
cut-out, or compressed. A `Rule` names the channel and the level that separates person and
background. `judge` finds the rule of a sequence from some of its frames, or a `Fault`: the reason
why the frames are not masks.
"""

import re
from collections.abc import Sequence as Items
from typing import Any, NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from gaittake.io.mask_faults import (
    NO_ALPHA,
    PHOTO,
    TWO_MASKS,
    Fault,
    exchanged,
    faint,
    labels,
    photograph,
)
from gaittake.silhouette import Image

Array = npt.NDArray[Any]

# Levels within this share of the range from either end are person or background, also in a
# compressed video.
NEAR = 0.2
MOST_GREY = 0.3  # largest share of pixels between the ends
# Largest share of grey areas wider than an edge, relative to these and the smaller of person and
# background.
MOST_THICK = 0.4
MOST_LABELLED = 0.25  # the same for images with few levels: their edges are sharp
SURELY_AROUND = 0.9  # bright share of border and corners that proves one frame to be inverted
FEW_LEVELS = 8  # images with at most this many levels are not compressed: each level is a label
NOISE = 10  # levels by which compression changes a uniform area
MIN_CONTRAST = 32 / 255  # share of the range; a smaller one is noise
JUDGED_PIXELS = 80_000  # larger images are judged by every second, third, … pixel
_RULE = re.compile(r"(grey|alpha)(>|<=)(\d+(?:\.\d+)?)")


class Rule(NamedTuple):
    """Which pixels are the person; as text `grey>127`.

    Attributes:
        channel: `grey` or `alpha`.
        above: the person is brighter than the cut; if not, darker or equal.
        cut: a level, in the image's own numbers.
    """

    channel: str
    above: bool
    cut: float

    def __str__(self) -> str:
        return f"{self.channel}{'>' if self.above else '<='}{self.cut:g}"


STANDARD = Rule("grey", above=True, cut=127)
# The rules of sequences whose frames show nothing to judge by.
USUAL = {
    "auto": STANDARD,
    "bright": STANDARD,
    "dark": Rule("grey", above=False, cut=127),
    "alpha": Rule("alpha", above=True, cut=127),
    "nonzero": Rule("grey", above=True, cut=0),
}


class Verdict(NamedTuple):
    """What some frames of a sequence say: a rule, or a fault, or neither (all of one level)."""

    rule: Rule | None = None
    fault: Fault | None = None


def parse_rule(text: str) -> Rule:
    """Returns the rule of a text like `grey>127`.

    Raises:
        ValueError: the text is not a rule.
    """
    parsed = _RULE.fullmatch(text)
    if not parsed:
        raise ValueError(f"a rule for masks like {STANDARD} is required, found '{text}'")
    return Rule(parsed[1], parsed[2] == ">", float(parsed[3]))


def person_of(image: Array, rule: Rule) -> Image:
    """Returns the silhouette `[rows, columns]` uint8 of 0 and 255.

    Args:
        image: `[rows, columns]`, the rule's channel.
        rule: which pixels are the person.
    """
    person = image > rule.cut if rule.above else image <= rule.cut
    return person.astype(np.uint8) * np.uint8(255)


def is_grey(image: Array) -> bool:
    """Returns whether most of an 8-bit image is neither near 0 nor near 255, as of a photograph."""
    if image.dtype != np.uint8:
        return False
    ends = int(NEAR * 255) + 1, int((1 - NEAR) * 255) - 1
    return cv2.countNonZero(cv2.inRange(image, *ends)) > MOST_GREY * image.size


def is_around(person: Image) -> bool:
    """Returns whether a silhouette covers the border and corners of its frame: background."""
    return _around(person > 0) > SURELY_AROUND


def judge(images: Items[Array], masks: str = "auto") -> Verdict:
    """Returns the rule of a sequence, or its fault.

    Args:
        images: some frames as they are stored: `[rows, columns]` or `[rows, columns, 3 or 4]` in
            OpenCV's order, of any depth.
        masks: the setting `source.masks`.
    """
    thinned = [_thinned(image) for image in images]
    greys = [_grey(image) for image in thinned]
    alphas = [image[..., 3] for image in thinned if image.ndim == 3 and image.shape[2] == 4]
    if masks == "alpha":
        if len(alphas) < len(images):
            return Verdict(fault=NO_ALPHA)
        return _judge_channel("alpha", alphas, masks)
    grey = _judge_channel("grey", greys, masks)
    if masks != "auto" or len(alphas) < len(images):
        return grey
    alpha = _judge_channel("alpha", alphas, masks)
    if alpha.rule is None:
        return alpha if grey == Verdict() else grey
    if grey.rule is None or _compressed(greys):
        return alpha
    return grey if _agree(greys, grey.rule, alphas, alpha.rule) else Verdict(fault=TWO_MASKS)


def judge_aligned(images: Items[Array]) -> Verdict:
    """Returns the verdict on silhouettes that are used with all their levels: 0 is the background.

    Nothing chooses a rule for them: what is not dark around a bright figure is a fault.

    Args:
        images: some frames `[rows, columns]` uint8.
    """
    verdict = _judge_channel("grey", images, "auto")
    if verdict.rule in (None, STANDARD):
        return verdict
    levels = np.unique(np.concatenate([_levels(image) for image in images]))
    return Verdict(fault=faint(levels))


def is_mask(images: Items[Array]) -> bool:
    """Returns whether these frames are masks of any kind, and no photographs."""
    fault = judge(images).fault
    return fault is None or fault.reason != PHOTO


def shows_something(image: Array) -> bool:
    """Returns whether a frame is of use to judge by: two levels, or levels far apart."""
    image = _thinned(image)
    channels = [image] if image.ndim == 2 else [image[..., n] for n in range(image.shape[2])]
    for channel in channels:
        low, high = channel.min(), channel.max()
        if low != high:
            two = bool(((channel == low) | (channel == high)).all())
            if two or float(high) - float(low) >= MIN_CONTRAST * _full(channel):
                return True
    return False


def _judge_channel(name: str, images: Items[Array], masks: str) -> Verdict:
    shown = [image for image in images if image.min() != image.max()]
    if not shown:
        return Verdict()
    levels = np.unique(np.concatenate([_levels(image) for image in shown]))
    low, high = float(levels[0]), float(levels[-1])
    full = _full(shown[0])
    half = full // 2 if full > 1 else 0.5
    fault: Fault | None = None
    if masks == "nonzero":
        cut = 0.0
    elif len(levels) == 2:
        cut = half if low <= half < high else low
    elif high - low < MIN_CONTRAST * full:
        return Verdict(fault=faint(levels))
    else:
        ends = low <= NEAR * full and high >= (1 - NEAR) * full
        cut = half if ends else float((low + high) // 2 if full > 1 else (low + high) / 2)
        fault = _more_than_two(shown, levels, cut, masks)
    bright = [image > cut for image in shown]
    if fault is None and masks not in ("bright", "dark") and _inverted(bright):
        fault = exchanged(bright)
    if fault is not None:
        return Verdict(fault=fault)
    return Verdict(Rule(name, above=masks != "dark", cut=cut))


def _more_than_two(images: Items[Array], levels: Array, cut: float, masks: str) -> Fault | None:
    """Returns the fault of images that have large parts between their darkest and brightest."""
    low, high = float(levels[0]), float(levels[-1])
    few = len(levels) <= FEW_LEVELS
    grey = thick = faint = bright = total = 0
    for image in images:
        between = _between(image, low, high)
        if few:
            between = (image > low + NOISE) & (image < high - NOISE)
            faint += _thick((image > low) & (image <= low + NOISE))
        grey += int(between.sum())
        thick += _thick(between)
        bright += int(((image > cut) & ~between).sum())
        total += image.size
    smaller = min(bright, total - grey - bright)
    most = MOST_LABELLED if few else MOST_THICK
    even = faint <= MOST_LABELLED * (faint + bright)
    if grey <= MOST_GREY * total and thick <= most * (thick + smaller) and even:
        return None
    if few:
        return None if masks in ("bright", "dark") else labels(levels)
    return photograph(grey / total)


def _thick(part: Array) -> int:
    """Returns how many pixels of a part are no edge of it."""
    return int(cv2.erode(part.astype(np.uint8), np.ones((3, 3), np.uint8)).sum())


def _inverted(bright: Items[Array]) -> bool:
    """Returns whether the background is bright: it lies along the border and in the corners.

    The share of bright pixels is no criterion: a figure cropped to its box fills most of the frame.
    """
    around = float(np.median([_around(image) for image in bright]))
    return around > 0.5 or float(np.mean([_framed(image) for image in bright])) > 0.5


def _around(bright: Array) -> float:
    """Returns how bright border and corners are, 0…1."""
    border = np.concatenate([bright[0], bright[-1], bright[:, 0], bright[:, -1]])
    rows, columns = (max(1, length // 8) for length in bright.shape)
    ends = (slice(None, rows), slice(-rows, None)), (slice(None, columns), slice(-columns, None))
    corners = sum(int(np.count_nonzero(bright[y, x])) for y in ends[0] for x in ends[1])
    share: float = np.count_nonzero(border) / border.size + corners / (4 * rows * columns)
    return share / 2


def _framed(bright: Array) -> bool:
    """Returns whether the bright part is a rectangle around a dark figure, within a dark border."""
    x, y, width, height = cv2.boundingRect(bright.astype(np.uint8))
    inner = bright[y : y + height, x : x + width]
    large = inner.size > bright.size / 4
    return bool(large and _around(inner) > SURELY_AROUND and not inner.all())


def _agree(greys: Items[Array], grey: Rule, alphas: Items[Array], alpha: Rule) -> bool:
    one = np.concatenate([person_of(image, grey).ravel() > 0 for image in greys])
    other = np.concatenate([person_of(image, alpha).ravel() > 0 for image in alphas])
    return bool((one & other).sum() > 0.9 * (one | other).sum())


def _compressed(images: Items[Array]) -> bool:
    """Returns whether the images have more levels than labels would need."""
    return len(np.unique(np.concatenate([_levels(image) for image in images]))) > FEW_LEVELS


def _between(image: Array, low: float, high: float) -> Array:
    margin = NEAR * (high - low)
    return (image > low + margin) & (image < high - margin)


def _levels(image: Array) -> Array:
    """Returns the levels that occur, in order."""
    if image.dtype in (np.uint8, np.uint16):
        return np.flatnonzero(np.bincount(image.ravel()))
    return np.unique(image)


def _full(image: Array) -> float:
    """Returns the largest level that the image's depth has; of floating-point numbers 1."""
    return float(np.iinfo(image.dtype).max) if image.dtype.kind in "iu" else 1.0


def _grey(image: Array) -> Array:
    if image.ndim == 2:
        return image
    if image.shape[2] == 1:
        return image[..., 0]
    return np.asarray(cv2.cvtColor(np.ascontiguousarray(image[..., :3]), cv2.COLOR_BGR2GRAY))


def _thinned(image: Array) -> Array:
    step = max(1, int(np.sqrt(image.shape[0] * image.shape[1] / JUDGED_PIXELS)))
    return image[::step, ::step]
