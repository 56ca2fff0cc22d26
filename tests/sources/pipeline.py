"""Runs the stages from a dataset's folders to its table of rejects."""

from pathlib import Path
from typing import Any

from gaittake.data.build_cache import cache_shard, merge_caches
from gaittake.io.ragged import open_ragged
from gaittake.io.tables import read_rejects
from gaittake.sequence import IDENTITY, Reject, name_of
from gaittake.settings import Align, CacheStage, IndexStage, Protocol, Source, SurveyStage
from gaittake.sources.index import index_sequences
from gaittake.sources.survey import survey
from tests.sources.trees import write_keypoints

TRAIN, TEST = ("001", "002"), ("003", "004")
SEQUENCES = ("nm-01", "nm-02")


def run(
    root: Path, *more: Path, clip: int = 3, layout: str = "casiab", **protocol: Any
) -> list[Reject]:
    """Runs index, cache, merge and survey on `silhouettes/` and `videos/`; returns all rejects.

    Args:
        root: the folder of both, where the results are written as well.
        more: the tables of rejects of other stages.
        clip: frames of a training clip.
        layout: of the folders.
        protocol: settings other than one gallery and one probe sequence.
    """
    videos = (root / "videos",) if (root / "videos").exists() else ()
    source = Source.model_validate(
        {"layout": layout, "silhouettes": (root / "silhouettes",), "videos": videos}
    )
    tables = [*more]
    for shard, subjects in (("train", TRAIN), ("test", TEST)):
        tables += [root / f"{shard}.{stage}.rejects.csv" for stage in ("index", "cache")]
        index_sequences(
            IndexStage(source=source, subjects=subjects),
            roots=None,
            out=root / f"{shard}.csv",
            rejects=tables[-2],
        )
        write_keypoints(root / f"{shard}.keypoints.h5", root / f"{shard}.csv")
        cache_shard(
            CacheStage(align=Align()),
            index=root / f"{shard}.csv",
            keypoints=root / f"{shard}.keypoints.h5",
            truth=None,
            out=root / f"{shard}.h5",
            rejects=tables[-1],
        )
    merge_caches(
        [root / "train.h5", root / "test.h5"],
        index=[root / "train.csv", root / "test.csv"],
        out=root / "cache.h5",
        out_sequences=root / "sequences.csv",
    )
    usual = {"gallery": SEQUENCES[:1], "probes": {"nm": SEQUENCES[1:]}}
    named = {"train_subjects": TRAIN, "test_subjects": TEST} | usual | protocol
    survey(
        SurveyStage(source=source, protocol=Protocol.model_validate(named), frames=clip),
        sequences=root / "sequences.csv",
        cache=root / "cache.h5",
        rejects=tables,
        out=root / "rejects.csv",
    )
    return read_rejects(root / "rejects.csv")


def in_cache(root: Path) -> list[str]:
    """Returns the names of the sequences in the cache."""
    with open_ragged(root / "cache.h5", kind="cache") as cache:
        columns = cache.sequences[list(IDENTITY)]
        return [name_of(*row) for row in columns.itertuples(index=False, name=None)]
