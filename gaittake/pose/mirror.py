"""Frames and their mirror images: walkers who pass the other way."""

import numpy as np

from gaittake.keypoints import MIRROR
from gaittake.pose.augment import Sample
from gaittake.pose.optimise import Samples


class Mirrored:
    """Labelled frames, then the mirror image of each: twice as many.

    A dataset filmed at 0…180° shows nobody at 180…360°. There a detector that knows left from right
    by the way a figure faces would exchange them. In the mirror, a view of v° is one of 360° − v°.
    """

    def __init__(self, samples: Samples) -> None:
        self.samples = samples

    def __len__(self) -> int:
        return 2 * len(self.samples)

    def __getitem__(self, index: int) -> Sample:
        if index < len(self.samples):
            return self.samples[index]
        return mirrored(self.samples[index - len(self.samples)])


def mirrored(sample: Sample) -> Sample:
    """Returns the frame in a mirror; what was the left arm is the right one there."""
    columns = sample.image.shape[1]
    left, top, right, bottom = sample.box
    keypoints = sample.keypoints[list(MIRROR)]
    keypoints[:, 0] = columns - keypoints[:, 0]
    return Sample(
        np.ascontiguousarray(sample.image[:, ::-1]),
        np.array([columns - right, top, columns - left, bottom], dtype=np.float32),
        keypoints,
    )
