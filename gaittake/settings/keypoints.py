"""Where a dataset's keypoints come from."""

from typing import Literal

from gaittake.settings.pose import Pose

# none: silhouettes only; truth: the renderer's; files: the user's, of another program; own: the
# dataset's, which the index finds; borrowed: by another dataset's student; labels, teacher: by a
# student trained here, on the user's labels or the teacher's.
KeypointsFrom = Literal["none", "truth", "files", "own", "borrowed", "labels", "teacher"]
OWN_STUDENT = ("labels", "teacher")


def keypoints_from(pose: Pose, *, given: Literal["files", "own"] | None) -> KeypointsFrom:
    """Returns where the keypoints of a dataset come from.

    Args:
        pose: its settings of stage one.
        given: what `source.keypoints` names.
    """
    if given is not None:
        return given
    if pose.keypoints != "predicted":
        return pose.keypoints
    if pose.labels:
        return "labels"
    return "teacher" if pose.student_from is None else "borrowed"


def contradiction(pose: Pose, *, files: bool) -> str:
    """Returns which two settings exclude each other, and the fix; '' if none do."""
    sources = {
        "source.keypoints": files,
        "pose.labels": bool(pose.labels),
        "pose.student_from": pose.student_from is not None,
        f"pose.keypoints: {pose.keypoints}": pose.keypoints != "predicted",
    }
    given = [name for name, is_set in sources.items() if is_set]
    # A student that nobody asks is allowed: rendered datasets switch between both.
    if len(given) < 2 or not {"source.keypoints", "pose.labels"}.intersection(given):
        return ""
    return f"{given[0]} and {given[1]}: keypoints have one source; remove one of the two"


def teacher_misfit(pose: Pose) -> str:
    """Returns why the teacher's detector cannot have the weights that are set, '' if it can."""
    weights, backbone = pose.teacher_weights, pose.detector.backbone
    needed = {"coco": "resnet50", "walkers": "small"}.get(weights, backbone)
    if backbone == needed:
        return ""
    other = "walkers" if weights == "coco" else "coco"
    return (
        f"pose.teacher_weights: '{weights}' requires pose.detector.backbone '{needed}', found "
        f"'{backbone}'; set that, or teacher_weights to '{other}' or to a file of this backbone"
    )
