"""Where a dataset's keypoints come from."""

from typing import Literal

from gaittake.settings.pose import Pose

# none: silhouettes only; truth: the renderer's; borrowed: by another dataset's student; teacher:
# by a student of its own, trained on the teacher's labels.
KeypointsFrom = Literal["none", "truth", "borrowed", "teacher"]
OWN_STUDENT = ("teacher",)


def keypoints_from(pose: Pose) -> KeypointsFrom:
    """Returns where the keypoints of a dataset with these settings come from."""
    if pose.keypoints != "predicted":
        return pose.keypoints
    return "teacher" if pose.student_from is None else "borrowed"
