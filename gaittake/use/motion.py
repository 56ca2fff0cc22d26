"""How a person moves through the picture: walking direction and steps. Pure functions."""

import numpy as np
import numpy.typing as npt

from gaittake.arrays import Float64s

Signs = npt.NDArray[np.int8]
# A person who walks on the spot or towards the camera drifts less than this, in body heights; one
# who crosses the picture drifts more within one step.
LEAST_DRIFT = 0.3
STEADY = 0.5  # least share of the centre's variance that steady motion explains
TURN = 1.0  # body heights that a person walks both before and after turning round
GAP = 10  # frames without the person between two passes through the picture
# Mean difference of two aligned silhouettes / their area. Measured: standing people up to 0.11,
# walking towards the camera 0.24, walking from the side 0.5 to 0.8.
STANDING = 0.12
FROM_THE_SIDE = 0.35
LONG = 40  # frames: more than a stride at 25 or 30 frames per second
LONGEST_STEP = 150  # frames: more than a slow step at 120 frames per second
REPEATED = 0.85  # difference of silhouettes one step apart / largest difference


def directions(numbers: npt.NDArray[np.integer], centres: Float64s, heights: Float64s) -> Signs:
    """Returns `[n]` for each frame: −1 the person walks to the left, 1 to the right, 0 neither.

    Each pass through the picture has one direction: a recording is split where the person is absent
    for `GAP` frames, and where they turn round.

    Args:
        numbers: `[n]` of the frames, ascending.
        centres: `[n]` columns of the figure's centre, pixels of the whole frame.
        heights: `[n]` of the figure, pixels.
    """
    found = np.zeros(len(numbers), dtype=np.int8)
    places = centres / np.maximum(heights, 1)
    starts = np.flatnonzero(np.diff(numbers) > GAP) + 1
    for frames in np.split(np.arange(len(numbers)), starts):
        for part in _without_turns(frames, places):
            found[part] = _direction(numbers[part], places[part])
    return _filled(found)


def drift(numbers: npt.NDArray[np.integer], places: Float64s) -> tuple[float, float]:
    """Returns how far a line fitted to `places` `[n]` rises, and the share of variance it explains.

    Args:
        numbers: `[n]` of the frames.
        places: `[n]` of the figure's centre, in body heights.
    """
    if len(numbers) < 2 or np.ptp(places) == 0:
        return 0.0, 0.0
    slope, _ = np.polyfit(numbers, places, 1)
    steady = float(np.corrcoef(numbers, places)[0, 1]) ** 2
    return float(slope * (numbers[-1] - numbers[0])), steady


def motion(silhouettes: npt.NDArray[np.uint8]) -> tuple[float, int | None]:
    """Returns how much aligned silhouettes differ, and the frames of a step if one is repeated.

    The difference of silhouettes some frames apart rises with the distance, and falls again where
    one step repeats the last.

    Args:
        silhouettes: `[s, h, w]`.

    Returns:
        The largest mean difference, relative to the area, and the number of frames between two
        silhouettes that look alike again; None if no step is repeated.
    """
    rows = silhouettes.astype(np.float32).reshape(len(silhouettes), -1)
    longest = min(len(rows) - max(5, len(rows) // 4), LONGEST_STEP)
    curve = np.array([np.abs(rows[lag:] - rows[:-lag]).mean() for lag in range(1, longest + 1)])
    if not len(curve):
        return 0.0, None
    curve = curve / max(float(rows.mean()), 1e-6)
    falls = curve < REPEATED * np.maximum.accumulate(curve)
    step = None
    if falls.any():
        first = int(falls.argmax())
        rises = np.flatnonzero(np.diff(curve[first:]) > 0)
        step = first + 1 + (int(rises[0]) if len(rises) else len(curve) - first - 1)
    return float(curve.max()), step


def without_stride(name: str, silhouettes: npt.NDArray[np.uint8]) -> str | None:
    """Returns a warning if a sequence does not show a whole stride, else None.

    Args:
        name: of the sequence.
        silhouettes: `[s, h, w]`, aligned.
    """
    changes, step = motion(silhouettes)
    if changes < STANDING:
        return f"{name}: the figure hardly changes; the person should walk"
    if step is not None and len(silhouettes) < 2 * step:
        return f"{name}: less than one stride (two steps of about {step} frames); film longer"
    if step is None and changes >= FROM_THE_SIDE and len(silhouettes) >= LONG:
        return f"{name}: no step is repeated; check the masks, and that the person walks steadily"
    return None


def _without_turns(frames: npt.NDArray[np.int64], places: Float64s) -> list[npt.NDArray[np.int64]]:
    """Returns the frames in parts, split where the person turns round."""
    here = places[frames]
    for turn in (int(here.argmax()), int(here.argmin())):
        before, after = here[turn] - here[0], here[turn] - here[-1]
        if min(abs(before), abs(after)) >= TURN and before * after > 0:
            return [
                *_without_turns(frames[:turn], places),
                *_without_turns(frames[turn:], places),
            ]
    return [frames]


def _direction(numbers: npt.NDArray[np.integer], places: Float64s) -> int:
    far, steady = drift(numbers, places)
    return int(np.sign(far)) if abs(far) >= LEAST_DRIFT and steady >= STEADY else 0


def _filled(signs: Signs) -> Signs:
    """Returns the signs; a part without one takes that of the part before, else of the next."""
    known = np.flatnonzero(signs)
    if not len(known):
        return signs
    before = np.searchsorted(known, np.arange(len(signs)), side="right") - 1
    return np.asarray(signs[known[np.maximum(before, 0)]], dtype=np.int8)
