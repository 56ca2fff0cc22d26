"""The check stage: compares the index with the protocol, before any network is trained."""

import logging
from collections import Counter
from pathlib import Path
from typing import Any

from gaittake.errors import UserError
from gaittake.io.tables import read_json, read_rejects, read_sequences, write_json
from gaittake.sequence import Sequence, ranked
from gaittake.settings import CheckStage
from gaittake.sources.complete import incomplete, lacking, require_comparable
from gaittake.sources.coverage import (
    MOST_WITHOUT_COLOUR,
    Coverage,
    cover,
    listed,
    too_few_colours,
)
from gaittake.sources.tree import HIDDEN, MISSING

logger = logging.getLogger(__name__)


def check(settings: CheckStage, *, index: list[Path], out: Path) -> None:
    """Writes the numbers of expected and found subjects and sequences, and what is wrong.

    The stage itself does not fail: Snakemake would delete the output, and run every stage that
    waits for it again. Those stages call `require_passed`.

    Args:
        settings: the protocol, the subjects, and what is trained on this dataset.
        index: the sequence tables of all shards.
        out: the numbers and the fault, as JSON.
    """
    found = [row for path in index for row in read_sequences(path)]
    tested = cover(settings.protocol, settings.test_subjects, [row.identity for row in found])
    wanted = set(settings.train_subjects)
    trained = [row for row in found if row.subject in wanted]
    colour = without_colour(trained) if settings.labels else None
    content = _summary(settings, tested, trained, colour)
    for what in ("train_subjects", "test_subjects", "test_sequences"):
        held, expected = content[what]["found"], content[what]["expected"]
        of = "" if expected is None else f" of {expected:,}"
        logger.info("%s: found %s%s", what.replace("_", " "), f"{held:,}", of)
    try:
        if not found:
            raise UserError(_nothing_found(settings, index))
        _require_evaluable(settings, tested, trained)
        if not settings.protocol.partial:
            _require_complete(settings, tested, colour, index[0].parent)
    except UserError as error:
        logger.error("%s", error)
        content["fault"] = str(error)
    write_json(content, out)


def require_passed(path: Path) -> None:
    """Checks that the index agrees with the protocol.

    Args:
        path: what `check` wrote; if it does not exist, nothing is checked.

    Raises:
        UserError: it does not.
    """
    fault = read_json(path)["fault"] if path.exists() else None
    if fault:
        raise UserError(fault)


def without_colour(trained: list[Sequence]) -> dict[str, Any]:
    """Returns how many training sequences have no video, and the subjects without any."""
    lacks = [row for row in trained if row.video is None]
    seen = {row.subject for row in trained if row.video is not None}
    subjects = sorted({row.subject for row in lacks} - seen)
    return {"sequences": len(lacks), "of": len(trained), "subjects": subjects}


def _nothing_found(settings: CheckStage, index: list[Path]) -> str:
    """Returns the error for an index without a sequence, with what it refused most often."""
    subjects = len(settings.train_subjects) + len(settings.test_subjects)
    tables = [path.with_suffix(".rejects.csv") for path in index]
    refused = [row for path in tables if path.exists() for row in read_rejects(path)]
    by_kind = Counter(row.kind for row in refused if row.kind != HIDDEN)
    found = (
        f"check of {settings.dataset}: the index has no sequence of the protocol's {subjects} "
        f"subjects; {index[0].parent}/*.rejects.csv list what was found instead"
    )
    if by_kind and (kind := ranked(by_kind)[0][0]) != MISSING:
        first = next(row for row in refused if row.kind == kind)
        return f"{found}, most often ({by_kind[kind]:,}): {first.reason} ({first.path})"
    return (
        f"{found}. Folders may be nested too deep, or protocol.train_subjects and "
        "protocol.test_subjects name other subjects"
    )


def _require_evaluable(settings: CheckStage, tested: Coverage, trained: list[Sequence]) -> None:
    """Checks that there is something to train on and to compare.

    Raises:
        UserError: no training sequence, too few training subjects, no probe or gallery sequence,
            no pair of views, or views that are one angle.
    """
    what = f"check of {settings.dataset}"
    if settings.largest_batch and not trained:
        raise UserError(
            f"{what}: no sequence of the {len(settings.train_subjects)} training subjects "
            f"({listed(settings.train_subjects)}) is in the index; set protocol.train_subjects"
        )
    _require_batches(settings, trained)
    require_comparable(
        tested,
        what=what,
        where="is in the index",
        subjects=settings.test_subjects,
        same_view=settings.protocol.same_view,
    )


def _require_batches(settings: CheckStage, trained: list[Sequence]) -> None:
    """Checks that there are as many training subjects as a training step needs.

    The training asks again: the cache may lack some of the sequences.

    Raises:
        UserError: the method that needs the most subjects needs more than there are.
    """
    counts = Counter(row.subject for row in trained)
    usable = sum(count > 1 for count in counts.values())
    for method, needed in settings.largest_batch.items():
        if usable < needed:
            name = "train.subjects_per_batch"
            fewer = (
                f"set methods.{method}.{name}, or {name} for all methods, to {usable} or less, or "
            )
            raise UserError(
                f"check of {settings.dataset}: methods.{method}: {name} is {needed}, but {usable} "
                f"of the {len(counts)} training subjects in the index have two sequences or more: "
                f"{fewer if usable > 1 else ''}add subjects, or sequences of each"
            )


def _require_complete(
    settings: CheckStage, tested: Coverage, colour: dict[str, Any] | None, folder: Path
) -> None:
    """Checks that the data has every part of the protocol.

    Raises:
        UserError: lists the missing parts.
    """
    faults = lacking(tested, same_view=settings.protocol.same_view)
    if colour and too_few_colours(colour):
        faults.append(
            f"{colour['sequences']:,} of {colour['of']:,} training sequences have no colour video "
            f"(no video at all: {listed(colour['subjects']) or 'no subject'}), at most "
            f"{MOST_WITHOUT_COLOUR:.0%} may have none; source.videos must list all folders of "
            "videos"
        )
    if faults:
        what, rejects = f"check of {settings.dataset}", f"{folder}/*.rejects.csv list"
        raise incomplete(what, faults, rejects=rejects)


def _summary(
    settings: CheckStage, tested: Coverage, trained: list[Sequence], colour: dict[str, Any] | None
) -> dict[str, Any]:
    """Returns the contents of `check.json`."""
    present = {row.subject for row in trained}
    absent = [subject for subject in settings.train_subjects if subject not in present]
    present_tested = tested.of_subjects - len(tested.subjects_missing)
    expected = None if settings.rendered else tested.of_sequences
    galleries = list(tested.gallery.values())
    one_for_all = all(counts == galleries[0] for counts in galleries)
    return {
        "fault": None,
        "train_subjects": {
            "found": len(present),
            "expected": len(settings.train_subjects),
            "missing": absent,
        },
        "test_subjects": {
            "found": present_tested,
            "expected": tested.of_subjects,
            "missing": tested.subjects_missing,
        },
        "train_sequences": {"found": len(trained)},
        "test_sequences": {"found": tested.sequences, "expected": expected},
        "views": list(tested.views),
        "gallery": galleries[0] if one_for_all else tested.gallery,
        "probes": tested.probes,
        "without_colour": colour,
    }
