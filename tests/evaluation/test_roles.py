"""Names of sequences, and their roles as gallery and probes."""

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from gaittake.errors import UserError
from gaittake.evaluation.roles import Roles, roles_of
from gaittake.protocol import in_both, matching
from gaittake.sequence import angle_of, condition_of, view_at, view_title
from gaittake.settings import Protocol, load_settings


def sequences(*rows: tuple[str, str]) -> pd.DataFrame:
    """Returns a table of sequences of one subject."""
    return pd.DataFrame([("001", *row) for row in rows], columns=["subject", "type", "view"])


def assigned(table: pd.DataFrame, **protocol: Any) -> Roles:
    """Returns the roles in a protocol with one gallery."""
    (roles,) = roles_of(Protocol.model_validate(protocol), table)
    return roles


def test_a_sequence_may_be_a_probe_of_two_conditions_or_have_no_role() -> None:
    table = sequences(("nm-01", "000"), ("nm-05", "000"), ("cl-01", "090"), ("xx-01", "036"))
    roles = assigned(table, gallery=["nm-01"], probes={"nm": ["nm-05"], "all": ["nm-05", "cl-01"]})
    assert roles.gallery.tolist() == [True, False, False, False]
    assert roles.conditions["nm"].tolist() == [False, True, False, False]
    assert roles.conditions["all"].tolist() == [False, True, True, False]
    assert roles.cells == ("000", "090")  # 036 has no sequence with a role


def test_sequences_of_other_views_have_no_role() -> None:
    table = sequences(("nm-01", "000"), ("nm-01", "090"), ("nm-05", "090"), ("nm-05", "000"))
    roles = assigned(table, gallery=["nm-01"], probes={"nm": ["nm-05"]}, views=["090", "036"])
    assert roles.cells == ("036", "090")
    assert roles.gallery.tolist() == [False, True, False, False]
    assert roles.conditions["nm"].tolist() == [False, False, True, False]
    assert roles.gallery_of("036").tolist() == []


def test_sequences_in_both_gallery_and_probes_are_listed() -> None:
    assert in_both(("nm-01..nm-04",), ("nm-03..nm-06", "cl-01")) == ["nm-03", "nm-04"]
    assert in_both(("nm-01",), ("nm-02",)) == []


def test_a_sequence_in_both_gallery_and_probes_fails(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("protocol: {gallery: [nm-01..nm-05]}\n")
    with pytest.raises(UserError, match=r"mine.yaml: 'protocol'.*nm-05: gallery and probe"):
        load_settings(path)
    path.write_text("protocol: {gallery: []}\n")
    with pytest.raises(UserError, match=r"'protocol.gallery'"):
        load_settings(path)


def test_names_may_be_ranges_and_patterns_of_any_form() -> None:
    types = ("H-scene1-nm-1", "L-scene1-nm-2", "H-scene3_s-cl-1", "U0_D0_BG", "camid3_videoid2")
    assert matching(types, ["*-scene1-nm-*"]) == set(types[:2])
    assert matching(types, ["[HL]-scene3_s-*", "U0_D0_BG"]) == {types[2], types[3]}
    assert matching(types, ["U0_D0", "H-scene1-nm-1..H-scene1-nm-3"]) == {types[0]}
    table = sequences(*((name, view) for name in types for view in ("000", "270", "00_1")))
    roles = assigned(
        table,
        gallery=["*-scene1-nm-*"],
        probes={"cl": ["*-scene3_s-cl-?"]},
        views_excluded=["270"],
    )
    assert roles.cells == ("000", "00_1")
    assert roles.gallery.sum() == 4
    assert table[roles.conditions["cl"]]["type"].unique().tolist() == ["H-scene3_s-cl-1"]


def test_a_name_that_a_pattern_of_the_other_role_selects_fails() -> None:
    assert in_both(("nm-0*", "bg-01"), ("nm-05", "b?-01")) == ["bg-01", "nm-05"]
    with pytest.raises(UserError, match=r"001/nm-05/000 is gallery and probe of nm"):
        assigned(sequences(("nm-05", "000")), gallery=["nm-0?"], probes={"nm": ["*-05"]})


def test_only_names_of_three_digits_below_360_are_angles() -> None:
    assert [angle_of(view) for view in ("000", "090", "359")] == [0, 90, 359]
    assert {angle_of(view) for view in ("360", "90", "00_1", "seq0", "0900", "-90")} == {None}
    assert (view_title("018"), view_title("00_1")) == ("18°", "00_1")
    assert view_at(18) == "018"
    assert [condition_of(name) for name in ("nm-01", "H-scene1-nm-1", "U0_D0", "00-nm")] == [
        *("nm", "H-scene1-nm", "U0_D0", "00-nm")
    ]


def test_the_form_of_a_type_is_checked_where_the_layout_fixes_it(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("protocol: {gallery: [nm-0*], probes: {bg: ['bg-*']}, views: [0, 90, 00_1]}\n")
    protocol = load_settings(path).protocol
    assert (protocol.gallery, protocol.views) == (("nm-0*",), ("000", "090", "00_1"))
    path.write_text("protocol: {gallery: [U0_D0]}\n")
    with pytest.raises(UserError, match=r"protocol.gallery: 'U0_D0' is not a sequence"):
        load_settings(path)
    free = Protocol(gallery=("U0_D0",), probes={"CL": ("U1_D1",)})
    assert Protocol.model_validate_json(free.model_dump_json()) == free
