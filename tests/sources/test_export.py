"""A dataset's cache in OpenGait's form, and back."""

import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from gaittake.cli import app
from gaittake.errors import UserError
from gaittake.io.arrays import read_array
from gaittake.io.ragged import RaggedWriter
from gaittake.sources.export import KEYPOINTS, MAPS, SILHOUETTES, export_pickles
from gaittake.sources.skeleton import skeleton_maps
from tests.data.test_own_keypoints import person
from tests.sources.released import aligned, run

NAMES = (("001", "nm-01", "000"), ("001", "nm-01", "018"), ("002", "U0_D0_BG", "00_1"))


def write_cache(path: Path, *, keypoints: bool = True) -> dict[str, dict[str, Any]]:
    """Writes a cache of three sequences; returns its arrays by sequence."""
    arrays: dict[str, tuple[str, tuple[int, ...]]] = {"silhouettes": ("uint8", (64, 44))}
    if keypoints:
        arrays["keypoints"] = ("float32", (17, 3))
    points = np.array(person(0, 1, 0.5))
    points[:, 2] = np.linspace(0.2, 0.9, 17)
    found = {}
    with RaggedWriter(path, kind="cache", arrays=arrays) as cache:
        for place, name in enumerate(NAMES):
            frames = 3 + place
            held: dict[str, Any] = {"silhouettes": aligned(frames, seed=place, columns=44)}
            if keypoints:
                held["keypoints"] = np.stack([points + 0.001 * place] * frames)
            cache.append(name, **held)
            found["/".join(name)] = held
    return found


def export(root: Path, *, square: bool = False) -> Path:
    """Exports the cache of `root` as the dataset `mine`; returns the folder of its subjects."""
    export_pickles(
        root / "mine.h5",
        train_subjects=["001", "009"],
        test_subjects=["002"],
        name="mine",
        square=square,
        out=root / "exported",
    )
    return root / "exported/mine"


@pytest.mark.parametrize("square", [False, True])
def test_what_is_exported_comes_back_bit_for_bit(tmp_path: Path, square: bool) -> None:
    held = write_cache(tmp_path / "mine.h5")
    folder = export(tmp_path, square=square)
    source = {"layout": "opengait", "root": folder}
    made = run(
        tmp_path, ("001", "002"), own=True, silhouettes="*sils.pkl", keypoints="*pose.pkl", **source
    )
    assert made.rejects == []
    assert sorted(made.cache) == sorted(held)
    for name, arrays in held.items():
        assert np.array_equal(made.cache[name]["silhouettes"], arrays["silhouettes"])
        assert np.abs(made.cache[name]["keypoints"] - arrays["keypoints"]).max() < 1e-6
    columns = 64 if square else 44
    assert read_array(folder / "001/nm-01/018" / SILHOUETTES).shape == (4, 64, columns)


def test_the_files_have_the_forms_that_opengait_reads(tmp_path: Path) -> None:
    held = write_cache(tmp_path / "mine.h5")
    folder = export(tmp_path) / "002/U0_D0_BG/00_1"
    assert sorted(path.name for path in folder.iterdir()) == [MAPS, SILHOUETTES, KEYPOINTS]
    arrays = {
        name: pickle.loads((folder / name).read_bytes()) for name in (MAPS, SILHOUETTES, KEYPOINTS)
    }
    assert {name: (str(array.dtype), array.shape) for name, array in arrays.items()} == {
        MAPS: ("uint8", (5, 2, 64, 64)),
        SILHOUETTES: ("uint8", (5, 64, 44)),
        KEYPOINTS: ("float32", (5, 17, 3)),
    }
    wanted = held["002/U0_D0_BG/00_1"]["keypoints"]
    assert np.array_equal(arrays[MAPS], skeleton_maps(wanted))
    pixels = wanted * (64, 64, 1) - (10, 0, 0)  # the silhouettes lack ten columns on the left
    assert np.abs(arrays[KEYPOINTS] - pixels).max() < 1e-4
    # NumPy 1 knows this name only, NumPy 2 both.
    assert all(b"numpy.core.multiarray" in (folder / name).read_bytes() for name in arrays)
    partition = json.loads((tmp_path / "exported/mine.json").read_text())
    assert partition == {"TRAIN_SET": ["001"], "TEST_SET": ["002"]}


def test_without_keypoints_silhouettes_are_exported(tmp_path: Path) -> None:
    write_cache(tmp_path / "mine.h5", keypoints=False)
    assert {path.name for path in export(tmp_path).rglob("*.pkl")} == {SILHOUETTES}


def test_a_folder_that_holds_something_is_left_alone(tmp_path: Path) -> None:
    write_cache(tmp_path / "mine.h5")
    (tmp_path / "exported").mkdir()
    export(tmp_path)  # an empty one is used
    with pytest.raises(UserError, match="exists and is not empty"):
        export(tmp_path)
    with pytest.raises(UserError, match="no such file"):
        export_pickles(
            tmp_path / "none.h5",
            train_subjects=[],
            test_subjects=[],
            name="x",
            square=False,
            out=tmp_path / "new",
        )
    assert not (tmp_path / "new").exists()


def test_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_cache(tmp_path / "results/mine/cache.h5")
    (tmp_path / "config").mkdir()
    (tmp_path / "config/mine.yaml").write_text(
        "source: {layout: opengait, root: x}\npose: {keypoints: none}\n"
        "methods: {gei: {network: gei}}\nprotocol: {train_subjects: [001], test_subjects: [002]}\n"
    )
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(app, ["export-pickles", "mine", "out"])
    assert done.exit_code == 0, done.output
    assert len(list((tmp_path / "out/mine").rglob("*.pkl"))) == 9
