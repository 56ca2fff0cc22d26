"""`probes.csv`: the rank of each probe's match in each cell of the gallery.

Statistics and figures are computed from this table. Its columns are `condition`; `subject, type,
view` and `cell` of the probe; and one column per cell of the gallery with the rank of the nearest
sequence of the same subject. 0 means that the subject is not in that gallery; an empty field, that
the gallery is empty or not of this condition's comparison. A cell is a view, a camera, or all:
then the probes' is `probes` and the gallery's `gallery`.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from gaittake.arrays import Int64s
from gaittake.comparison import PROBES
from gaittake.errors import UserError
from gaittake.evaluation.roles import Roles
from gaittake.io.tables import read_csv, write_csv
from gaittake.sequence import IDENTITY

NO_GALLERY = -1
COLUMNS = ("condition", *IDENTITY, "cell")


def probes_table(
    probes: Int64s, first_match: Int64s, roles: Roles, sequences: pd.DataFrame
) -> pd.DataFrame:
    """Returns a row for each probe of each condition, cells ascending, ranks as integers.

    Args:
        probes: `[n]` row numbers of the probes in `sequences`.
        first_match: `[n, b]` rank of the nearest match; 0: no match; NO_GALLERY: empty gallery.
        roles: of the sequences.
        sequences: subject, type and view of each sequence.
    """
    described = sequences.iloc[probes][list(IDENTITY)].assign(cell=roles.probe_cell[probes])
    ranks = pd.DataFrame(first_match, columns=list(roles.cells), index=described.index)
    ranks = ranks.drop(columns=PROBES, errors="ignore")  # no gallery has this cell
    table = pd.concat([described, ranks], axis=1)
    parts = []
    for condition, is_probe in roles.conditions.items():
        part = table[is_probe[probes]].copy()
        part.insert(0, "condition", condition)
        parts.append(part)
    return pd.concat(parts, ignore_index=True)


def joined(tables: Sequence[pd.DataFrame], conditions: Sequence[str]) -> pd.DataFrame:
    """Returns the rows of several tables, in the order of the conditions, cells ascending."""
    table = pd.concat(tables, ignore_index=True)
    cells = sorted(column for column in table.columns if column not in COLUMNS)
    order = table["condition"].map({name: place for place, name in enumerate(conditions)})
    table = table.iloc[np.argsort(order.to_numpy(), kind="stable")].reset_index(drop=True)
    table[cells] = table[cells].fillna(NO_GALLERY).astype(np.int64)
    return table[[*COLUMNS, *cells]]


def write_probes(table: pd.DataFrame, path: Path) -> None:
    """Writes the table, whole or not at all."""
    ranks = table.columns[len(COLUMNS) :]
    empty = table[ranks].astype("Int64").replace(NO_GALLERY, pd.NA)
    write_csv(pd.concat([table[list(COLUMNS)], empty], axis=1), path)


def read_probes(path: Path) -> pd.DataFrame:
    """Returns the table in a file of `write_probes`.

    Raises:
        UserError: no such file, one that was cut off, a missing column, or a cell that is not
            an integer.
    """
    table = read_csv(path, COLUMNS, whole=True)
    cells = [column for column in table.columns if column not in COLUMNS]
    try:
        table[cells] = table[cells].replace("", str(NO_GALLERY)).astype(np.int64)
        return table
    except ValueError as error:
        raise UserError(
            f"{path}: a rank is not an integer ({error}); delete the file and evaluate again"
        ) from error
