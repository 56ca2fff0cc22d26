"""OpenGait's pickles: `subject/type/view/*.pkl`."""

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gaittake.errors import UserError
from gaittake.io.arrays import FOREIGN
from gaittake.pipeline import inputs, plan
from gaittake.sequence import ALIGNED
from gaittake.settings import Source, load_settings
from gaittake.sources.layouts import LAYOUTS
from tests.data.test_own_keypoints import person
from tests.jobs import job_of
from tests.sources.released import aligned, run, write_pickle


def opengait(root: Path, *subjects: str, own: bool = False, **source: Any) -> Any:
    """Returns what index and cache make of `root/data`."""
    return run(root, subjects, own=own, layout="opengait", root=root / "data", **source)


@pytest.mark.parametrize("columns", [64, 44])
def test_silhouettes_are_cached_bit_for_bit(tmp_path: Path, columns: int) -> None:
    names = ("001/nm-01/000", "001/bg-02/018", "0002/U0_D0_BG/00_x", "p/camid0_videoid2/seq0")
    for place, name in enumerate(names):
        path = tmp_path / "data" / name / f"{name[-3:].replace('/', '')}.pkl"
        write_pickle(path, aligned(5 + place, seed=place, columns=columns), protocol=2 + place)
    made = opengait(tmp_path, "001", "0002", "p")
    assert made.rejects == []
    assert {row.name: (row.frames, row.masks) for row in made.sequences} == {
        name: (5 + place, ALIGNED) for place, name in enumerate(names)
    }
    for place, name in enumerate(names):
        wanted = aligned(5 + place, seed=place, columns=44)
        assert 0 < np.isin(wanted, (0, 255)).mean() < 1  # levels between are kept
        assert np.array_equal(made.cache[name]["silhouettes"], wanted)
        assert set(made.cache[name]) == {"silhouettes"}


def test_light_frames_are_kept_and_black_ones_are_not(tmp_path: Path) -> None:
    frames = aligned(4)
    frames[1], frames[2] = 0, frames[2] * (np.indices((64, 64)).sum(axis=0) % 40 == 0)
    assert 0 < frames[2].sum() < 10_000
    write_pickle(tmp_path / "data/001/nm-01/000/000.pkl", frames)
    made = opengait(tmp_path, "001")
    assert made.rejects == [("data/001/nm-01/000/000.pkl#2", "empty silhouette")]
    wanted = frames[[0, 2, 3], :, 10:54]
    assert np.array_equal(made.cache["001/nm-01/000"]["silhouettes"], wanted)


def test_128_rows_are_scaled(tmp_path: Path) -> None:
    small = aligned(3)
    write_pickle(tmp_path / "data/001/nm-01/000/a.pkl", small.repeat(2, axis=1).repeat(2, axis=2))
    made = opengait(tmp_path, "001")
    assert np.array_equal(made.cache["001/nm-01/000"]["silhouettes"], small[:, :, 10:54])


def test_a_pattern_picks_one_of_several_files(tmp_path: Path) -> None:
    folder = tmp_path / "data/001/nm-01/000"
    write_pickle(folder / "000-aligned-sils.pkl", aligned(6))
    write_pickle(folder / "000-ratios.pkl", np.ones(6))
    write_pickle(folder / "000-rgbs.pkl", np.zeros((6, 3, 8, 8), np.uint8))
    write_pickle(folder / "000-sils.pkl", np.zeros((6, 128, 128), np.uint8))
    made = opengait(tmp_path, "001", silhouettes="*aligned-sils.pkl")
    assert made.rejects == []
    assert [row.silhouettes.name for row in made.sequences] == ["000-aligned-sils.pkl"]
    with pytest.raises(UserError) as stopped:
        opengait(tmp_path, "001")
    assert str(stopped.value) == (
        f"{folder}: 4 pickles, 000-aligned-sils.pkl, 000-ratios.pkl, 000-rgbs.pkl, 000-sils.pkl; "
        "set source.silhouettes to a pattern of the silhouettes' file names, for example "
        "'*sils.pkl'"
    )
    made = opengait(tmp_path, "001", silhouettes="06*.pkl")
    assert [reason.partition(": ")[0] for _, reason in made.rejects] == ["no pickle matches"]
    made = opengait(tmp_path, "001", silhouettes="*sils.pkl")
    assert made.rejects == [
        (
            "data/001/nm-01/000",
            "several pickles match: '*sils.pkl' among 000-aligned-sils.pkl, 000-ratios.pkl, "
            "000-rgbs.pkl, 000-sils.pkl",
        )
    ]


class Program:
    """Writes a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return os.system, (f"touch {self.path}",)


def test_a_malicious_file_is_a_row_and_the_others_are_used(tmp_path: Path) -> None:
    trace = tmp_path / "executed"
    write_pickle(tmp_path / "data/001/nm-01/000/000.pkl", aligned(3))
    write_pickle(tmp_path / "data/001/nm-01/018/018.pkl", Program(trace))
    write_pickle(tmp_path / "data/001/nm-02/000/000.pkl", [aligned(3), Program(trace)])
    (tmp_path / "data/001/nm-02/018").mkdir()
    (tmp_path / "data/001/nm-02/018/018.pkl").write_bytes(b"")
    (tmp_path / "data/001/nm-02/036").mkdir()
    (tmp_path / "data/001/nm-02/036/note.txt").write_text("")
    made = opengait(tmp_path, "001")
    assert [row.name for row in made.sequences] == ["001/nm-01/000"]
    assert made.rejects == [
        ("data/001/nm-01/018/018.pkl", f"{FOREIGN}: posix.system"),
        ("data/001/nm-02/000/000.pkl", f"{FOREIGN}: posix.system"),
        ("data/001/nm-02/018/018.pkl", "unreadable pickle: empty file"),
        ("data/001/nm-02/036/note.txt", "not a pickle"),
    ]
    assert not trace.exists()


def test_keypoints_beside_the_silhouettes(tmp_path: Path) -> None:
    """In pixels of the silhouette, or of a picture that is not there."""
    inside = np.stack([person(0, 64, 22)] * 3)
    inside[:, :, 2] = np.linspace(0.1, 0.9, 17)
    outside = inside * (5, 5, 1) + (300, 70, 0)
    for view, points, columns in (("000", inside, 44), ("018", outside, 44)):
        write_pickle(tmp_path / f"data/001/nm-01/{view}/a-sils.pkl", aligned(3, columns=columns))
        write_pickle(tmp_path / f"data/001/nm-01/{view}/b-pose.pkl", points.astype(np.float32))
    made = opengait(tmp_path, "001", own=True, silhouettes="*sils.pkl", keypoints="*pose.pkl")
    assert made.rejects == []
    known = made.cache["001/nm-01/000"]["keypoints"]
    wanted = inside / (64, 64, 1) + ((32 - 22) / 64, 0, 0)
    assert np.abs(known - np.clip(wanted, 0, 1)).max() < 1e-6
    assert np.abs(known - made.cache["001/nm-01/018"]["keypoints"]).max() < 1e-5


def test_keypoints_elsewhere_cost_their_sequence_and_frames_without_them_themselves(
    tmp_path: Path,
) -> None:
    inside = np.stack([person(0, 64, 32)] * 5)
    shares, gap = inside / (64, 64, 1), inside.copy()
    gap[3, :, 2] = 0
    for view, points in (("000", inside), ("018", shares), ("036", gap)):
        write_pickle(tmp_path / f"data/001/nm-01/{view}/sils.pkl", aligned(5))
        write_pickle(tmp_path / f"data/001/nm-01/{view}/pose.pkl", points)
    made = opengait(tmp_path, "001", own=True, silhouettes="sils*", keypoints="pose*")
    assert {name: len(arrays["keypoints"]) for name, arrays in made.cache.items()} == {
        "001/nm-01/000": 5,
        "001/nm-01/036": 4,
    }
    assert made.rejects == [
        (
            "data/001/nm-01/018/pose.pkl",
            "keypoints and silhouettes do not match: in 5 of 5 frames",
        ),
        ("data/001/nm-01/036/sils.pkl#4", "no keypoints"),
    ]


def test_modalities_of_different_lengths_are_refused(tmp_path: Path) -> None:
    for view, frames in (("000", 4), ("018", 5)):
        write_pickle(tmp_path / f"data/001/nm-01/{view}/sils.pkl", aligned(4))
        points = np.stack([person(0, 64, 32)] * frames)
        write_pickle(tmp_path / f"data/001/nm-01/{view}/pose.pkl", points)
    made = opengait(tmp_path, "001", own=True, silhouettes="sils*", keypoints="pose*")
    assert [row.name for row in made.sequences] == ["001/nm-01/000"]
    assert made.rejects == [
        (
            "data/001/nm-01/018/pose.pkl",
            "silhouettes and keypoints differ in their number of frames: 4 silhouettes, "
            "5 keypoints",
        )
    ]


def test_a_nested_subject_hides_no_sequence_beside_it(tmp_path: Path) -> None:
    for place in ("001/001/nm-01/000", "001/nm-02/000", "02/02/000"):
        write_pickle(tmp_path / "data" / place / "a.pkl", aligned(3))
    made = opengait(tmp_path, "001", "02")
    assert made.rejects == []
    assert [row.name for row in made.sequences] == ["001/nm-01/000", "001/nm-02/000", "02/02/000"]


@pytest.mark.parametrize("shape", [(3, 64, 50), (3, 60, 44), (3, 44, 64)])
def test_silhouettes_of_another_shape_are_rows(tmp_path: Path, shape: tuple[int, ...]) -> None:
    figures = np.zeros(shape, np.uint8)
    figures[:, :, 15:30] = 255
    write_pickle(tmp_path / "data/001/nm-01/000/000.pkl", figures)
    made = opengait(tmp_path, "001")
    size = f"{shape[1]}×{shape[2]}"
    assert [reason for _, reason in made.rejects] == [
        "no usable frame",
        *[f"aligned silhouette of another shape: {size}"] * 3,
    ]


def test_subjects_are_surveyed_and_missing_ones_are_rows(tmp_path: Path) -> None:
    write_pickle(tmp_path / "data/001/nm-01/000/000.pkl", aligned(3))
    write_pickle(tmp_path / "data/x-1/nm-01/000/000.pkl", aligned(3))
    (tmp_path / "data/list.json").write_text("{}")
    made = opengait(tmp_path, "001", "002")
    assert made.rejects == [("data/002", "subject of the protocol missing")]
    subjects, others = LAYOUTS["opengait"].survey((tmp_path / "data",), ())
    assert sorted(subjects) == ["001", "x-1"]
    assert [Path(row.path).name for row in others] == ["list.json"]


def write_settings(folder: Path, text: str, partition: object = None) -> Path:
    """Writes a settings file and a partition beside it."""
    (folder / "p.json").write_text(json.dumps(partition))
    path = folder / "mine.yaml"
    path.write_text(text.replace("HERE", str(folder)))
    return path


NONE = "pose: {keypoints: none}\nmethods: {gei: {network: gei}}\n"
SOURCE = "source: {layout: opengait, root: HERE/data, partition: HERE/p.json}\n"


def test_the_partition_gives_the_subjects(tmp_path: Path) -> None:
    lists = {"TRAIN_SET": ["001", "002"], "TEST_SET": ["00001", "probe"], "PROBE_SET": ["x"]}
    path = write_settings(tmp_path, SOURCE + NONE, lists)
    settings = load_settings(path)
    assert settings.protocol.train_subjects == ("001", "002")
    assert settings.protocol.test_subjects == ("00001", "probe")
    assert settings.protocol.listed_probes == ("x",)
    assert settings.source.folders == (tmp_path / "data",)
    file = tmp_path / "p.json"
    file.write_text(file.read_text(), encoding="utf-8-sig")  # as editors on Windows do
    assert load_settings(path).protocol == settings.protocol


@pytest.mark.parametrize(
    ("partition", "said"),
    [
        ([], r"p\.json: 'TRAIN_SET' is not a list of names: found a list; a partition"),
        ({"TRAIN_SET": ["1"]}, r"p\.json: 'TEST_SET' is not a list of names: found 'TRAIN_SET'; a"),
        (
            {"TRAINSET": ["1"], "TEST_SET": ["2"]},
            "names: found 'TRAINSET', 'TEST_SET'; a partition",
        ),
        (
            {"TRAIN_SET": [1], "TEST_SET": ["2"]},
            r"'TRAIN_SET' is not a list of names: it is \[1\];",
        ),
        ({"TRAIN_SET": ["1"], "TEST_SET": []}, "TEST_SET is empty"),
    ],
)
def test_a_wrong_partition_is_one_line(tmp_path: Path, partition: Any, said: str) -> None:
    path = write_settings(tmp_path, SOURCE, partition)
    with pytest.raises(UserError, match=said):
        load_settings(path)
    (tmp_path / "p.json").unlink()
    with pytest.raises(UserError, match=r"p\.json: no such file; source\.partition names"):
        load_settings(path)


def test_subjects_have_one_source(tmp_path: Path) -> None:
    lists = {"TRAIN_SET": ["002"], "TEST_SET": ["003"]}
    text = SOURCE + "protocol: {train_subjects: [001]}\n"
    with pytest.raises(UserError, match="remove one of the two"):
        load_settings(write_settings(tmp_path, text, lists))
    same = text.replace("[001]", "['002']")  # as `gaittake config` prints them
    assert load_settings(write_settings(tmp_path, same + NONE, lists)).protocol.test_subjects == (
        "003",
    )


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("layout: opengait, root: x, keypoints: '*pose.pkl'", "own"),
        ("layout: gait3d, silhouettes: x, keypoints: 2D_Poses", "own"),
        ("layout: oumvlp, silhouettes: x, keypoints: alphapose", "own"),
        ("layout: oumvlp, silhouettes: x, keypoints: coco.json", "files"),
        ("layout: casiab, silhouettes: x, keypoints: casia-b_pose_coco.csv", "files"),
        ("layout: opengait, root: x", "teacher"),
    ],
)
def test_keypoints_of_the_datasets_own_need_no_stage_one(
    tmp_path: Path, source: str, found: str
) -> None:
    settings = load_settings(write_settings(tmp_path, f"source: {{{source}}}\n"))
    assert settings.keypoints_from == found
    job = job_of(settings, shard="train-000")
    assert plan.cache(job).own_keypoints is (found == "own")
    assert plan.cache(job).keypoints
    assert bool(inputs.keypoints(job)) is (found != "own")
    assert bool(inputs.quality(job)) is (found == "teacher")


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ({"layout": "opengait", "silhouettes": "x"}, "root is required with layout 'opengait'"),
        ({"layout": "casiab", "root": "x"}, "root: only with layout 'opengait'; found 'casiab'"),
        ({"silhouettes": ["a", "b"]}, "silhouettes: with source.root, one name"),
        ({"videos": ["root"]}, "videos: remove them"),
        ({"silhouettes": "a/*.pkl"}, "silhouettes: with source.root, one name"),
        ({"keypoints": "/a/b.pkl"}, "keypoints: with source.root, one name"),
        ({"masks": "dark"}, "masks: remove it with layout 'opengait', whose silhouettes are used"),
        ({"layout": "grew", "silhouettes": "x", "masks": "nonzero"}, "masks: remove it with"),
    ],
)
def test_root_and_names_of_files_belong_together(source: dict[str, Any], expected: str) -> None:
    pickles = {} if "layout" in source else {"layout": "opengait", "root": "x"}
    with pytest.raises(ValueError, match=expected):
        Source.model_validate(pickles | source)


def test_nothing_is_read_with_the_plain_unpickler() -> None:
    package = Path(__file__).parents[2] / "gaittake"
    texts = {path.name: path.read_text(encoding="utf-8") for path in package.rglob("*.py")}
    assert [name for name, text in texts.items() if "pickle.load" in text] == ["arrays.py"]
    assert "pickle.loads(" not in texts["arrays.py"]
