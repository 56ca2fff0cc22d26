"""Nearest and farthest gallery sequences of some probes, failures first."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from gaittake.evaluation.distance import Floats, Integers, distances
from gaittake.evaluation.probes import COLUMNS
from gaittake.evaluation.roles import walk_names
from gaittake.evaluation.stored import read_embeddings
from gaittake.io.ragged import RaggedFile, open_ragged
from gaittake.report.html import Markup, join, left_out, scrolling, section, tag
from gaittake.report.picture import Image, image
from gaittake.report.runs import Run, chief, said
from gaittake.settings import ReportStage

TITLE = "Nearest and farthest"
FAILURES, SUCCESSES = 3, 1
NEAREST, FARTHEST = 5, 2
STEP, TILE, HEAD, FOOT = 62.0, 54.0, 16.0, 30.0


class Asked(NamedTuple):
    """A probe, searched in one view's gallery.

    Attributes:
        condition: of the probe.
        subject: of the probe.
        walk: of the probe.
        view: of the probe, degrees.
        gallery_view: degrees.
        rank: of the nearest sequence of its own subject.
    """

    condition: str
    subject: str
    walk: str
    view: int
    gallery_view: int
    rank: int


def matches_section(
    settings: ReportStage, runs: Sequence[Run], cache: Path, *, label: str
) -> Markup:
    """Returns some probes of each condition with the sequences that the best method found for them.

    Args:
        settings: the gallery and the distance.
        runs: all of the table.
        cache: the dataset's frames.
        label: what captions of a synthetic dataset say.
    """
    run = chief(runs)
    asked = [item for name in run.metrics["conditions"] for item in chosen(settings, run, name)]
    if not asked:
        return left_out(TITLE, "No probe has its own subject in the gallery.")
    content: list[str] = []
    with (
        open_ragged(run.embeddings, kind="embeddings") as embeddings,
        open_ragged(cache, kind="cache") as frames,
    ):
        for condition in run.metrics["conditions"]:
            rows = [
                _drawn(item, settings, embeddings, frames)
                for item in asked
                if item.condition == condition
            ]
            if rows:
                content += [tag("h3", said(condition)), tag("div", *rows, class_="pairs")]
    caption = (
        f"{label}{run.title}. Each picture is the mean of a sequence's aligned silhouettes. Left: "
        f"the probe; then its {NEAREST} nearest and {FARTHEST} farthest sequences of the gallery "
        "of one other view (probe's view → gallery's view), with their distances. ✓: the same "
        "person; ✗: somebody else. Probes whose own person came farthest down stand first."
    )
    return section(TITLE, tag("figure", *content, tag("figcaption", caption)))


def chosen(settings: ReportStage, run: Run, condition: str) -> list[Asked]:
    """Returns the worst failures of a condition, each of another subject, then a success."""
    table = run.probes[run.probes["condition"] == condition]
    views = [column for column in table.columns if column not in COLUMNS]
    long = table.melt(list(COLUMNS), views, var_name="gallery_view", value_name="rank")
    long = long.astype({"gallery_view": np.int64})
    counted = (long["rank"] > 0) & ((long["gallery_view"] != long["view"]) | settings.same_view)
    order = long[counted].sort_values("rank", ascending=False, kind="stable")
    order = order.drop_duplicates("subject")
    failures = order[order["rank"] > 1].head(FAILURES)
    right = long[counted & (long["rank"] == 1)]
    others = right[~right["subject"].isin(failures["subject"])]
    successes = (others if len(others) else right).head(SUCCESSES)
    return [
        Asked(
            condition,
            str(row["subject"]),
            str(row["walk"]),
            int(row["view"]),
            int(row["gallery_view"]),
            int(row["rank"]),
        )
        for row in pd.concat([failures, successes]).to_dict("records")
    ]


def _drawn(
    item: Asked, settings: ReportStage, embeddings: RaggedFile, frames: RaggedFile
) -> Markup:
    """Returns one probe's row."""
    table = embeddings.sequences
    walks = walk_names(table)
    held = walks.isin(list(settings.gallery)) & (table["view"] == item.gallery_view)
    own = (table["subject"] == item.subject) & (walks == item.walk) & (table["view"] == item.view)
    gallery, probe = np.flatnonzero(held), np.flatnonzero(own)[:1]
    far = search(embeddings, probe, gallery, kind=settings.distance)
    order = np.argsort(far, kind="stable")
    places = _ends(len(order))
    tiles = [_tile(frames, table.iloc[int(probe[0])], 0, "probe", "")]
    told = []
    for column, place in enumerate(places, 1):
        row = table.iloc[int(gallery[order[place]])]
        same, near = row["subject"] == item.subject, place < NEAREST
        told.append(f"place {place + 1} {row['subject']}, {'same' if same else 'other'} person")
        # Far away is where somebody else belongs.
        colour = "--faint" if not (same or near) else "--good" if same and near else "--bad"
        head, foot = f"{place + 1}.", f"{far[order[place]]:.2f}"
        gap = column if near else column + 0.4
        tiles.append(
            _tile(frames, row, gap, head, foot, sign="✓ " if same else "✗ ", colour=colour)
        )
    width = (len(places) + 1.4) * STEP
    title = (
        f"{item.subject}/{item.walk}, {item.view}° → {item.gallery_view}°: "
        f"own person at rank {item.rank}"
    )
    drawing = tag(
        "svg",
        *tiles,
        viewBox=f"0 0 {width:g} {HEAD + TILE * 1.5 + FOOT:g}",
        role="img",
        aria_label=f"{title}. {', '.join(told)}",
        style=f"max-width:{width * 1.35:g}px",
    )
    return tag("div", tag("p", title, class_="note"), scrolling(drawing, title))


def _ends(count: int) -> list[int]:
    """Returns the first and the last places of so many."""
    nearest = min(NEAREST, count)
    return [*range(nearest), *range(max(nearest, count - FARTHEST), count)]


def search(embeddings: RaggedFile, probe: Integers, gallery: Integers, *, kind: str) -> Floats:
    """Returns the distance `[m]` of one probe to each sequence of a gallery."""
    asked, held = (read_embeddings(embeddings, rows) for rows in (probe, gallery))
    found: Floats = distances(asked, held, kind=kind)[0]
    return found


def _tile(
    frames: RaggedFile,
    row: pd.Series,
    column: float,
    head: str,
    foot: str,
    *,
    sign: str = "",
    colour: str = "--faint",
) -> Markup:
    """Returns one sequence's picture, its subject and a foot below."""
    x, height = column * STEP, TILE * 1.5
    middle = x + TILE / 2
    below = HEAD + height
    picture = mean_silhouette(frames, row)
    drawn = [] if picture is None else [image(picture, x, HEAD, TILE, height)]
    return join(
        [
            tag("text", head, x=middle, y=11, text_anchor="middle", class_="soft"),
            *drawn,
            tag(
                "rect", x=x + 1, y=HEAD, width=TILE - 2, height=height,
                fill="none", stroke=f"var({colour})", stroke_width=2,
            ),
            tag(
                "text", f"{sign}{row['subject']}", x=middle, y=below + 13, text_anchor="middle",
                style=f"fill:var({colour})",
            ),
            tag("text", foot, x=middle, y=below + 26, text_anchor="middle", class_="soft"),
        ]
    )  # fmt: skip


def mean_silhouette(frames: RaggedFile, row: pd.Series) -> Image | None:
    """Returns the mean of a sequence's silhouettes, or None where the cache does not hold it."""
    table = frames.sequences
    same = np.logical_and.reduce(
        [table[name] == row[name] for name in ("subject", "condition", "number", "view")]
    )
    found = np.flatnonzero(same)
    if not len(found):
        return None
    own = table.iloc[int(found[0])]
    read = frames.read("silhouettes", int(own["first_frame"]), int(own["frame_count"]))
    mean: Image = read.mean(axis=0).astype(np.uint8)
    return mean
