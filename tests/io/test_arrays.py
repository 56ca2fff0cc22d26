"""Pickled arrays are read, and nothing that a pickle asks for is executed."""

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gaittake.io.arrays import read_array
from gaittake.io.frames import count_frames, judge_masks, read_colour, read_silhouettes
from gaittake.sequence import Reject
from tests.io.figures import cropped
from tests.sources.test_folder import index

FRAMES = np.stack([cropped(step) for step in range(12)])


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("contiguous", [True, False])
def test_an_array_is_read_whatever_the_protocol(
    tmp_path: Path, protocol: int, contiguous: bool
) -> None:
    frames = FRAMES if contiguous else FRAMES[:, ::2, ::2]
    path = tmp_path / "000.pkl"
    path.write_bytes(pickle.dumps(frames, protocol=protocol))
    found = read_array(path)
    assert found is not None
    assert (found == frames).all()


def test_the_names_of_both_numpys_are_known(tmp_path: Path) -> None:
    path, content = tmp_path / "000.pkl", pickle.dumps(FRAMES, protocol=2)
    for old, new in ((b"numpy._core.", b"numpy.core."), (b"numpy.core.", b"numpy._core.")):
        path.write_bytes(content.replace(old, new))
        assert read_array(path) is not None


class Program:
    """Writes a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, tuple[Any, ...]]:
        return Path.touch, (self.path,)


@pytest.mark.parametrize("wrap", [lambda p: p, lambda p: [FRAMES, p], lambda p: np.array([p])])
def test_a_program_in_a_pickle_is_not_executed(tmp_path: Path, wrap: Any) -> None:
    path, trace = tmp_path / "000.pkl", tmp_path / "executed"
    path.write_bytes(pickle.dumps(wrap(Program(trace))))
    assert read_array(path) is None
    assert not trace.exists()
    pickle.loads(path.read_bytes())  # the program is one
    assert trace.exists()


@pytest.mark.parametrize(
    "content",
    [b"", b"no pickle", pickle.dumps([1, 2]), pickle.dumps(FRAMES)[:-99], pickle.dumps(FRAMES[0]),
     pickle.dumps(FRAMES.astype(np.float32)), pickle.dumps(FRAMES[:0])],
)  # fmt: skip
def test_what_is_no_array_of_frames_is_a_row(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "000.pkl"
    path.write_bytes(content)
    rejects: list[Reject] = []
    assert count_frames(path, stage="index", rejects=rejects) == 0
    assert list(read_silhouettes(path, stage="index", rejects=rejects)) == []
    assert rejects == [Reject("index", str(path), "unreadable video")] * 2


def test_the_folders_of_opengait_are_read(tmp_path: Path) -> None:
    for view in ("000", "090"):
        folder = tmp_path / "silhouettes/p01/nm-01" / view
        folder.mkdir(parents=True)
        (folder / f"{view}.pkl").write_bytes(pickle.dumps(FRAMES))
    found, rejects = index(tmp_path, "p01", rgb=False)
    assert [(row.name, row.frames, row.masks) for row in found] == [
        ("p01/nm-01/000", 12, "grey>127"),
        ("p01/nm-01/090", 12, "grey>127"),
    ]
    assert rejects == []
    read = list(read_silhouettes(found[0].silhouettes, stage="", rejects=[], numbers={2, 12}))
    assert [number for number, _ in read] == [2, 12]
    assert all((image == FRAMES[number - 1]).all() for number, image in read)
    assert judge_masks(found[0].silhouettes, "dark").rule is not None
    ((_, colour),) = read_colour(found[0].silhouettes, stage="", rejects=[], numbers={1})
    assert colour.shape == (64, 64, 3)
