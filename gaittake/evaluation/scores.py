"""The distances of all pairs that a protocol counts, as a table for other tools."""

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd

from gaittake.arrays import Int64s
from gaittake.errors import UserError
from gaittake.evaluation.distance import (
    as_parts,
    pair_distances,
    read_embeddings,
    require_tested,
)
from gaittake.evaluation.roles import Roles, roles_of
from gaittake.io.atomic import whole_file
from gaittake.io.progress import progress
from gaittake.io.ragged import open_ragged
from gaittake.sequence import IDENTITY
from gaittake.settings import EvaluateStage

logger = logging.getLogger(__name__)
PROBES = 64  # per block


def write_scores(settings: EvaluateStage, *, embeddings: Path, out: Path, most: int) -> None:
    """Writes a row for each pair of a probe and a gallery sequence that the protocol counts.

    Columns: condition; probe and gallery (`subject/type/view`); same: 1 for one subject, else 0;
    distance: the smaller, the more alike. Exact in float64, written with 7 digits; pairs come block
    by block, so memory does not grow with their number.

    Args:
        settings: the protocol and the distance.
        embeddings: file of the test sequences' embeddings.
        out: the table, .csv; compressed if it ends with .gz.
        most: largest number of pairs.

    Raises:
        UserError: there are more pairs; one takes about 50 bytes. Or the embeddings are of other
            people, too.
    """
    protocol, written = settings.protocol, 0
    with open_ragged(embeddings, kind="embeddings") as opened:
        require_tested(opened, settings.subjects)
        sequences = opened.sequences
        each = roles_of(protocol, sequences)
        blocks = [block for roles in each for block in _blocks(roles, same_view=protocol.same_view)]
        pairs = sum(len(probes) * len(gallery) for _, _, probes, gallery in blocks)
        if pairs > most:
            raise UserError(
                f"{settings.dataset}: {pairs:,} pairs, about {50 * pairs / 1e9:.1f} GB; "
                f"at most {most:,} are allowed. Set --most {pairs}, or remove conditions from "
                "protocol.probes"
            )
        names = sequences[list(IDENTITY)].agg("/".join, axis=1).to_numpy()
        subjects = sequences["subject"].to_numpy().astype(str)
        with whole_file(out) as temporary, progress("scores", pairs, unit="pairs") as advance:
            compression: Literal["gzip"] | None = "gzip" if out.suffix == ".gz" else None
            for roles, name, probes, gallery in blocks:
                one, other = (
                    as_parts(read_embeddings(opened, rows), settings.evaluate.distance)
                    for rows in (probes, gallery)
                )
                a, b = np.indices((len(probes), len(gallery))).reshape(2, -1)
                distances = pair_distances(one, other, a, b)
                same = subjects[probes[a]] == subjects[gallery[b]]
                kept = ~roles.skipped(subjects, probes, gallery).ravel()
                table = pd.DataFrame(
                    {
                        "condition": name,
                        "probe": names[probes[a]],
                        "gallery": names[gallery[b]],
                        "same": same.astype(int),
                        "distance": distances,
                    }
                )
                rows = pd.DataFrame(table[kept])
                rows.to_csv(
                    temporary,
                    mode="a",
                    header=not written,
                    index=False,
                    float_format="%.7g",
                    compression=compression,
                )
                written += len(rows)
                advance(len(a))
    logger.info("%s: %d pairs", out, written)


def _blocks(roles: Roles, *, same_view: bool) -> Iterator[tuple[Roles, str, Int64s, Int64s]]:
    """Yields condition, probes and gallery of blocks of pairs, as row numbers."""
    for name, probes, gallery in roles.searches(same_view=same_view):
        for first in range(0, len(probes), PROBES):
            yield roles, name, probes[first : first + PROBES], gallery
