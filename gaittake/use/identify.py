"""Open-set identification: which enrolled person is it, or nobody."""

from typing import NamedTuple

import numpy as np

from gaittake.errors import UserError
from gaittake.evaluation.distance import distances
from gaittake.use.calibration import Calibration
from gaittake.use.gallery import Enrolled
from gaittake.use.model import Model
from gaittake.use.networks import Embedding


class Candidate(NamedTuple):
    """An enrolled person, and the distance of their nearest sequence."""

    name: str
    distance: float


class Identification(NamedTuple):
    """The result of a search in a gallery.

    Attributes:
        name: of the person, or None: nobody enrolled.
        candidates: all enrolled people, the nearest first.
        threshold: largest distance at which a person is named.
        fpir: false-positive identification rate: the share of searches for people who are not
            enrolled that name somebody is at most this.
        calibrated: whether calibration measured distances as large as the nearest.
    """

    name: str | None
    candidates: list[Candidate]
    threshold: float
    fpir: float
    calibrated: bool


def identify(
    embedding: Embedding, gallery: list[Enrolled], model: Model, *, fpir: float
) -> Identification:
    """Returns the enrolled person whose nearest sequence is within the threshold.

    Args:
        embedding: `[p, d]` of the sequence to identify.
        gallery: enrolled sequences, by the same model.
        model: the model.
        fpir: largest false-positive identification rate.

    Raises:
        UserError: nobody is enrolled, an embedding is not of such a model, or the calibration has
            no threshold for this rate.
    """
    if not gallery:
        raise UserError("the gallery is empty; enrol people first")
    model.require_embeddings(embedding, *(item.embedding for item in gallery))
    measured = model.about.calibration
    threshold = threshold_of(measured, sequences=len(gallery), fpir=fpir)
    rows = np.stack([item.embedding for item in gallery])
    found = distances(embedding[None], rows, kind=model.about.distance)[0]
    nearest: dict[str, float] = {}
    for item, distance in zip(gallery, found.tolist(), strict=True):
        nearest[item.name] = min(distance, nearest.get(item.name, distance))
    ranked = sorted((Candidate(*item) for item in nearest.items()), key=lambda item: item.distance)
    best = ranked[0]
    return Identification(
        best.name if best.distance <= threshold else None,
        ranked,
        threshold,
        fpir,
        best.distance <= measured.largest,
    )


def threshold_of(measured: Calibration, *, sequences: int, fpir: float) -> float:
    """Returns the largest distance with at most this false-positive identification rate.

    A search makes a comparison with each enrolled sequence, so its rate of false positives is at
    most their number × the false accept rate of one comparison.

    Args:
        measured: the model's calibration.
        sequences: number of enrolled sequences.
        fpir: largest false-positive identification rate, 0…1.

    Raises:
        UserError: the calibration measured no rates as small as required.
    """
    least = measured.shares[0] * sequences
    # Rounding may put the quotient of the least rate just below the smallest measured share.
    if not least <= fpir <= 1:
        raise UserError(
            f"a false-positive rate of {fpir:g} with {sequences} enrolled sequences: the "
            f"calibration measured rates of {measured.shares[0]:g} per comparison or more, so "
            f"{least:g} to 1 is required; set another rate, or enrol fewer sequences"
        )
    return measured.threshold_at(max(fpir / sequences, measured.shares[0]))
