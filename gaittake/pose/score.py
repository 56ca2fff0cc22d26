"""Agreement of keypoints with reference keypoints: PCK and OKS. Pure functions."""

import contextlib
import io
from typing import NamedTuple, Self

import numpy as np
import numpy.typing as npt
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval, Params

from gaittake.arrays import Bools, Float32s
from gaittake.keypoints import MIRROR, NAMES

PCK_SHARE = 0.1  # of the body height
APART = 0.05  # of the body height: nearer keypoints of two sides cannot be told apart
LEFT = tuple(place for place, name in enumerate(NAMES) if name.startswith("left_"))
RIGHT = tuple(MIRROR[place] for place in LEFT)
# ASSUME: the person's area, as a share of the box; there are no masks.
AREA_OF_BOX = 0.53


class Pairs(NamedTuple):
    """Predicted and reference keypoints of the same s frames.

    Attributes:
        predicted: `[s, 17, 3]`: x, y in pixels, confidence.
        reference: `[s, 17, 2]` pixels.
        visible: `[s, 17]`, in the reference.
        boxes: `[s, 4]` of the person in the reference, pixels.
        condition: `[s]`.
        view: `[s]`.
    """

    predicted: Float32s
    reference: Float32s
    visible: Bools
    boxes: Float32s
    condition: npt.NDArray[np.str_]
    view: npt.NDArray[np.str_]

    @classmethod
    def join(cls, parts: list[Self]) -> Self:
        """Returns the frames of all parts, concatenated."""
        return cls(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))


def hits(pairs: Pairs) -> Bools:
    """Returns `[s, 17]`: whether the distance to the reference is at most 0.1 of the body height.

    The body height is the height of the box.
    """
    close: Bools = _distance(pairs, pairs.reference) <= PCK_SHARE * _height(pairs)
    return close


def swaps(pairs: Pairs) -> tuple[Bools, Bools]:
    """Returns `[s, 8]` twice: which pairs of a left and a right keypoint count, which are swapped.

    A pair counts if both are visible in the reference, and more than 0.05 of the body height apart
    there. It is swapped if each prediction is nearer to the reference of the other side.
    """
    left, right = pairs.reference[:, LEFT], pairs.reference[:, RIGHT]
    distinct = np.linalg.norm(left - right, axis=-1) > APART * _height(pairs)
    counted: Bools = distinct & pairs.visible[:, LEFT] & pairs.visible[:, RIGHT]
    own, other = _distance(pairs, pairs.reference), _distance(pairs, pairs.reference[:, MIRROR])
    crossed = other < own  # [s, 17]
    swapped: Bools = counted & crossed[:, LEFT] & crossed[:, RIGHT]
    return counted, swapped


def _height(pairs: Pairs) -> Float32s:
    """Returns `[s, 1]`: the body height, pixels."""
    height: Float32s = (pairs.boxes[:, 3] - pairs.boxes[:, 1])[:, None]
    return height


def _distance(pairs: Pairs, reference: Float32s) -> Float32s:
    """Returns `[s, 17]`: the distance of the predictions to places `[s, 17, 2]`, pixels."""
    distance: Float32s = np.linalg.norm(pairs.predicted[..., :2] - reference, axis=-1)
    return distance


def pck(hit: Bools, visible: Bools) -> dict[str, float | None]:
    """Returns the share of hits over visible and over all keypoints; None without a keypoint."""
    return {"visible": _share(hit[visible]), "all": _share(hit)}


def agreement(pairs: Pairs) -> dict[str, object]:
    """Returns PCK, errors and swapped sides, in total and by group, and OKS; all in 0…1.

    An error is the median over visible keypoints, as a share of the body height.
    """
    hit, error = hits(pairs), _distance(pairs, pairs.reference) / _height(pairs)
    counted, swapped = swaps(pairs)

    def by(column: npt.NDArray[np.generic]) -> dict[str, dict[str, float | None]]:
        return {
            str(value): pck(hit[column == value], pairs.visible[column == value])
            for value in np.unique(column)
        }

    return {
        "frames": len(hit),
        "visible_keypoints": int(pairs.visible.sum()),
        "pck": pck(hit, pairs.visible),
        "pck_by_keypoint": {
            name: pck(hit[:, place], pairs.visible[:, place]) for place, name in enumerate(NAMES)
        },
        "error_by_keypoint": {
            name: _median(error[pairs.visible[:, place], place]) for place, name in enumerate(NAMES)
        },
        "swaps": _swapped(counted, swapped),
        "swaps_by_view": {
            str(view): _swapped(counted[pairs.view == view], swapped[pairs.view == view])
            for view in np.unique(pairs.view)
        },
        "pck_by_condition": by(pairs.condition),
        "pck_by_view": by(pairs.view),
        "oks": oks(pairs),
    }


def similarity(
    predicted: Float32s, reference: Float32s, visible: Bools, boxes: Float32s
) -> npt.NDArray[np.float64]:
    """Returns COCO's object keypoint similarity (OKS) of each frame, as pycocotools computes it.

    Args:
        predicted: `[s, 17, 2]` pixels.
        reference: `[s, 17, 2]` pixels.
        visible: `[s, 17]`, in the reference.
        boxes: `[s, 4]` of the person in the reference: x1, y1, x2, y2 in pixels.

    Returns:
        `[s]` in 0…1; NaN for a frame without a visible keypoint.
    """
    variances = (2 * np.asarray(Params("keypoints").kpt_oks_sigmas)) ** 2  # [17]
    x1, y1, x2, y2 = boxes.astype(np.float64).T
    area = AREA_OF_BOX * (x2 - x1) * (y2 - y1) + np.spacing(1)
    squared = ((predicted.astype(np.float64) - reference.astype(np.float64)) ** 2).sum(axis=-1)
    each = np.exp(-squared / variances / area[:, None] / 2)
    found = np.full(len(each), np.nan)
    # Summed frame by frame, over the visible keypoints only: the same bits as pycocotools.
    for frame in np.flatnonzero(visible.any(axis=1)):
        terms = each[frame, visible[frame]]
        found[frame] = terms.sum() / len(terms)
    return found


def oks(pairs: Pairs) -> dict[str, float]:
    """Returns the mean object keypoint similarity, and AP and AR of pycocotools.

    Frames without a visible keypoint have no OKS; they are skipped, as in COCO.
    """
    kept = np.flatnonzero(pairs.visible.any(axis=1))
    each = similarity(pairs.predicted[..., :2], pairs.reference, pairs.visible, pairs.boxes)
    with contextlib.redirect_stdout(io.StringIO()):
        evaluation = COCOeval(_references(pairs, kept), iouType="keypoints")
        evaluation.cocoDt = evaluation.cocoGt.loadRes(_predictions(pairs, kept))
        evaluation.params.areaRng = evaluation.params.areaRng[:1]
        evaluation.params.areaRngLbl = evaluation.params.areaRngLbl[:1]
        evaluation.evaluate()
        evaluation.accumulate()
    precision, recall = evaluation.eval["precision"], evaluation.eval["recall"]
    half = int(np.flatnonzero(np.isclose(evaluation.params.iouThrs, 0.5))[0])
    return {
        "mean": float(np.mean(each[kept])),
        "ap": float(precision.mean()),
        "ap50": float(precision[half].mean()),
        "ar": float(recall.mean()),
        "frames": len(kept),
    }


def _references(pairs: Pairs, kept: npt.NDArray[np.int64]) -> COCO:
    annotations = []
    for row in kept:
        x1, y1, x2, y2 = (float(edge) for edge in pairs.boxes[row])
        visibility = np.where(pairs.visible[row], 2.0, 0.0)[:, None]
        annotations.append(
            {
                "id": int(row) + 1,
                "image_id": int(row),
                "category_id": 1,
                "iscrowd": 0,
                "bbox": [x1, y1, x2 - x1, y2 - y1],
                "area": AREA_OF_BOX * (x2 - x1) * (y2 - y1),
                "num_keypoints": int(pairs.visible[row].sum()),
                "keypoints": np.hstack([pairs.reference[row], visibility]).ravel().tolist(),
            }
        )
    references = COCO()
    references.dataset = {
        "info": {},
        "images": [{"id": int(row)} for row in kept],
        "annotations": annotations,
        "categories": [{"id": 1, "name": "person"}],
    }
    references.createIndex()
    return references


def _predictions(pairs: Pairs, kept: npt.NDArray[np.int64]) -> list[dict[str, object]]:
    return [
        {
            "image_id": int(row),
            "category_id": 1,
            "keypoints": pairs.predicted[row].ravel().tolist(),
            "score": float(pairs.predicted[row, :, 2].mean()),
        }
        for row in kept
    ]


def _swapped(counted: Bools, swapped: Bools) -> dict[str, float | None]:
    """Returns the number of pairs of sides that count, and the share of them that is swapped."""
    return {"pairs": int(counted.sum()), "swapped": _share(swapped[counted])}


def _median(errors: Float32s) -> float | None:
    return float(np.median(errors)) if errors.size else None


def _share(hit: Bools) -> float | None:
    return float(hit.mean()) if hit.size else None
