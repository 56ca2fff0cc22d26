"""The answers for a test whose labels are secret: the nearest subjects of each unlabelled video."""

import logging
from pathlib import Path

import numpy as np
import pandas as pd

from gaittake.arrays import Int64s
from gaittake.errors import UserError
from gaittake.evaluation.distance import as_parts, read_embeddings, require_tested
from gaittake.evaluation.rerank import nearest_reciprocal
from gaittake.evaluation.retrieval import nearest
from gaittake.io.ragged import open_ragged
from gaittake.io.tables import write_csv
from gaittake.protocol import expand
from gaittake.settings import EvaluateStage

logger = logging.getLogger(__name__)


def write_submission(settings: EvaluateStage, *, embeddings: Path, out: Path) -> None:
    """Writes a row for each video: its name, then the subjects of the nearest gallery sequences.

    A subject with several near sequences is named several times, as in the field's answers.

    Args:
        settings: the protocol, with `submission`, and the distance.
        embeddings: file of the test sequences' embeddings.
        out: the table of answers, .csv.

    Raises:
        UserError: the protocol has no submission, or the embeddings have no such videos, too few
            other sequences, people who are not tested, or subjects that are no numbers where
            numbers are required.
    """
    asked = settings.protocol.submission
    if not asked.header:
        raise UserError(
            f"{settings.dataset} has no protocol.submission.header, which names the columns of the "
            "answers"
        )
    header = expand(asked.header)
    answers = len(header) - 1
    with open_ragged(embeddings, kind="embeddings") as opened:
        require_tested(opened, settings.subjects)
        sequences = opened.sequences
        is_probe = (sequences["subject"] == asked.subject).to_numpy()
        rows, others = np.flatnonzero(is_probe), np.flatnonzero(~is_probe)
        if not len(rows) or len(others) < answers:
            raise UserError(
                f"{embeddings}: {len(rows)} sequences of '{asked.subject}' and {len(others)} of "
                f"other subjects; at least 1 and {answers} are required. '{asked.subject}' must be "
                "a test subject"
            )
        probes, gallery = (
            as_parts(read_embeddings(opened, chosen), settings.evaluate.distance)
            for chosen in (rows, others)
        )
    search = nearest_reciprocal if asked.rerank else nearest
    places = search(probes, gallery, answers)
    table = _answers(sequences, rows, others[places], video=asked.video, numbers=asked.numbers)
    table.columns = pd.Index(header)
    write_csv(table, out)
    logger.info("%s: %d videos, %d gallery sequences", out, len(rows), len(others))


def _answers(
    sequences: pd.DataFrame, rows: Int64s, found: Int64s, *, video: str, numbers: bool
) -> pd.DataFrame:
    """Returns the names of the videos and the subjects of the found sequences `[n, k]`."""
    subjects = sequences["subject"].to_numpy()[found]
    if numbers:
        wrong = sorted({name for name in subjects.ravel() if not name.isdecimal()})
        if wrong:
            raise UserError(
                f"protocol.submission.numbers: subject '{wrong[0]}' is no number; set it to false"
            )
        subjects = subjects.astype(np.int64)
    return pd.concat(
        [sequences[video].iloc[rows].reset_index(drop=True), pd.DataFrame(subjects)], axis=1
    )
