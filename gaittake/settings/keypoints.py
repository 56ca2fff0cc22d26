"""Where a dataset's keypoints come from."""

from typing import Literal

from gaittake.settings.pose import Pose

# none: silhouettes only; truth: the renderer's; own: the dataset has them; borrowed: by another
# dataset's student; teacher: by a student of its own, trained on the teacher's labels.
KeypointsFrom = Literal["none", "truth", "own", "borrowed", "teacher"]
OWN_STUDENT = ("teacher",)


def keypoints_from(pose: Pose, *, own: bool) -> KeypointsFrom:
    """Returns where the keypoints of a dataset come from.

    Args:
        pose: its settings of stage one.
        own: whether the index finds keypoints of the sequences.
    """
    if pose.keypoints != "predicted":
        return pose.keypoints
    if own:
        return "own"
    return "teacher" if pose.student_from is None else "borrowed"
