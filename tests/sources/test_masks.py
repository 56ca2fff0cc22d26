"""The index judges the masks of a shard by some frames of some sequences."""

from pathlib import Path

import numpy as np
import pytest

from gaittake.errors import UserError
from gaittake.io import frames
from gaittake.io.tables import read_rejects, read_sequences
from gaittake.settings import IndexStage, Source
from gaittake.sources.index import index_sequences
from tests.io.figures import Write, person, photo, png, rgba

SUBJECTS = ("p01", "p02", "p03")
KEYS = [f"{s}/{w}/{v}" for s in SUBJECTS for w in ("nm-01", "nm-02") for v in ("000", "090")]


def inverted(path: Path, mask: np.ndarray) -> None:
    png(path, 255 - mask)


def photograph(path: Path, mask: np.ndarray) -> None:
    png(path, photo(mask))


def ones(path: Path, mask: np.ndarray) -> None:
    png(path, mask // 255)


def cut_out(path: Path, mask: np.ndarray) -> None:
    png(path, rgba(photo(mask), mask))


def write(root: Path, kind: Write, keys: list[str] = KEYS, *, count: int = 8) -> None:
    for key in keys:
        folder = root / "silhouettes" / key
        folder.mkdir(parents=True, exist_ok=True)
        for number in range(1, count + 1):
            kind(folder / f"{number:04d}.png", person(number))


def test_colour_of_another_size_is_an_error_that_names_both(tmp_path: Path) -> None:
    write(tmp_path, png)
    for key in KEYS:
        folder = tmp_path / "rgb" / key
        folder.mkdir(parents=True)
        for number in range(1, 9):
            png(folder / f"{number:04d}.jpg", photo(person(number, size=(240, 320))))
    message = r"320×240 colour, 160×120 silhouettes; the same holds for 3 more.*source.videos"
    with pytest.raises(UserError, match=message):
        index(tmp_path)
    write(tmp_path, lambda path, mask: png(path, np.kron(mask, np.ones((2, 2), np.uint8))))
    assert index(tmp_path) == (dict.fromkeys(KEYS, "grey>127"), [])


def test_colour_that_cannot_be_decoded_is_an_error(tmp_path: Path) -> None:
    write(tmp_path, png)
    for key in KEYS:
        (tmp_path / "rgb" / key).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "rgb" / f"{key}.mp4").write_bytes(b"no video")
    with pytest.raises(UserError, match="no frame can be decoded, nor of 3 more"):
        index(tmp_path)


def index(root: Path, masks: str = "auto") -> tuple[dict[str, str], list[tuple[str, str]]]:
    """Returns the rule of each sequence, and path and reason of each reject."""
    stage = IndexStage.model_validate(
        {
            "source": Source.model_validate(
                {
                    "layout": "folder",
                    "silhouettes": [root / "silhouettes"],
                    "videos": [root / "rgb"] if (root / "rgb").exists() else [],
                    "masks": masks,
                }
            ),
            "subjects": SUBJECTS,
        }
    )
    out, rejects = root / "index.csv", root / "rejects.csv"
    index_sequences(stage, roots=None, out=out, rejects=rejects)
    rules = {row.name: row.masks for row in read_sequences(out)}
    silhouettes = f"{root}/silhouettes/"
    return rules, [(r.path.replace(silhouettes, ""), r.reason) for r in read_rejects(rejects)]


def test_masks_of_0_and_255_have_the_usual_rule(tmp_path: Path) -> None:
    write(tmp_path, png)
    assert index(tmp_path) == (dict.fromkeys(KEYS, "grey>127"), [])


@pytest.mark.parametrize(
    ("kind", "rule"), [(ones, "grey>0"), (cut_out, "alpha>127")], ids=["0 and 1", "alpha"]
)
def test_the_rule_that_the_frames_show_is_that_of_every_sequence(
    tmp_path: Path, kind: Write, rule: str
) -> None:
    write(tmp_path, kind)
    assert index(tmp_path) == (dict.fromkeys(KEYS, rule), [])


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        (inverted, r"p0\d.*person is dark and the background bright .*set source.masks: dark.* "
         r"12 of the 12 sequences"),
        (photograph, r"photographs, not masks; set source.silhouettes to the masks.* 12 of the 12"),
    ],
    ids=["inverted", "photographs"],
)  # fmt: skip
def test_what_is_no_mask_stops_at_the_index_with_cause_and_remedy(
    tmp_path: Path, kind: Write, message: str
) -> None:
    write(tmp_path, kind)
    with pytest.raises(UserError, match=message):
        index(tmp_path)
    assert not (tmp_path / "index.csv").exists()


def test_inverted_masks_are_read_with_the_setting(tmp_path: Path) -> None:
    write(tmp_path, inverted)
    assert index(tmp_path, "dark") == (dict.fromkeys(KEYS, "grey<=127"), [])


def test_the_first_frame_and_the_first_sequence_alone_decide_nothing(tmp_path: Path) -> None:
    write(tmp_path, png)
    inverted(tmp_path / "silhouettes" / KEYS[0] / "0001.png", person(1))
    assert index(tmp_path) == (dict.fromkeys(KEYS, "grey>127"), [])
    write(tmp_path, photograph, KEYS[:1])
    rules, rejects = index(tmp_path)
    assert rules == dict.fromkeys(KEYS[1:], "grey>127")
    assert rejects == [(KEYS[0], "photograph in the place of a mask")]


def test_sequences_of_two_kinds_have_a_rule_each(tmp_path: Path) -> None:
    write(tmp_path, png)
    write(tmp_path, ones, KEYS[4:8])
    assert index(tmp_path)[0] == dict.fromkeys(KEYS, "grey>127") | dict.fromkeys(
        KEYS[4:8], "grey>0"
    )


def test_one_subject_the_wrong_way_round_is_refused_and_counted(tmp_path: Path) -> None:
    write(tmp_path, png)
    write(tmp_path, inverted, KEYS[8:])
    rules, rejects = index(tmp_path)
    assert list(rules) == KEYS[:8]
    assert rejects == [(key, "mask and background exchanged") for key in KEYS[8:]]


def test_a_sequence_that_shows_nobody_takes_the_rule_of_the_others(tmp_path: Path) -> None:
    write(tmp_path, ones)
    write(tmp_path, lambda path, mask: png(path, mask * 0), KEYS[:1])
    assert index(tmp_path) == (dict.fromkeys(KEYS, "grey>0"), [])


def test_masks_that_show_nobody_at_all_stop_at_the_index(tmp_path: Path) -> None:
    write(tmp_path, lambda path, mask: png(path, mask * 0))
    with pytest.raises(UserError, match="not one of the frames looked at, in this and 11 more"):
        index(tmp_path)


def test_a_few_frames_of_a_few_sequences_are_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = [f"{s}/nm-{n:02d}/{v:03d}" for s in SUBJECTS for n in range(1, 9) for v in (0, 90)]
    write(tmp_path, png, keys)
    opened: list[Path] = []
    original = frames.read_image
    monkeypatch.setattr(
        frames, "read_image", lambda path, flag: opened.append(path) or original(path, flag)
    )
    rules, _ = index(tmp_path)
    assert len(rules) == 48
    assert len(opened) == 16 * 3
    for part, kinds in ((-4, 3), (-3, 4), (-2, 2)):  # every subject, several walks, both views
        assert len({path.parts[part] for path in opened}) >= kinds
