"""`probes.csv`: the rank that each probe reached in each gallery view.

The small form of all results, from which statistics and figures are made: `condition, subject,
walk, view` of the probe, then a column for each gallery view with the rank of the nearest sequence
of the same subject; 0: the subject is not in that gallery; empty: the gallery is.
"""

from pathlib import Path

import numpy as np
import pandas as pd

from gaittake.errors import UserError
from gaittake.evaluation.distance import Integers
from gaittake.evaluation.roles import Roles, walk_names
from gaittake.io.tables import read_csv, write_csv

NO_GALLERY = -1
COLUMNS = ("condition", "subject", "walk", "view")


def probes_table(
    probes: Integers, first_hit: Integers, roles: Roles, sequences: pd.DataFrame
) -> pd.DataFrame:
    """Returns a row for each probe of each condition, views ascending, ranks as integers.

    Args:
        probes: `[n]` rows of the table of sequences.
        first_hit: `[n, v]` rank of the nearest match; 0: none; NO_GALLERY: the gallery is empty.
        roles: of the sequences.
        sequences: a row for each: subject, condition, number, view.
    """
    rows = sequences.iloc[probes]
    described = pd.DataFrame(
        {"subject": rows["subject"], "walk": walk_names(rows), "view": rows["view"]}
    )
    columns = [str(view) for view in roles.views]
    ranks = pd.DataFrame(first_hit, columns=columns, index=described.index)
    table = pd.concat([described, ranks], axis=1)
    parts = []
    for condition, member in roles.conditions.items():
        part = table[member[probes]].copy()
        part.insert(0, "condition", condition)
        parts.append(part)
    return pd.concat(parts, ignore_index=True)


def write_probes(table: pd.DataFrame, path: Path) -> None:
    """Writes such a table."""
    ranks = table.columns[len(COLUMNS) :]
    empty = table[ranks].astype("Int64").replace(NO_GALLERY, pd.NA)
    write_csv(pd.concat([table[list(COLUMNS)], empty], axis=1), path)


def read_probes(path: Path) -> pd.DataFrame:
    """Returns such a table.

    Raises:
        UserError: it is no such table.
    """
    table = read_csv(path, COLUMNS)
    views = [column for column in table.columns if column not in COLUMNS]
    try:
        table[views] = table[views].replace("", str(NO_GALLERY)).astype(np.int64)
        return table.astype({"view": np.int64})
    except ValueError as error:
        raise UserError(
            f"{path}: a view or a rank is not a whole number ({error}); delete the file and "
            "evaluate again"
        ) from error
