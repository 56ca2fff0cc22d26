"""The survey stage: lists what was skipped, and what the protocol requires but the data lacks."""

import logging
from collections.abc import Iterator
from itertools import product
from pathlib import Path

from gaittake.io.ragged import open_ragged
from gaittake.io.tables import read_rejects, read_sequences, rejects_summary, write_rejects
from gaittake.protocol import OTHERS, PARTITION, expand, matching
from gaittake.sequence import IDENTITY, Reject, Sequence, angle_of, name_of
from gaittake.settings import SurveyStage
from gaittake.sources.layouts import LAYOUTS

logger = logging.getLogger(__name__)
STAGE = "survey"


def survey(
    settings: SurveyStage, *, sequences: Path, cache: Path, rejects: list[Path], out: Path
) -> None:
    """Writes the dataset's table of rejects: those of all stages, and those of the whole dataset.

    The latter are: entries that are not subjects, subjects in neither list of the protocol,
    missing sequences of the protocol, unused sequences, and sequences shorter than a clip.

    Args:
        settings: source and protocol.
        sequences: the table of all sequences.
        cache: the dataset's cache, which has the number of usable frames.
        rejects: the tables of rejects of all stages.
        out: the table to write.
    """
    found = read_sequences(sequences)
    refused = [row for path in rejects for row in read_rejects(path)]
    if not settings.source.rendered:  # rendered subjects are complete
        refused += outside_the_protocol(settings)
        refused += test_sequences(settings, found)
    refused += short_sequences(settings, found, cache)
    write_rejects(sorted(refused, key=lambda row: row.used), out)  # skipped before used
    logger.info(rejects_summary(out))


def outside_the_protocol(settings: SurveyStage) -> list[Reject]:
    """Returns a Reject for every entry on disk that is not a subject of the protocol."""
    source = settings.source
    found, others = LAYOUTS[source.layout].survey(source.folders, source.videos)
    protocol = settings.protocol
    wanted = {*expand(protocol.train_subjects), *expand(protocol.test_subjects)}
    unknown = sorted(set(found) - wanted)
    logger.info(
        "%d subjects on disk, %d of the protocol's %d; in neither list: %s",
        len(found),
        len(found) - len(unknown),
        len(wanted),
        ", ".join(unknown[:10]) + (", …" if len(unknown) > 10 else "") or "none",
    )
    return [row._replace(stage=STAGE) for row in others] + [
        Reject(STAGE, str(found[subject]), "subject in neither list of the protocol")
        for subject in unknown
    ]


def test_sequences(settings: SurveyStage, found: list[Sequence]) -> Iterator[Reject]:
    """Yields the test subjects' sequences that are missing, lack a view, or are not used.

    Subjects without any sequence are listed by `index` already. Only views that are angles are
    missed: other datasets do not record everybody by every camera.
    """
    protocol = settings.protocol
    rows = protocol.rows()
    wanted = expand(name for row in rows for names in row[2:] for name in names)
    wanted = [name for name in wanted if name not in (PARTITION, OTHERS)]
    views: dict[str, dict[str, set[str]]] = {s: {} for s in expand(protocol.test_subjects)}
    for row in found:
        if row.subject in views:
            views[row.subject].setdefault(row.type, set()).add(row.view)
    every = protocol.counted_views(row.view for row in found if row.subject in views)
    grid = None not in map(angle_of, every)
    for subject, present in views.items():
        for name in wanted if present else []:
            of_name = matching(present, [name])
            if not of_name:
                yield Reject(STAGE, f"{subject}/{name}", "sequence of the protocol missing")
            for kind, view in product(sorted(of_name), every if grid else ()):
                if view not in present[kind]:
                    path = name_of(subject, kind, view)
                    yield Reject(STAGE, path, "view of the protocol's sequence missing")
    tested = [row.identity for row in found if row.subject in views]
    roles = zip(tested, protocol.used(tested), strict=True)
    unused = {(subject, kind) for (subject, kind, _), used in roles if not used}
    for subject, kind in sorted(unused):
        yield Reject(STAGE, f"{subject}/{kind}", "sequence in neither gallery nor probes")
    names = set(map("-".join, tested))
    for name in (*protocol.listed_gallery, *protocol.listed_probes):
        if name not in names:
            yield Reject(STAGE, name, "sequence of the protocol missing")


def short_sequences(settings: SurveyStage, found: list[Sequence], cache: Path) -> Iterator[Reject]:
    """Yields the sequences with fewer usable frames than a training clip; they are still used."""
    place = {row.name: row.silhouettes for row in found}
    trained = set(expand(settings.protocol.train_subjects))
    with open_ragged(cache, kind="cache") as opened:
        table = opened.sequences
    short = table[table["frame_count"] < settings.frames]
    for subject, kind, view in short[list(IDENTITY)].itertuples(index=False):
        reason = "frames repeat in training" if subject in trained else "all frames used in tests"
        name = name_of(subject, kind, view)
        yield Reject(STAGE, str(place[name]), f"shorter than a training clip, {reason}", "yes")
