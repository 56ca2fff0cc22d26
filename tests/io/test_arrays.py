"""Pickled arrays are read, and nothing that a pickle asks for is executed."""

import builtins
import os
import pickle
import struct
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gaittake.io.arrays import (
    FOREIGN,
    NO_KEYPOINTS,
    NO_SILHOUETTES,
    read_array,
    read_keypoints_array,
    read_silhouettes_array,
)
from gaittake.io.frames import count_frames, judge_masks, read_colour, read_silhouettes
from gaittake.sequence import Reject
from tests.io.figures import cropped
from tests.sources.test_folder import index

FRAMES = np.stack([cropped(step) for step in range(12)])


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("order", ["C", "F", "views"])
@pytest.mark.parametrize("dtype", ["u1", "f4", ">f8", "i8", "b1"])
def test_an_array_is_read_whatever_the_protocol(
    tmp_path: Path, protocol: int, order: str, dtype: str
) -> None:
    frames = FRAMES[:, ::2, ::2] if order == "views" else np.asarray(FRAMES, order=order)  # type: ignore[call-overload]
    frames = frames.astype(dtype, order="K", copy=False)
    path = tmp_path / "000.pkl"
    path.write_bytes(pickle.dumps(frames, protocol=protocol))
    found = read_array(path)
    assert found.dtype == frames.dtype
    assert np.array_equal(found, frames)


@pytest.mark.parametrize("protocol", [2, 4, 5])
def test_the_names_of_both_numpys_are_known(tmp_path: Path, protocol: int) -> None:
    path, frames = tmp_path / "000.pkl", FRAMES[:2, :8, :8].copy()
    content = pickle.dumps(frames, protocol=protocol)
    for old, new in (("numpy._core.", "numpy.core."), ("numpy.core.", "numpy._core.")):
        for module in ("multiarray", "numeric"):
            before, after = (_named(name + module, protocol) for name in (old, new))
            content = content.replace(before, after)
        if protocol >= 4:  # the frame gives its length
            content = content[:3] + struct.pack("<Q", len(content) - 11) + content[11:]
        path.write_bytes(content)
        assert new.encode() in content
        assert np.array_equal(read_array(path), frames)


def _named(module: str, protocol: int) -> bytes:
    """Returns a module's name as a pickle has it: since protocol 4 with its length."""
    return (b"" if protocol < 4 else b"\x8c" + bytes([len(module)])) + module.encode()


class Calls:
    """Calls a function when it is unpickled."""

    def __init__(self, function: Callable[..., Any], *arguments: Any) -> None:
        self.call = function, arguments

    def __reduce__(self) -> tuple[Any, tuple[Any, ...]]:
        return self.call


PROGRAMS = {
    "os.system": lambda trace: Calls(os.system, f"touch {trace}"),
    "builtins.eval": lambda trace: Calls(builtins.eval, f"open({str(trace)!r}, 'w')"),
    "__reduce__": lambda trace: Calls(Path.touch, trace),
    "array of objects": lambda trace: np.array([Calls(Path.touch, trace), None]),
    "behind an array": lambda trace: [FRAMES, Calls(os.system, f"touch {trace}")],
    "type of an array": lambda trace: Calls(np.zeros, Calls(os.system, f"touch {trace}")),
}


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
@pytest.mark.parametrize("kind", PROGRAMS)
def test_a_program_in_a_pickle_is_not_executed(tmp_path: Path, kind: str, protocol: int) -> None:
    path, trace = tmp_path / "000.pkl", tmp_path / "executed"
    content = pickle.dumps(PROGRAMS[kind](trace), protocol=protocol)
    path.write_bytes(content)
    rejects: list[Reject] = []
    assert count_frames(path, stage="index", rejects=rejects) == 0
    assert not trace.exists()
    assert [row.kind for row in rejects] == [FOREIGN]
    assert "nothing of it was executed" in rejects[0].reason
    _run(content)  # the program is one
    assert trace.exists()


def _run(content: bytes) -> None:
    with suppress(TypeError):  # np.zeros of what `touch` returned
        pickle.loads(content)


# What no `pickle.dumps` writes: opcodes that change or call the names of an array.
_BEGIN = b"cnumpy._core.multiarray\n_reconstruct\n"
FORGED = {
    "a name alone": b"cnumpy\nndarray\n.",
    "a part is changed": b"cnumpy\ndtype\n(N}Vmeaning\nI1\nstb.",
    "a part is changed and called": b"cnumpy\ndtype\n(N}Vmeaning\nVx\nstb(Vu1\ntR.",
    "an attribute of a part": b"\x80\x04\x8c\x05numpy\x8c\x0fndarray.__init__\x93.",
    "another function of numpy": b"cnumpy\nload\n(Vx\ntR.",
    "a class in place of ndarray": _BEGIN + b"(cnumpy\ndtype\n(I0\ntVb\ntR.",
    "an array without content": _BEGIN + b"(cnumpy\nndarray\n(I0\ntVb\ntR.",
    "an array of objects": b"cnumpy\ndtype\n(VO8\ntR.",
    "an array of records": b"cnumpy\ndtype\n(Vu1,f\ntR.",
    "another encoding": b"c_codecs\nencode\n(Vx\nVrot13\ntR.",
    "a registered extension": b"\x80\x02\x82\x01.",
    "an object elsewhere": b"P1\n.",
}


@pytest.mark.parametrize("kind", FORGED)
def test_a_forged_pickle_is_refused_and_changes_nothing(tmp_path: Path, kind: str) -> None:
    path, good = tmp_path / "forged.pkl", tmp_path / "good.pkl"
    path.write_bytes(FORGED[kind])
    good.write_bytes(pickle.dumps(FRAMES))
    with pytest.raises(ValueError, match=r"^(unreadable pickle|pickle of a program or object)"):
        read_array(path)
    assert np.array_equal(read_array(good), FRAMES)


def test_bytes_must_fit_the_shape(tmp_path: Path) -> None:
    path = tmp_path / "000.pkl"
    content = pickle.dumps(FRAMES[:2, :8, :8].copy(), protocol=2)
    shape = pickle.dumps((2, 8, 8), protocol=2)[2:-3]
    assert content.count(shape) == 1
    path.write_bytes(content.replace(shape, shape.replace(b"K\x08", b"K\xff")))
    with pytest.raises(ValueError, match="unreadable pickle: shape and number of bytes differ"):
        read_array(path)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "unreadable pickle: empty file"),
        (b"no pickle", "unreadable pickle: "),
        (pickle.dumps([1, 2]), "unreadable pickle: one array is required, found list"),
        (pickle.dumps(FRAMES)[:-99], "unreadable pickle: truncated"),
        (pickle.dumps(FRAMES)[:40], "unreadable pickle: truncated"),
        (pickle.dumps(FRAMES) + b"12", "unreadable pickle: 2 bytes follow the array"),
        (pickle.dumps(FRAMES) + pickle.dumps(FRAMES), "unreadable pickle: 49"),
        (pickle.dumps(FRAMES[0]), f"{NO_SILHOUETTES}: uint8 of shape 64×64"),
        (pickle.dumps(FRAMES[..., None]), f"{NO_SILHOUETTES}: uint8 of shape 12×64×64×1"),
        (pickle.dumps(FRAMES / np.float32(255)), f"{NO_SILHOUETTES}: float32 of shape 12×64×64"),
        (pickle.dumps(FRAMES > 0), f"{NO_SILHOUETTES}: bool of shape 12×64×64"),
        (pickle.dumps(FRAMES // 255), f"{NO_SILHOUETTES}: levels 0 and 1"),
        (pickle.dumps(FRAMES[:0]), f"{NO_SILHOUETTES}: uint8 of shape 0×64×64"),
    ],
)  # fmt: skip
def test_what_is_no_array_of_frames_is_a_row(tmp_path: Path, content: bytes, reason: str) -> None:
    path = tmp_path / "000.pkl"
    path.write_bytes(content)
    rejects: list[Reject] = []
    assert count_frames(path, stage="index", rejects=rejects) == 0
    assert list(read_silhouettes(path, stage="index", rejects=rejects)) == []
    assert rejects[0] == rejects[1]
    assert rejects[0].path == str(path)
    assert rejects[0].reason.startswith(reason)


def test_keypoints_are_17_of_three_finite_numbers(tmp_path: Path) -> None:
    path = tmp_path / "pose.pkl"
    points = np.random.default_rng(0).uniform(0, 300, (5, 17, 3))
    points[..., 2] /= 300
    path.write_bytes(pickle.dumps(points))
    assert np.array_equal(read_keypoints_array(path), points.astype(np.float32))
    far = points * 1e60  # finite, but not as float32
    points[2, 3, 1] = np.nan
    path.write_bytes(pickle.dumps(points))
    with pytest.raises(ValueError, match=f"{NO_KEYPOINTS}: some are not finite in 1 of 5 frames"):
        read_keypoints_array(path)
    for wrong in (far, points[:, :16], points[..., :2], points[0], points[:0]):
        path.write_bytes(pickle.dumps(wrong))
        with pytest.raises(ValueError, match=f"^{NO_KEYPOINTS}: "):
            read_keypoints_array(path)
    path.write_bytes(pickle.dumps(FRAMES))
    with pytest.raises(ValueError, match=f"{NO_KEYPOINTS}: uint8 of shape 12×64×64"):
        read_keypoints_array(path)


def test_a_missing_file_is_a_row(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"^unreadable pickle: .*No such file"):
        read_silhouettes_array(tmp_path / "000.pkl")


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
