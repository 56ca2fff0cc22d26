"""Tables of the pipeline that were copied or restored in part."""

from pathlib import Path

import pytest

from gaittake.data.build_cache import merge_caches
from gaittake.errors import UserError
from gaittake.evaluation.probes import read_probes
from gaittake.io.tables import read_csv, read_rejects, read_sequences, write_rejects
from gaittake.io.tables import write_sequences as write
from gaittake.sequence import Reject, Sequence

ROWS = [
    Sequence("001", f"nm-{number:02d}", "090", 24, Path("s", str(number)), Path("v", str(number)))
    for number in (1, 2, 3)
]
PROBES = "condition,subject,type,view,cell,rank_090\nnm,001,nm-05,000,090,12\n"


def ends(path: Path) -> list[int]:
    """Returns the lengths at which a table would be cut off within a line."""
    whole = path.read_bytes()
    return [n for n in range(1, len(whole)) if whole[n - 1 : n] != b"\n"]


def test_a_table_that_was_cut_off_within_a_line_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "train-000.csv"
    write(ROWS, path)
    assert read_sequences(path) == ROWS
    whole = path.read_bytes()
    for length in ends(path):
        path.write_bytes(whole[:length])
        with pytest.raises(UserError, match=r"train-000\.csv: incomplete.*same command again"):
            read_sequences(path)
        with pytest.raises(UserError, match="incomplete"):
            merge_caches([], index=[path], out=tmp_path / "c.h5", out_sequences=tmp_path / "s.csv")
    path.write_bytes(b"")
    with pytest.raises(UserError, match="not a readable CSV table"):
        read_sequences(path)


def test_rejects_and_probes_that_were_cut_off_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "rejects.csv"
    write_rejects([Reject("index", "a/b", "empty folder")], path)
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(UserError, match=r"rejects\.csv: incomplete"):
        read_rejects(path)
    path = tmp_path / "probes.csv"
    path.write_text(PROBES)
    assert read_probes(path)["rank_090"].tolist() == [12]
    path.write_text(PROBES[:-2])  # rank 12 as 1
    with pytest.raises(UserError, match=r"probes\.csv: incomplete"):
        read_probes(path)


def test_a_table_of_the_user_may_end_as_it_likes(tmp_path: Path) -> None:
    path = tmp_path / "groups.csv"
    path.write_text("subject,sex\n001,f")
    assert read_csv(path, ("subject",))["sex"].tolist() == ["f"]
