"""CSV and JSON files: sequences, rejects, results."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pandas as pd

from gaittake.errors import UserError
from gaittake.io.atomic import whole_file
from gaittake.sequence import Reject, Sequence


def write_csv(table: pd.DataFrame, path: Path) -> None:
    """Writes a table, whole or not at all; bytes of names that are no UTF-8 as `\\udcb2`."""
    with whole_file(path) as temporary:
        table.to_csv(temporary, index=False, errors="backslashreplace")


def read_csv(path: Path, columns: tuple[str, ...]) -> pd.DataFrame:
    """Returns a table of text, empty cells as ''.

    Raises:
        UserError: no such file, no table, or columns are missing.
    """
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False)
    except FileNotFoundError as error:
        raise UserError(f"{path}: there is no such file; a table of CSV is needed here.") from error
    except (OSError, ValueError) as error:  # pandas' own errors and UnicodeDecodeError are the last
        raise UserError(f"{path}: cannot be read as a table ({error})") from error
    missing = [column for column in columns if column not in table.columns]
    if missing:
        raise UserError(f"{path}: columns {missing} are missing, found {list(table.columns)}")
    return table


def write_sequences(sequences: Iterable[Sequence], path: Path) -> None:
    """Writes a sequence table, sorted by subject, condition, number, view."""
    rows = sorted(sequences, key=lambda s: s[:4])
    write_csv(pd.DataFrame(rows, columns=list(Sequence._fields)), path)


def read_sequences(path: Path) -> list[Sequence]:
    """Returns the rows of a sequence table."""
    table = read_csv(path, Sequence._fields)
    return [
        Sequence(
            row["subject"],
            row["condition"],
            int(row["number"]),
            int(row["view"]),
            int(row["frames"]),
            Path(row["silhouettes"]),
            Path(row["video"]) if row["video"] else None,
        )
        for row in table.to_dict("records")
    ]


def write_rejects(rejects: Iterable[Reject], path: Path) -> None:
    """Writes a table of what was refused; without a row it holds its header alone."""
    write_csv(pd.DataFrame(list(rejects), columns=list(Reject._fields)), path)


def read_rejects(path: Path) -> list[Reject]:
    """Returns the rows of a rejects table."""
    table = read_csv(path, Reject._fields)
    return [Reject(*row) for row in table[list(Reject._fields)].itertuples(index=False)]


def write_json(content: Any, path: Path) -> None:
    """Writes JSON, whole or not at all."""
    with whole_file(path) as temporary:
        text = json.dumps(content, indent=2, allow_nan=False)
        temporary.write_text(text + "\n", encoding="utf-8")


def read_json(path: Path) -> Any:
    """Returns the content of a JSON file.

    Raises:
        UserError: no such file, or not JSON.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:  # the latter: not JSON, or not UTF-8
        raise UserError(f"{path}: cannot be read as JSON ({error})") from error
