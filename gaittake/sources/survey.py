"""The survey stage: everything that could not be used, and what the protocol asks for in vain."""

import logging
from collections.abc import Iterator
from pathlib import Path

from gaittake.io.ragged import open_ragged
from gaittake.io.tables import read_rejects, read_sequences, rejects_summary, write_rejects
from gaittake.protocol import expand
from gaittake.sequence import Reject, Sequence, name_of
from gaittake.settings import SurveyStage
from gaittake.sources.layouts import LAYOUTS

logger = logging.getLogger(__name__)
STAGE = "survey"


def survey(
    settings: SurveyStage, *, sequences: Path, cache: Path, rejects: list[Path], out: Path
) -> None:
    """Writes the dataset's table of rejects: those of all stages, and what only the whole shows.

    That is: folders beside the subjects', subjects in neither list, walks of the protocol that are
    missing, walks that it does not use, and sequences shorter than a clip.

    Args:
        settings: source and protocol.
        sequences: the table of all sequences.
        cache: the dataset's cache, for the number of usable frames.
        rejects: every stage's tables of what was refused.
        out: the table of everything.
    """
    found = read_sequences(sequences)
    refused = [row for path in rejects for row in read_rejects(path)]
    if not settings.source.rendered:  # rendered subjects are complete
        refused += outside_the_protocol(settings)
        refused += walks_of_tests(settings, found)
    refused += short_sequences(settings, found, cache)
    write_rejects(refused, out)
    logger.info(rejects_summary(out))


def outside_the_protocol(settings: SurveyStage) -> list[Reject]:
    """Returns what lies beside the subjects of the protocol."""
    layout = LAYOUTS[settings.source.layout]
    found, others = layout.survey(settings.source.silhouettes, settings.source.videos)
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


def walks_of_tests(settings: SurveyStage, found: list[Sequence]) -> Iterator[Reject]:
    """Yields the test subjects' walks that are missing, in some views or all, or not used.

    A subject of whom there is nothing at all has its row from `index`.
    """
    protocol = settings.protocol
    wanted = expand((*protocol.gallery, *(w for walks in protocol.probes.values() for w in walks)))
    views: dict[str, dict[str, set[int]]] = {s: {} for s in expand(protocol.test_subjects)}
    for row in found:
        if row.subject in views:
            walk = f"{row.condition}-{row.number:02d}"
            views[row.subject].setdefault(walk, set()).add(row.view)
    every = sorted(protocol.views or {row.view for row in found if row.subject in views})
    for subject, walks in views.items():
        for walk in wanted if walks else []:
            if walk not in walks:
                yield Reject(STAGE, f"{subject}/{walk}", "walk of the protocol missing")
                continue
            for view in every:
                if view not in walks[walk]:
                    name = f"{subject}/{walk}/{view:03d}"
                    yield Reject(STAGE, name, "view of the protocol's walk missing")
        for walk in sorted(set(walks) - set(wanted)):
            yield Reject(STAGE, f"{subject}/{walk}", "walk in neither gallery nor probes")


def short_sequences(settings: SurveyStage, found: list[Sequence], cache: Path) -> Iterator[Reject]:
    """Yields the sequences with fewer usable frames than a training clip. They are used."""
    place = {row.name: row.silhouettes for row in found}
    trained = set(expand(settings.protocol.train_subjects))
    with open_ragged(cache, kind="cache") as opened:
        table = opened.sequences
    short = table[table["frame_count"] < settings.frames]
    columns = short[["subject", "condition", "number", "view"]]
    for subject, condition, number, view in columns.itertuples(index=False):
        reason = "frames repeat in training" if subject in trained else "tested with what there is"
        name = name_of(subject, condition, int(number), int(view))
        yield Reject(STAGE, str(place[name]), f"shorter than a training clip, {reason}")
