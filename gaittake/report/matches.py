"""Nearest and farthest gallery sequences of a few probes, failures first."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from markupsafe import Markup

from gaittake.arrays import Float64s, Int64s
from gaittake.comparison import GALLERY
from gaittake.evaluation.distance import distances, nearest_first, read_embeddings
from gaittake.evaluation.probes import COLUMNS
from gaittake.evaluation.roles import roles_of
from gaittake.io.ragged import RaggedFile, open_ragged
from gaittake.report.html import empty_section, scrolling, section, template
from gaittake.report.picture import image
from gaittake.report.runs import Run, best_run, condition_title
from gaittake.sequence import IDENTITY, view_title
from gaittake.settings import Protocol, ReportStage
from gaittake.silhouette import Image

TITLE = "Nearest and farthest"
FAILURES, SUCCESSES = 3, 1
NEAREST, FARTHEST = 5, 2
STEP, TILE, HEAD, FOOT = 62.0, 54.0, 16.0, 30.0
TALL = TILE * 1.5

_ROW = template("""\
<svg viewBox="0 0 {{ width }} {{ height }}" role="img" aria-label="{{ label }}"
 style="max-width:{{ width * 1.35 }}px">
{% for tile in tiles %}
<text x="{{ tile.x + side / 2 }}" y="11" text-anchor="middle" class="soft">{{ tile.head }}</text>
{{ tile.picture }}
<rect x="{{ tile.x + 1 }}" y="{{ top }}" width="{{ side - 2 }}" height="{{ tall }}" fill="none"
 stroke="var({{ tile.colour }})" stroke-width="2"/>
<text x="{{ tile.x + side / 2 }}" y="{{ top + tall + 13 }}" text-anchor="middle"
 style="fill:var({{ tile.colour }})">{{ tile.subject }}</text>
<text x="{{ tile.x + side / 2 }}" y="{{ top + tall + 26 }}" text-anchor="middle" class="soft">
{{- tile.foot }}</text>
{% endfor %}
</svg>
""")
_CONDITION = template("""\
<h3>{{ title }}</h3>
<div class="pairs">
{% for title, drawing in rows %}
<div><p class="note">{{ title }}</p>{{ drawing }}</div>
{% endfor %}
</div>
""")


class Probe(NamedTuple):
    """A probe and its result in one cell of the gallery.

    Attributes:
        condition: of the probe.
        subject: of the probe.
        type: of the probe: `nm-05`.
        view: of the probe.
        cell: of the gallery: a view, a camera, or everything.
        rank: of the nearest sequence of the same subject.
    """

    condition: str
    subject: str
    type: str
    view: str
    cell: str
    rank: int


def matches_section(settings: ReportStage, runs: Sequence[Run], cache: Path) -> Markup:
    """Returns a few probes of each condition with their matches by the best method.

    Args:
        settings: the gallery and the distance.
        runs: all runs of the table.
        cache: the dataset's cache.
    """
    run = best_run(runs)
    probes = {name: chosen_probes(settings, run, name) for name in run.metrics["conditions"]}
    if not any(probes.values()):
        return empty_section(TITLE, "No probe has a sequence of its subject in the gallery.")
    parts = []
    with (
        open_ragged(run.embeddings, kind="embeddings") as embeddings,
        open_ragged(cache, kind="cache") as frames,
    ):
        for condition, of_condition in probes.items():
            rows = [_row(probe, settings, embeddings, frames) for probe in of_condition]
            if rows:
                parts.append(_CONDITION(title=condition_title(condition), rows=rows))
    caption = (
        f"{run.title}. Each image is the mean of a sequence's aligned silhouettes. Left: the "
        f"probe. Right: the {NEAREST} nearest and {FARTHEST} farthest sequences of one gallery "
        "(view of the probe → view of the gallery), with their distances. ✓: same person; ✗: "
        "another person. The probes with the worst ranks come first."
    )
    content = Markup("\n").join(parts)
    return section(
        TITLE,
        Markup("<figure>{}<figcaption>{}</figcaption></figure>").format(content, caption),
    )


def chosen_probes(settings: ReportStage, run: Run, condition: str) -> list[Probe]:
    """Returns the worst failures of a condition, one per subject, then a success.

    Args:
        settings: whether pairs of identical views count.
        run: has the ranks.
        condition: one of the run's.
    """
    table = run.probes[run.probes["condition"] == condition]
    cells = [column for column in table.columns if column not in COLUMNS]
    long = table.melt(list(COLUMNS), cells, var_name="gallery_cell", value_name="rank")
    same_view = settings.protocol.same_view
    counted = (long["rank"] > 0) & ((long["gallery_cell"] != long["cell"]) | same_view)
    order = long[counted].sort_values("rank", ascending=False, kind="stable")
    order = order.drop_duplicates("subject")
    failures = order[order["rank"] > 1].head(FAILURES)
    correct = long[counted & (long["rank"] == 1)]
    others = correct[~correct["subject"].isin(failures["subject"])]
    successes = (others if len(others) else correct).head(SUCCESSES)
    return [
        Probe(
            condition,
            str(row["subject"]),
            str(row["type"]),
            str(row["view"]),
            str(row["gallery_cell"]),
            int(row["rank"]),
        )
        for row in pd.concat([failures, successes]).to_dict("records")
    ]


def _row(
    probe: Probe, settings: ReportStage, embeddings: RaggedFile, frames: RaggedFile
) -> tuple[str, Markup]:
    """Returns the title and the drawing of one probe."""
    table = embeddings.sequences
    is_probe = (
        (table["subject"] == probe.subject)
        & (table["type"] == probe.type)
        & (table["view"] == probe.view)
    )
    row_of_probe = np.flatnonzero(is_probe)[:1]
    gallery = gallery_of(settings.protocol, table, probe, int(row_of_probe[0]))
    found = gallery_distances(embeddings, row_of_probe, gallery, kind=settings.distance)
    own = (table["subject"] == probe.subject).to_numpy()[gallery]
    order = nearest_first(found[None], own[None])[0]
    places = _shown_places(len(order))
    tiles = [_tile(frames, table.iloc[int(row_of_probe[0])], 0, head="probe")]
    summaries = []
    for column, place in enumerate(places, 1):
        row = table.iloc[int(gallery[order[place]])]
        same, near = row["subject"] == probe.subject, place < NEAREST
        person = "same" if same else "other"
        summaries.append(f"place {place + 1} {row['subject']}, {person} person")
        # Another person among the farthest is as it should be, and gets no colour.
        colour = "--faint" if not (same or near) else "--good" if same and near else "--bad"
        tiles.append(
            _tile(
                frames,
                row,
                column if near else column + 0.4,
                head=f"{place + 1}.",
                foot=f"{found[order[place]]:.2f}",
                sign="✓ " if same else "✗ ",
                colour=colour,
            )
        )
    where = "" if probe.cell == GALLERY else f" → {view_title(probe.cell)}"
    title = (
        f"{probe.subject}/{probe.type}, {view_title(probe.view)}{where}: same person at rank "
        f"{probe.rank}"
    )
    drawing = _ROW(
        tiles=tiles,
        label=f"{title}. {', '.join(summaries)}",
        width=(len(places) + 1.4) * STEP,
        height=HEAD + TALL + FOOT,
        top=HEAD,
        side=TILE,
        tall=TALL,
    )
    return title, scrolling(drawing, title)


def gallery_of(protocol: Protocol, table: pd.DataFrame, probe: Probe, row: int) -> Int64s:
    """Returns the row numbers of the gallery sequences that a probe is compared with.

    Args:
        protocol: of the evaluation.
        table: all sequences.
        probe: condition and cell.
        row: of the probe.
    """
    roles = next(item for item in roles_of(protocol, table) if probe.condition in item.conditions)
    gallery = roles.gallery_of(probe.cell)
    if roles.camera is None:
        return gallery
    subjects = table["subject"].to_numpy()
    own = (subjects[gallery] == subjects[row]) & (roles.camera[gallery] == roles.camera[row])
    counted: Int64s = gallery[~own]
    return counted


def _shown_places(count: int) -> list[int]:
    """Returns the first and the last places of a gallery with `count` sequences."""
    nearest = min(NEAREST, count)
    return [*range(nearest), *range(max(nearest, count - FARTHEST), count)]


def gallery_distances(
    embeddings: RaggedFile, probe: Int64s, gallery: Int64s, *, kind: str
) -> Float64s:
    """Returns the distance `[m]` of one probe to each sequence of a gallery.

    Args:
        embeddings: the embeddings file.
        probe: `[1]` row number.
        gallery: `[m]` row numbers, ascending.
        kind: of the distance, see `gaittake.evaluation.distance.as_parts`.
    """
    one, others = (read_embeddings(embeddings, rows) for rows in (probe, gallery))
    found: Float64s = distances(one, others, kind=kind)[0]
    return found


def _tile(
    frames: RaggedFile,
    row: pd.Series,
    column: float,
    *,
    head: str,
    foot: str = "",
    sign: str = "",
    colour: str = "--faint",
) -> dict[str, Any]:
    """Returns the picture of one sequence, and the texts above and below it."""
    x = column * STEP
    pixels = mean_silhouette(frames, row)
    return {
        "x": x,
        "picture": "" if pixels is None else image(pixels, x, HEAD, TILE, TALL),
        "head": head,
        "subject": f"{sign}{row['subject']}",
        "foot": foot,
        "colour": colour,
    }


def mean_silhouette(frames: RaggedFile, row: pd.Series) -> Image | None:
    """Returns the mean of a sequence's silhouettes, or None if the cache lacks the sequence.

    Args:
        frames: the cache.
        row: subject, type and view.
    """
    table = frames.sequences
    same = np.logical_and.reduce([table[name] == row[name] for name in IDENTITY])
    found = np.flatnonzero(same)
    if not len(found):
        return None
    place = table.iloc[int(found[0])]
    read = frames.read("silhouettes", int(place["first_frame"]), int(place["frame_count"]))
    mean: Image = read.mean(axis=0).astype(np.uint8)
    return mean
