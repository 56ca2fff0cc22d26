"""Reads embeddings from the file of the embed stage, in runs of neighbouring sequences."""

import numpy as np

from gaittake.errors import UserError
from gaittake.evaluation.distance import Embeddings, Integers
from gaittake.io.ragged import RaggedFile
from gaittake.sequence import name_of


def read_embeddings(opened: RaggedFile, chosen: Integers) -> Embeddings:
    """Returns `[n, p, d]` of some sequences.

    Args:
        opened: the embeddings, a row for each sequence.
        chosen: rows of its table, ascending.

    Raises:
        UserError: a number is not finite.
    """
    shape = opened.arrays["embeddings"].shape[1:]
    embeddings = np.empty((len(chosen), *shape), dtype=np.float32)
    breaks = np.flatnonzero(np.diff(chosen) != 1) + 1
    starts, stops = np.r_[0, breaks], np.r_[breaks, len(chosen)]
    for start, stop in zip(starts, stops, strict=True):
        if start < stop:
            rows = opened.read("embeddings", int(chosen[start]), int(stop - start))
            embeddings[start:stop] = rows
    # A sum is finite where all of its terms are.
    bad = ~np.isfinite(embeddings.reshape(len(chosen), -1).sum(axis=1, dtype=np.float64))
    if bad.any():
        row = opened.sequences.iloc[int(chosen[bad.argmax()])]
        name = name_of(row["subject"], row["condition"], row["number"], row["view"])
        raise UserError(
            f"{opened.path}: the embedding of {name} has numbers that are not finite, so nothing "
            "is nearest to it; training diverged: look at the method's train.csv and lower "
            "train.learning_rate"
        )
    return embeddings
