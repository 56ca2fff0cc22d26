"""The network's input: bounded in memory, with a clear limit."""

from collections.abc import Iterator

import numpy as np
import pytest

from gaittake.errors import UserError
from gaittake.settings import Align
from gaittake.silhouette import Image
from gaittake.use.network_input import BATCH, MAX_FRAMES, network_input, no_keypoints

PERSON = np.full((16, 8), 255, np.uint8)
EMPTY = np.zeros((16, 8), np.uint8)


def test_a_sequence_of_the_maximum_length_is_accepted_whatever_else_the_recording_shows() -> None:
    frames = [EMPTY] * 50 + [PERSON] * MAX_FRAMES + [EMPTY] * 50
    found = network_input(frames, settings=Align(), locate=no_keypoints, name="anna")
    assert len(found.silhouettes) == len(found.keypoints) == MAX_FRAMES
    assert found.dropped == 100


def test_a_longer_sequence_is_refused_as_soon_as_it_exceeds_the_limit() -> None:
    read = 0

    def endless() -> Iterator[Image]:
        nonlocal read
        while True:
            read += 1
            yield PERSON

    with pytest.raises(UserError, match=r"anna: more than 1,000 frames.*split the recording"):
        network_input(endless(), settings=Align(), locate=no_keypoints, name="anna")
    assert MAX_FRAMES < read <= MAX_FRAMES + 2 * BATCH
