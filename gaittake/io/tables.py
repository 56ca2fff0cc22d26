"""CSV and JSON files: sequences, rejects, results."""

import json
import os
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pandas as pd

from gaittake.errors import UserError
from gaittake.io.atomic import whole_file
from gaittake.sequence import Reject, Sequence, ranked


def write_csv(table: pd.DataFrame, path: Path) -> None:
    """Writes a table atomically; bytes of names that are not UTF-8 become `\\udcb2`."""
    with whole_file(path) as temporary:
        table.to_csv(temporary, index=False, errors="backslashreplace")


def read_csv(path: Path, columns: tuple[str, ...], *, whole: bool = False) -> pd.DataFrame:
    """Returns a table whose cells are text, empty cells as ''.

    Args:
        path: the file.
        columns: that it must have.
        whole: it is a file of `write_csv`, which ends with a line end unless it was cut off.

    Raises:
        UserError: the file does not exist, is not a table, was cut off, or lacks columns.
    """
    if whole:
        require_whole(path)
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False)
    except FileNotFoundError as error:
        raise UserError(f"{path}: no such file; a CSV table is required.") from error
    except (OSError, ValueError) as error:  # pandas raises ValueErrors
        reason = " ".join(str(error).split())  # pandas ends it with a line end
        raise UserError(f"{path}: not a readable CSV table ({reason})") from error
    missing = [column for column in columns if column not in table.columns]
    if missing:
        raise UserError(f"{path}: columns {missing} are missing; found {list(table.columns)}")
    return table


def require_whole(path: Path) -> None:
    """Checks that a table of `write_csv`, if it exists and is not empty, has its end.

    Raises:
        UserError: it was cut off within a line.
    """
    if not path.is_file() or not path.stat().st_size:
        return
    with path.open("rb") as opened:
        opened.seek(-1, os.SEEK_END)
        end = opened.read()
    if end != b"\n":
        raise UserError(
            f"{path}: incomplete; it was not fully written or copied. Delete it and run the same "
            "command again to recreate it."
        )


def write_sequences(sequences: Iterable[Sequence], path: Path) -> None:
    """Writes a sequence table, sorted by subject, type, view."""
    rows = sorted(sequences, key=lambda row: row.identity)
    write_csv(pd.DataFrame(rows, columns=list(Sequence._fields)), path)


def read_sequences(path: Path) -> list[Sequence]:
    """Returns the rows of a sequence table.

    Raises:
        UserError: as `read_csv`.
    """
    table = read_csv(path, Sequence._fields, whole=True)
    return [
        Sequence(
            row["subject"],
            row["type"],
            row["view"],
            int(row["frames"]),
            Path(row["silhouettes"]),
            Path(row["video"]) if row["video"] else None,
            row["masks"],
            Path(row["keypoints"]) if row["keypoints"] else None,
        )
        for row in table.to_dict("records")
    ]


def write_rejects(rejects: Iterable[Reject], path: Path) -> None:
    """Writes a rejects table; without rejects it is only a header."""
    write_csv(pd.DataFrame(list(rejects), columns=list(Reject._fields)), path)


def read_rejects(path: Path) -> list[Reject]:
    """Returns the rows of a rejects table.

    Raises:
        UserError: as `read_csv`.
    """
    table = read_csv(path, Reject._fields, whole=True)
    return [Reject(*row) for row in table[list(Reject._fields)].itertuples(index=False)]


def rejects_summary(table: Path) -> str:
    """Returns the counts of a rejects table by stage and reason, then those of all.

    What was skipped comes before what was used with a note.
    """
    rows = read_rejects(table)
    lines = []
    for used, kind in (("no", "skipped"), ("yes", "used")):
        counts = Counter(f"{row.stage}: {row.kind}" for row in rows if row.used == used)
        lines += [f"{count:8d}  {kind}, {what}" for what, count in ranked(counts)]
    noted = sum(row.used == "yes" for row in rows)
    return "\n".join(
        [*lines, f"{table}: {len(rows) - noted:,} skipped, {noted:,} used with a note"]
    )


def write_json(content: Any, path: Path) -> None:
    """Writes JSON atomically."""
    with whole_file(path) as temporary:
        text = json.dumps(content, indent=2, allow_nan=False)
        temporary.write_text(text + "\n", encoding="utf-8")


def read_json(path: Path) -> Any:
    """Returns the content of a JSON file.

    Raises:
        UserError: the file does not exist or is not JSON.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8-sig"))  # editors may add a mark
    except (OSError, ValueError) as error:  # ValueError: not JSON, or not UTF-8
        raise UserError(f"{path}: not a readable JSON file ({error})") from error
