"""What the index lacks of the protocol is one line before anything is trained."""

from pathlib import Path
from typing import Any

import pytest

from gaittake.errors import UserError
from gaittake.io.tables import read_json, write_rejects, write_sequences
from gaittake.sequence import Reject, Sequence
from gaittake.settings import CheckStage, Protocol
from gaittake.sources.check import check, require_passed

TRAIN, TEST = tuple(f"{n:03d}" for n in range(1, 11)), ("075", "076", "077")
NAMES = ("nm-01", "nm-02", "cl-01")
VIEWS = ("000", "036", "090")
PROTOCOL = {
    "gallery": ("nm-01",),
    "probes": {"nm": ("nm-02",), "cl": ("cl-01",)},
    "views": VIEWS,
}


def everything() -> list[Sequence]:
    """Returns all sequences of all subjects, each with a video."""
    return [
        Sequence(subject, name, view, 20, Path(subject, name), Path("a.avi"))
        for subject in (*TRAIN, *TEST)
        for name in NAMES
        for view in VIEWS
    ]


def checked(folder: Path, found: list[Sequence], **changes: Any) -> Any:
    """Checks an index of these sequences; returns the contents of `check.json`."""
    stage = {name: changes.pop(name) for name in list(changes) if name in CheckStage.model_fields}
    settings = CheckStage.model_validate(
        {
            "dataset": "casiab",
            "protocol": Protocol.model_validate(PROTOCOL | changes),
            "train_subjects": TRAIN,
            "test_subjects": TEST,
            "largest_batch": {"gaittake": 8},
            "labels": True,
            "rendered": False,
        }
        | stage
    )
    write_sequences(found[::2], folder / "train-000.csv")
    write_sequences(found[1::2], folder / "test-000.csv")
    out = folder / "check.json"
    check(settings, index=[folder / "train-000.csv", folder / "test-000.csv"], out=out)
    require_passed(out)
    return read_json(out)


def test_a_whole_dataset_is_counted(tmp_path: Path) -> None:
    assert checked(tmp_path, everything()) == {
        "fault": None,
        "train_subjects": {"found": 10, "expected": 10, "missing": []},
        "test_subjects": {"found": 3, "expected": 3, "missing": []},
        "train_sequences": {"found": 90},
        "test_sequences": {"found": 27, "expected": 27},
        "views": list(VIEWS),
        "gallery": dict.fromkeys(VIEWS, 3),
        "probes": {"nm": dict.fromkeys(VIEWS, 3), "cl": dict.fromkeys(VIEWS, 3)},
        "without_colour": {"sequences": 0, "of": 90, "subjects": []},
    }


def test_single_missing_sequences_are_counted_and_stop_nothing(tmp_path: Path) -> None:
    found = [row for row in everything() if row.name not in ("075/nm-02/036", "076/cl-01/090")]
    content = checked(tmp_path, found)
    assert content["test_sequences"] == {"found": 25, "expected": 27}
    assert content["probes"]["nm"] == {"000": 3, "036": 2, "090": 3}


def test_missing_probes_of_the_partition_are_counted(tmp_path: Path) -> None:
    """Nobody knows how large its gallery of all other sequences should be, but its probes are."""
    listed = [f"{subject}-cl-01-{view}" for subject in TEST for view in VIEWS]
    partition = {
        "gallery": ("others",),
        "probes": {"all": ("partition",)},
        "listed_probes": listed,
        "comparison": ("gallery",),
    }
    whole = checked(tmp_path, everything(), **partition)
    assert whole["test_sequences"] == {"found": 27, "expected": None}
    found = [row for row in everything() if row.name not in ("075/cl-01/036", "075/nm-01/036")]
    content = checked(tmp_path, found, **partition, listed_gallery=["unused"])
    assert content["test_sequences"] == {"found": 25, "expected": 26}


def test_a_listed_probe_of_a_training_subject_is_a_missing_one(tmp_path: Path) -> None:
    partition = {
        "gallery": ("others",),
        "probes": {"all": ("partition",)},
        "listed_probes": ["075-cl-01-036", f"{TRAIN[0]}-cl-01-036"],
        "comparison": ("gallery",),
    }
    content = checked(tmp_path, everything(), **partition)
    assert content["probes"] == {"all": {"probes": 1}}
    assert content["test_sequences"] == {"found": 27, "expected": 28}


def test_types_in_another_case_are_shown(tmp_path: Path) -> None:
    found = [row._replace(type=row.type.upper()) for row in everything()]
    with pytest.raises(UserError, match="where theirs are CL-01, NM-01, NM-02"):
        checked(tmp_path, found)


def test_an_angle_with_two_names_is_refused_even_if_partial(tmp_path: Path) -> None:
    found = [
        row._replace(view="0") if row.subject == "075" and row.view == "000" else row
        for row in everything()
    ]
    for partial in (False, True):
        with pytest.raises(UserError, match="views 0, 000 are one angle with two names"):
            checked(tmp_path, found, views=(), partial=partial)
    cameras = [row._replace(view=str(VIEWS.index(row.view))) for row in everything()]
    assert checked(tmp_path, cameras, views=())["views"] == ["0", "1", "2"]


@pytest.mark.parametrize(
    ("lost", "message"),
    [
        (
            lambda row: row.subject == "076",
            r"check of casiab: 1 of 3 test subjects have no usable sequence \(076\)",
        ),
        (
            lambda row: row.subject in TEST and row.name[4:] == "nm-01/036",
            "check of casiab: no gallery sequence at view 036",
        ),
        (
            lambda row: row.subject in TEST and row.type == "cl-01",
            "check of casiab: no cl probe at views 000, 036, 090",
        ),
    ],
)
def test_missing_parts_of_the_protocol_are_refused_unless_partial(
    tmp_path: Path, lost: Any, message: str
) -> None:
    found = [row for row in everything() if not lost(row)]
    with pytest.raises(UserError, match=message) as refused:
        checked(tmp_path, found)
    assert "protocol.partial=true" in str(refused.value)
    assert "\n" not in str(refused.value)
    content = checked(tmp_path, found, partial=True)
    assert content["test_sequences"]["found"] < content["test_sequences"]["expected"]


@pytest.mark.parametrize("partial", [False, True])
@pytest.mark.parametrize(
    ("kept", "message"),
    [
        (lambda row: False, r"the index has no sequence of the protocol's 13 subjects; .*/\*"),
        (lambda row: row.subject in TEST, r"no sequence of the 10 training subjects \(001, 002"),
        (
            lambda row: row.subject in TRAIN,
            "no gallery sequence of the 3 test subjects .* where they have none",
        ),
        (lambda row: row.name[4:9] != "nm-01" or row.subject in TRAIN, "no gallery sequence"),
        (
            lambda row: row.name[4:9] == "nm-01",
            "no probe sequence of the 3 test subjects .* where theirs are nm-01",
        ),
        (lambda row: row.view == "090", "view 090 only, .*set protocol.same_view: true"),
    ],
)
def test_what_cannot_be_evaluated_at_all_is_refused_even_if_partial(
    tmp_path: Path, kept: Any, message: str, partial: bool
) -> None:
    found = [row for row in everything() if kept(row)]
    with pytest.raises(UserError, match=rf"check of casiab: .*{message}"):
        checked(tmp_path, found, partial=partial, views=())


def test_an_index_without_a_sequence_names_what_was_refused_most(tmp_path: Path) -> None:
    """The subjects may be there, and every file of them be of another kind."""
    missing = [Reject("index", f"data/{name}", "subject of the protocol missing") for name in TEST]
    floats = [
        Reject("index", f"data/{n}.pkl", f"pickle without uint8 silhouettes: float32 of shape {n}")
        for n in range(1, 6)
    ]
    hidden = [Reject("index", f"data/{n}/.DS_Store", "hidden or system file") for n in range(9)]
    write_rejects(missing, tmp_path / "test-000.rejects.csv")
    write_rejects(hidden + floats, tmp_path / "train-000.rejects.csv")
    with pytest.raises(UserError) as stopped:
        checked(tmp_path, [])
    assert str(stopped.value).endswith(
        "list what was found instead, most often (5): pickle without uint8 silhouettes: float32 of "
        "shape 1 (data/1.pkl)"
    )
    write_rejects(hidden, tmp_path / "train-000.rejects.csv")
    with pytest.raises(UserError, match=r"Folders may be nested too deep, or protocol\.train_sub"):
        checked(tmp_path, [])


def test_a_single_view_is_evaluated_where_identical_views_count(tmp_path: Path) -> None:
    found = [row for row in everything() if row.view == "090"]
    content = checked(tmp_path, found, views=(), same_view=True)
    assert content["views"] == ["090"]


def test_a_condition_with_one_view_beside_others_with_more_is_named(tmp_path: Path) -> None:
    found = [
        row
        for row in everything()
        if row.subject in TRAIN or row.view == "090" or row.name[4:9] == "nm-02"
    ]
    with pytest.raises(UserError, match="cl probes and gallery have view 090 only"):
        checked(tmp_path, found, views=())


@pytest.mark.parametrize(("lost", "refused"), [(9, False), (10, True)])
def test_colour_may_be_missing_for_a_tenth_of_the_training_sequences(
    tmp_path: Path, lost: int, refused: bool
) -> None:
    blind = {row.name for row in everything()[:lost]}
    found = [row._replace(video=None) if row.name in blind else row for row in everything()]
    if refused:
        with pytest.raises(
            UserError, match=r"10 of 90 training sequences have no .*: 001\), at most 10%"
        ):
            checked(tmp_path, found)
    whole = checked(tmp_path, found, partial=refused)
    assert whole["without_colour"] == {"sequences": lost, "of": 90, "subjects": ["001"]}
    assert checked(tmp_path, found, labels=False)["without_colour"] is None


@pytest.mark.parametrize("partial", [False, True])
@pytest.mark.parametrize(
    ("pairs", "message"),
    [
        (7, r"8, but 7 of the 10 training subjects in the index have two sequences or more: set "),
        (
            2,
            r"methods\.gaittake\.train\.subjects_per_batch, or train.* all methods, to 2 or less, ",
        ),
        (1, r"8, but 1 of the 10 training .* two sequences or more: add subjects, or sequences of"),
    ],
)
def test_fewer_training_subjects_than_a_batch_needs_are_refused_even_if_partial(
    tmp_path: Path, partial: bool, pairs: int, message: str
) -> None:
    single = TRAIN[pairs:]
    found = [
        row for row in everything() if row.subject not in single or row.name[4:] == "nm-01/000"
    ]
    start = r"check of casiab: methods\.gaittake: train\.subjects_per_batch is "
    with pytest.raises(UserError, match=f"{start}.*{message}"):
        checked(tmp_path, found, partial=partial)
    assert checked(tmp_path, found, largest_batch={"gaitset": pairs}, labels=False)["fault"] is None


def test_as_many_training_subjects_as_a_batch_needs_are_enough(tmp_path: Path) -> None:
    assert checked(tmp_path, everything(), largest_batch={"gaittake": 10})["fault"] is None


def test_a_borrower_of_networks_needs_no_training_subjects(tmp_path: Path) -> None:
    found = [row for row in everything() if row.subject in TEST]
    content = checked(tmp_path, found, train_subjects=(), largest_batch={}, labels=False)
    assert content["train_sequences"] == {"found": 0}


def test_of_rendered_subjects_no_number_of_sequences_is_expected(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    assert checked(tmp_path, everything(), rendered=True)["test_sequences"]["expected"] is None
    assert caplog.messages[:3] == [
        "train subjects: found 10 of 10",
        "test subjects: found 3 of 3",
        "test sequences: found 27",
    ]


def test_without_a_check_nothing_is_required(tmp_path: Path) -> None:
    require_passed(tmp_path / "check.json")
