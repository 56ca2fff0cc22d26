"""Names of sequences, and their roles as gallery and probes."""

from pathlib import Path

import pandas as pd
import pytest

from gaittake.errors import UserError
from gaittake.evaluation.roles import assign_roles
from gaittake.protocol import in_both
from gaittake.settings import load_settings


def sequences(*rows: tuple[str, int, int]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["condition", "number", "view"])


def test_a_sequence_may_be_a_probe_of_two_conditions_or_have_no_role() -> None:
    table = sequences(("nm", 1, 0), ("nm", 5, 0), ("cl", 1, 90), ("xx", 1, 36))
    roles = assign_roles(
        table, gallery=["nm-01"], probes={"nm": ["nm-05"], "all": ["nm-05", "cl-01"]}
    )
    assert roles.gallery.tolist() == [True, False, False, False]
    assert roles.conditions["nm"].tolist() == [False, True, False, False]
    assert roles.conditions["all"].tolist() == [False, True, True, False]
    assert roles.views == (0, 90)  # 36 has no sequence with a role


def test_sequences_of_other_views_have_no_role() -> None:
    table = sequences(("nm", 1, 0), ("nm", 1, 90), ("nm", 5, 90), ("nm", 5, 0))
    roles = assign_roles(table, gallery=["nm-01"], probes={"nm": ["nm-05"]}, views=[90, 36])
    assert roles.views == (36, 90)
    assert roles.gallery.tolist() == [False, True, False, False]
    assert roles.conditions["nm"].tolist() == [False, False, True, False]
    assert roles.gallery_of(36).tolist() == []


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
