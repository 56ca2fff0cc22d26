"""The network's input: usable frames, one walking direction, bounded in memory."""

from collections.abc import Iterator

import numpy as np
import pytest

from gaittake.errors import UserError
from gaittake.settings import Align
from gaittake.silhouette import Image
from gaittake.use.locate import Shown, given_keypoints, no_keypoints
from gaittake.use.network_input import BATCH, MAX_FRAMES, batches, network_input

PERSON = np.zeros((60, 60), np.uint8)
PERSON[10:50, 24:36] = 255
PERSON[12:20, 20:24] = 255  # faces left
EMPTY = np.zeros((60, 60), np.uint8)


def moved(frame: Image, columns: int) -> Image:
    """Returns the frame with the person moved to the right."""
    return np.roll(frame, columns, axis=1)


def crossing(frames: int = 20, *, step: int = -2) -> list[Image]:
    """Returns frames in which the person crosses the picture."""
    start = -step * frames // 2
    return [moved(PERSON, start + step * n) for n in range(frames)]


def test_a_sequence_of_the_maximum_length_is_accepted_whatever_else_the_recording_shows() -> None:
    frames = [EMPTY] * 50 + [PERSON] * MAX_FRAMES + [EMPTY] * 50
    found = network_input(frames, settings=Align(), locate=no_keypoints, name="anna")
    assert len(found.silhouettes) == len(found.keypoints) == MAX_FRAMES
    assert found.dropped == {"without a person": 100}


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


def test_a_sequence_and_its_mirror_image_give_the_same_input() -> None:
    left = crossing()
    right = [np.ascontiguousarray(frame[:, ::-1]) for frame in left]
    one, other = (
        network_input(frames, settings=Align(), locate=no_keypoints, name="anna")
        for frames in (left, right)
    )
    assert (one.mirrored, other.mirrored) == (0, 20)
    assert np.array_equal(one.silhouettes, other.silhouettes)
    # The comparison can fail: the silhouettes differ from their mirror images.
    assert not np.array_equal(one.silhouettes, one.silhouettes[..., ::-1])


def test_given_keypoints_are_mirrored_with_their_frames() -> None:
    left = crossing()
    keypoints = np.random.default_rng(0).uniform(5, 55, (20, 17, 3)).astype(np.float32)
    swapped = keypoints[:, [0, 2, 1, 4, 3, 6, 5, 8, 7, 10, 9, 12, 11, 14, 13, 16, 15]]
    swapped[..., 0] = 60 - swapped[..., 0]
    found = [
        network_input(frames, settings=Align(), locate=given_keypoints(given, 20), name="anna")
        for frames, given in (
            (left, keypoints),
            ([np.ascontiguousarray(frame[:, ::-1]) for frame in left], swapped),
        )
    ]
    assert np.abs(found[0].keypoints - found[1].keypoints).max() < 1e-5


def test_frames_without_a_whole_person_are_dropped_and_counted_by_reason() -> None:
    speck, tall = EMPTY.copy(), PERSON.copy()
    speck[20:35, 20:28] = 255
    tall[1:59, 24:36] = 255
    frames = [PERSON] * 10 + [moved(PERSON, -22), speck, EMPTY, tall, PERSON.T.copy()]
    found = network_input(frames, settings=Align(), locate=no_keypoints, name="anna")
    assert len(found.silhouettes) == 10
    assert found.dropped == {
        "cut by the border": 1,
        "too small": 2,
        "without a person": 1,
        "unlike the frames around it": 1,
    }


def test_without_a_usable_frame_the_reasons_are_named() -> None:
    with pytest.raises(UserError, match=r"0 of 3 frames usable \(2 cut by the border, 1 without"):
        network_input(
            [moved(PERSON, -22)] * 2 + [EMPTY], settings=Align(), locate=no_keypoints, name="anna"
        )


def test_a_batch_has_frames_of_one_shape() -> None:
    shown = [Shown(n, EMPTY if n < 3 else EMPTY[:9], False) for n in range(8)]
    assert [[item.number for item in batch] for batch in batches(shown, 4)] == [
        [0, 1, 2],
        [3, 4, 5, 6],
        [7],
    ]


def test_frames_that_show_two_figures_are_counted() -> None:
    alone = [np.roll(frame, -14, axis=1) for frame in crossing(step=0)]
    beside = [np.maximum(frame, np.roll(frame, 18, axis=1)) for frame in alone]
    counts = [
        network_input(frames, settings=Align(), locate=no_keypoints, name="anna").with_two
        for frames in (alone, beside, alone[:9] + beside[:2] + alone[:9])
    ]
    assert counts == [0, 20, 0]  # two of many are dropped: their area jumps
