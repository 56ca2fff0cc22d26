"""Folders that do not fit the settings are refused in one line."""

from pathlib import Path

import pytest

from gaittake.errors import UserError
from gaittake.settings import IndexStage, Source
from gaittake.sources.index import index_sequences
from gaittake.sources.layouts import LAYOUTS
from tests.sources.trees import write_casiab, write_frames


def index(where: Path, **source: object) -> None:
    stage = IndexStage(source=Source.model_validate(source), subjects=("001",))
    index_sequences(stage, roots=None, out=where / "index.csv", rejects=where / "rejects.csv")


@pytest.mark.parametrize("field", ["silhouettes", "videos"])
def test_a_missing_folder_is_named_with_its_setting(tmp_path: Path, field: str) -> None:
    write_casiab(tmp_path / "data", ("001",), ("nm-01",))
    folders = {"silhouettes": (tmp_path / "data",)} | {field: (tmp_path / "nowhere",)}
    with pytest.raises(UserError, match=rf"nowhere: no such folder; set source\.{field}"):
        index(tmp_path, **folders)


def test_settings_without_a_folder_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"source\.silhouettes is empty"):
        index(tmp_path)


@pytest.mark.parametrize("layout", ["casiab", "oumvlp", "folder"])
def test_an_empty_folder_is_refused(tmp_path: Path, layout: str) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match=r"empty: the folder is empty; source\.layout"):
        index(tmp_path, layout=layout, silhouettes=(tmp_path / "empty",))


def test_the_message_about_a_folder_one_level_too_high_lists_what_it_holds(tmp_path: Path) -> None:
    write_casiab(tmp_path / "data/silhouettes", ("001",), ("nm-01",))
    (tmp_path / "data/DatasetB-1").mkdir()
    with pytest.raises(UserError, match=r"holds DatasetB-1, silhouettes; source.layout .*001, 002"):
        index(tmp_path, silhouettes=(tmp_path / "data",))


def test_the_message_about_a_wrong_layout_lists_what_the_folder_holds(tmp_path: Path) -> None:
    write_frames(tmp_path / "data/Silhouette_000-00/00001")
    with pytest.raises(UserError, match=r"holds Silhouette_000-00; source\.layout 'casiab'"):
        index(tmp_path, silhouettes=(tmp_path / "data",))
    index(tmp_path, layout="oumvlp", silhouettes=(tmp_path / "data",))


def test_every_layout_of_the_settings_is_implemented() -> None:
    named = Source.model_json_schema()["properties"]["layout"]["enum"]
    assert set(named) == set(LAYOUTS)


def write_both(where: Path) -> None:
    """Writes silhouettes and videos of CASIA-B."""
    write_casiab(where / "silhouettes", ("001",), ("nm-01",))
    for half in ("DatasetB-1", "DatasetB-2"):
        (where / half / "video").mkdir(parents=True)
        (where / half / "video" / "001-nm-01-090.avi").touch()


@pytest.mark.parametrize(
    ("videos", "message"),
    [
        ("DatasetB-1", "DatasetB-1: holds video; source.videos requires 001-nm-01-090.avi"),
        ("silhouettes", "the same folder in source.videos and"),
        ("silhouettes/001", "holds nm-01; source.videos requires 001-nm-01-090.avi"),
        ("empty", "the folder is empty; source.videos requires"),
        ("dangling", "dangling: no such folder; set source.videos"),
    ],
)
def test_a_wrong_folder_of_videos_is_named_with_what_it_holds(
    tmp_path: Path, videos: str, message: str
) -> None:
    write_both(tmp_path)
    (tmp_path / "empty").mkdir()
    (tmp_path / "dangling").symlink_to(tmp_path / "unmounted")
    both = (tmp_path / "DatasetB-2/video", tmp_path / videos)
    with pytest.raises(UserError, match=message):
        index(tmp_path, silhouettes=(tmp_path / "silhouettes",), videos=both)


def test_colour_folders_of_ones_own_dataset_hold_the_same_subjects(tmp_path: Path) -> None:
    write_frames(tmp_path / "silhouettes/p01/nm-01/090")
    write_frames(tmp_path / "rgb/p01/nm-01/090")
    silhouettes = (tmp_path / "silhouettes",)
    index(tmp_path, layout="folder", silhouettes=silhouettes, videos=(tmp_path / "rgb",))
    with pytest.raises(UserError, match=r"holds nm-01; source.videos requires .* \(p01\)"):
        index(tmp_path, layout="folder", silhouettes=silhouettes, videos=(tmp_path / "rgb/p01",))
    with pytest.raises(UserError, match=r"the same folder in source\.videos and"):
        index(tmp_path, layout="folder", silhouettes=silhouettes, videos=silhouettes)
