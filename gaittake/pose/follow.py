"""Left and right of the limbs, followed through a sequence.

A silhouette from the side hardly shows which leg is the left one. In a single frame both heatmaps
of the ankles then have two peaks, and the detector may put both ankles on the same leg, or exchange
them from frame to frame. A leg that moves steadily tells more: among the places that the heatmaps
allow, the most probable sequence is chosen (Viterbi's algorithm), where a joint moves with nearly
constant velocity. Which of the two legs is the left one is then decided for all frames at once: by
the heatmaps, and by the ground, on which the foot nearer to the camera stands lower in the image.
Project default; the paper takes each frame by itself.
"""

from typing import NamedTuple

import numpy as np

from gaittake.arrays import Float32s, Float64s, Int64s

# ASSUME, all below; chosen on rendered people of 15 frames per second.
WEIGHT = 0.25  # of the heatmaps; they err in many frames in a row, so each counts less than alone
DEVIATION = 0.03  # of a joint from constant velocity, share of the height, from frame to frame
FIRST_DEVIATION = 0.12  # of a joint from rest, in the first two frames
OUTLIER = 6.0  # larger deviations count as this many
FLOOR = 0.02  # probability that a joint is where its heatmap does not show it
NEAR = 0.05  # share of the height; two joints at the same place keep their own positions
LENGTH_DEVIATION = 0.02  # of a limb beyond its length, share of the height
LONGEST_GAP = 1.5  # usual steps between two frames; after a longer gap, nothing is followed
# Which of the pair's two places the left and the right joint are at.
STATES = ((0, 1), (1, 0), (0, 0))
EXCHANGED = np.array([1, 0, 2])  # the same states with left for right
TRUNK = (5, 6, 11, 12)
NOSE, SHOULDERS = 0, (5, 6)
# Log-odds that a run's legs are the right way round.
MEAN_WEIGHT = 0.5  # of the heatmaps' evidence, mean over the frames
GROUND_WEIGHT = 140.0  # of the nearer foot's depth below the other one, per height
FACING = 0.08  # nose before the shoulders of a person seen from the side, share of the height
LOWEST = 0.04  # share of the height; a larger depth counts as this much


class Limb(NamedTuple):
    """Two pairs of joints that move together.

    Attributes:
        upper: left and right keypoint, knees or elbows.
        lower: left and right keypoint, ankles or wrists.
        longest: distance of the two in an image, share of the height.
    """

    upper: tuple[int, int]
    lower: tuple[int, int]
    longest: float


LEGS = Limb((13, 14), (15, 16), 0.26)
ARMS = Limb((7, 8), (9, 10), 0.17)
LIMBS = (LEGS, ARMS)
# The pairs of keypoints that a detector exchanges, or puts on the same limb.
FOLLOWED = tuple(pair for limb in LIMBS for pair in (limb.upper, limb.lower))


class Options(NamedTuple):
    """The three ways to place a pair of joints in each of s frames; see `STATES`.

    Attributes:
        places: `[s, 3, 2, 2]`: x and y of the left and the right joint, in heights.
        evidence: `[s, 3]` logarithm of the heatmaps' probability.
        confidence: `[s, 3, 2]` in 0…1, of each joint.
    """

    places: Float64s
    evidence: Float64s
    confidence: Float64s


def follow(candidates: Float32s, numbers: Int64s, heights: Float64s) -> Float32s:
    """Returns keypoints `[s, 17, 3]`: x and y in pixels, confidence in 0…1.

    The confidence of a knee, ankle, elbow or wrist is the probability that one of the pair is at
    its place. Other keypoints are the first candidates.

    Args:
        candidates: `[s, 17, 3, 3]`, see `gaittake.pose.heatmaps.read_heatmaps`.
        numbers: `[s]` of the frames, rising.
        heights: `[s]` of the figures, pixels.
    """
    keypoints = candidates[:, :, 0].copy()
    steps = np.diff(numbers)
    usual = np.median(steps) if len(steps) else 1
    runs = np.split(np.arange(len(numbers)), np.flatnonzero(steps > LONGEST_GAP * usual) + 1)
    for run in runs:
        if len(run) > 1:
            _follow_run(keypoints, candidates, run, heights)
    return keypoints


def _follow_run(keypoints: Float32s, candidates: Float32s, run: Int64s, heights: Float64s) -> None:
    """Changes the keypoints of successive frames, which have the indices `run`."""
    scale = heights[run, None, None, None].astype(np.float64)
    found = candidates[run].astype(np.float64)
    middle = found[:, TRUNK, 0, :2].mean(axis=1)[:, None, None]
    found[..., :2] = (found[..., :2] - middle) / scale
    frames = np.arange(len(run))
    for limb in LIMBS:
        upper, lower = (options(found[:, pair]) for pair in (limb.upper, limb.lower))
        chosen = most_probable(upper, lower, longest=limb.longest)
        if limb is LEGS and exchanged(found[:, :, 0, :2], upper, lower, chosen):
            chosen = EXCHANGED[chosen[0]], EXCHANGED[chosen[1]]
        for pair, each, state in zip((limb.upper, limb.lower), (upper, lower), chosen, strict=True):
            where = each.places[frames, state] * scale[:, 0] + middle[:, 0]
            rows = np.concatenate([where, each.confidence[frames, state][..., None]], axis=2)
            keypoints[run[:, None], pair] = rows


def options(pair: Float64s) -> Options:
    """Returns the ways to place a pair of joints, given its candidates `[s, 2, 3, 3]`."""
    own, shared = pair[:, :, 0], pair[:, 0, 1:, :2]  # [s, 2, 3], [s, place, 2]
    each = pair[:, :, 1:, 2].clip(0, 1)  # [s, side, place]
    both = each.sum(axis=1).clip(max=1)  # [s, place]: one of the two is there
    places, evidence, confidence = [], [], []
    for left, right in STATES:
        placed = shared[:, (left, right)]
        sure = both[:, (left, right)]
        score = np.log(each[:, 0, left] + FLOOR) + np.log(each[:, 1, right] + FLOOR)
        if left == right:
            score += np.log(1 - both[:, 1 - left] + FLOOR)  # nothing is at the other place
            near = np.linalg.norm(own[..., :2] - placed, axis=2).max(axis=1) < NEAR
            placed = np.where(near[:, None, None], own[..., :2], placed)
            sure = np.where(near[:, None], own[..., 2], sure)
        else:
            score += np.log(both[:, 1].clip(FLOOR))  # something is at the second place
        places.append(placed)
        evidence.append(score)
        confidence.append(sure)
    return Options(np.stack(places, 1), np.stack(evidence, 1), np.stack(confidence, 1))


def most_probable(upper: Options, lower: Options, *, longest: float) -> tuple[Int64s, Int64s]:
    """Returns the most probable states `[s]` of both pairs of a limb, s > 1.

    Args:
        upper: of the knees or elbows.
        lower: of the ankles or wrists.
        longest: see `Limb`.
    """
    count = len(STATES)
    frames = len(upper.places)
    evidence = upper.evidence[:, :, None] + lower.evidence[:, None]  # [s, upper, lower]
    spans = np.linalg.norm(upper.places[:, :, None] - lower.places[:, None], axis=4)
    excess = ((spans - longest) / LENGTH_DEVIATION).clip(0, OUTLIER - 1)
    costs = (0.5 * excess**2).sum(axis=3) - WEIGHT * evidence
    costs = costs.reshape(frames, count**2)
    # Costs of a step [before, now] and of a turn [before last, before, now], states of the limb.
    parts = (upper.places, lower.places)
    first = _together([_deviation(p[1, None] - p[0, :, None], FIRST_DEVIATION) for p in parts])
    turns = [
        _deviation(
            p[2:, None, None] + p[:-2, :, None, None] - 2 * p[1:-1, None, :, None], DEVIATION
        )
        for p in parts
    ]
    total = first + costs[0, :, None] + costs[1]
    back = []
    for frame in range(2, frames):
        ways = total[:, :, None] + _together([turn[frame - 2] for turn in turns])
        back.append(ways.argmin(axis=0))
        total = ways.min(axis=0) + costs[frame]
    before, now = np.unravel_index(total.argmin(), total.shape)
    states = [int(now), int(before)]
    for best in reversed(back):
        states.append(int(best[states[-1], states[-2]]))
    chosen = np.array(states[::-1])
    return chosen // count, chosen % count


def exchanged(
    keypoints: Float64s, knees: Options, ankles: Options, chosen: tuple[Int64s, Int64s]
) -> bool:
    """Returns whether the left leg of a run is more probably the right one.

    Args:
        keypoints: `[s, 17, 2]`, those that tell where the person faces, in heights.
        knees: the ways to place the knees.
        ankles: the ways to place the ankles.
        chosen: the states `[s]` of knees and ankles.
    """
    frames = np.arange(len(keypoints))
    evidence = sum(
        float((pair.evidence[frames, state] - pair.evidence[frames, EXCHANGED[state]]).mean())
        for pair, state in zip((knees, ankles), chosen, strict=True)
    )
    return MEAN_WEIGHT * evidence + ground_evidence(keypoints, ankles.places[frames, chosen[1]]) < 0


def ground_evidence(keypoints: Float64s, ankles: Float64s) -> float:
    """Returns the log-odds that the legs are the right way round, by the foot that stands lower.

    A camera above the feet sees the nearer foot lower. Someone who faces the image's left side has
    the left foot nearer. Of someone seen from the front or from behind, nothing is known: 0; nor
    if the feet do not pass each other, as the front foot may be lower or higher.

    Args:
        keypoints: `[s, 17, 2]` in heights.
        ankles: `[s, 2, 2]`: x and y of the left and of the right one, in heights.
    """
    ahead, below = (ankles[:, 0] - ankles[:, 1]).T
    if not ahead.min() < 0 < ahead.max():
        return 0.0
    slope = ((ahead - ahead.mean()) * below).mean() / ahead.var()
    depth = below.mean() - slope * ahead.mean()  # when the feet are beside each other
    left = (keypoints[:, SHOULDERS, 0].mean(axis=1) - keypoints[:, NOSE, 0]).mean()
    facing = np.clip(left / FACING, -1, 1)
    return float(GROUND_WEIGHT * facing * np.clip(depth, -LOWEST, LOWEST))


def _deviation(moved: Float64s, deviation: float) -> Float64s:
    """Returns the cost of moves `[…, 2, 2]` of both joints of a pair, summed over them."""
    squares = (moved**2).sum(axis=-1) / deviation**2
    total: Float64s = 0.5 * np.minimum(squares, OUTLIER**2).sum(axis=-1)
    return total


def _together(parts: list[Float64s]) -> Float64s:
    """Returns the costs by states of the limb, given those of its two pairs of joints."""
    upper, lower = parts
    axes = range(upper.ndim)
    a = np.expand_dims(upper, [2 * axis + 1 for axis in axes])
    b = np.expand_dims(lower, [2 * axis for axis in axes])
    count = len(STATES) ** 2
    joint: Float64s = (a + b).reshape((count,) * upper.ndim)
    return joint
