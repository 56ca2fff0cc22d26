"""Who is taken for whom: the person of the nearest gallery sequence, for each person's probes."""

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from markupsafe import Markup

from gaittake.evaluation.distance import distances, nearest_first, read_embeddings
from gaittake.evaluation.roles import roles_of
from gaittake.io.ragged import RaggedFile, open_ragged
from gaittake.report.chart import DARK
from gaittake.report.html import collapsed, empty_section, figure, section, table, template
from gaittake.report.runs import Run, best_run, condition_title, percent
from gaittake.settings import ReportStage

TITLE = "Confusion matrix"
MOST = 30  # people of whom a matrix can still be read
# Pairs of a probe and a gallery sequence; more take minutes.
MOST_PAIRS = 3_000_000
LETTER, HEAD = 7.4, 42.0
LEAST_SIDE, MOST_SIDE, ACROSS = 25.0, 40.0, 260.0

_MATRIX = template("""\
<svg viewBox="0 0 {{ width }} {{ height }}" role="img" aria-label="{{ label }}"
 style="width:{{ width }}px;max-width:none">
<text x="0" y="14" class="title">{{ title }}</text>
<text x="0" y="32" class="soft">probe of ↓  taken for →</text>
{% for name, at in names %}
<text transform="translate({{ left + at + 4 }} {{ top - 6 }}) rotate(-90)" class="soft">
{{- name }}</text>
<text x="{{ left - 6 }}" y="{{ top + at + 4 }}" text-anchor="end" class="soft">{{ name }}</text>
{% endfor %}
{% for cell in cells %}
<rect x="{{ left + cell.x + 0.75 }}" y="{{ top + cell.y + 0.75 }}" width="{{ side - 1.5 }}"
 height="{{ side - 1.5 }}" rx="2" data-tip="{{ cell.tip }}"
{%- if cell.same %} stroke="var(--ink)" stroke-dasharray="3 3"{% endif %}
{%- if cell.share %} fill="var({{ "--good" if cell.same else "--bad" }})"
 fill-opacity="{{ cell.heat }}"/>
<text x="{{ left + cell.x + side / 2 }}" y="{{ top + cell.y + side / 2 + 4 }}"
 text-anchor="middle" style="fill:var({{ "--paper" if cell.heat > dark else "--ink" }})">
{{- cell.text }}</text>
{% else %} fill="var(--wash)"/>
{% endif %}
{% endfor %}
</svg>
""")


def whom_section(settings: ReportStage, runs: Sequence[Run]) -> Markup:
    """Returns a matrix of people for each condition, by the best method, and its errors as a table.

    Args:
        settings: the gallery and the distance.
        runs: all runs of the table.
    """
    run = best_run(runs)
    with open_ragged(run.embeddings, kind="embeddings") as embeddings:
        people = sorted(set(embeddings.sequences["subject"]))
        if len(people) > MOST:
            return empty_section(
                TITLE,
                f"{len(people)} test people; the matrix is drawn for at most {MOST}. probes.csv of "
                "each method has the rank of every probe.",
            )
        try:
            found = taken_for(settings, embeddings)
        except OverflowError as error:
            return empty_section(TITLE, f"{error}; the matrix is drawn for at most {MOST_PAIRS:,}.")
    if found.empty:
        return empty_section(TITLE, "There is no probe with a gallery.")
    conditions = [name for name in run.metrics["conditions"] if name in set(found["condition"])]
    matrices = [
        matrix(condition_title(name), people, shares_of(found[found["condition"] == name]))
        for name in conditions
    ]
    caption = (
        f"{run.title}: share in % of the searches for a person (row) whose nearest gallery "
        "sequence shows the person of the column. Dashed: the right one. An empty cell is 0."
    )
    return section(TITLE, figure(matrices, caption, scroll=True), _errors(found, run))


def taken_for(settings: ReportStage, embeddings: RaggedFile) -> pd.DataFrame:
    """Returns condition, subject and taken_for: a row for each probe in each gallery that counts.

    Args:
        settings: the protocol and the distance.
        embeddings: file of the embeddings.

    Raises:
        OverflowError: more than MOST_PAIRS distances.
    """
    table = embeddings.sequences
    searches = [
        (roles, name, probes, gallery)
        for roles in roles_of(settings.protocol, table)
        for name, probes, gallery in roles.searches(same_view=settings.protocol.same_view)
    ]
    if (
        pairs := sum(len(probes) * len(gallery) for _, _, probes, gallery in searches)
    ) > MOST_PAIRS:
        raise OverflowError(f"{pairs:,} pairs of a probe and a gallery sequence")
    subjects = table["subject"].to_numpy().astype(str)
    rows = []
    for roles, name, probes, gallery in searches:
        one, others = (read_embeddings(embeddings, chosen) for chosen in (probes, gallery))
        found = distances(one, others, kind=settings.distance)
        found[roles.skipped(subjects, probes, gallery)] = np.inf
        searched = np.isfinite(found).any(axis=1)
        own = subjects[probes][:, None] == subjects[gallery]
        nearest = subjects[gallery[nearest_first(found, own)[:, 0]]]
        for probe, other in zip(subjects[probes][searched], nearest[searched], strict=True):
            rows.append((name, str(probe), str(other)))
    return pd.DataFrame(rows, columns=["condition", "subject", "taken_for"])


def shares_of(found: pd.DataFrame) -> dict[tuple[str, str], float]:
    """Returns the share of a subject's searches that found another, 0…1, by these two."""
    pairs = Counter(zip(found["subject"], found["taken_for"], strict=True))
    of = Counter(found["subject"])
    return {(subject, other): count / of[subject] for (subject, other), count in pairs.items()}


def matrix(title: str, people: Sequence[str], shares: Mapping[tuple[str, str], float]) -> Markup:
    """Returns the matrix: people searched for as rows, people found as columns.

    Args:
        title: of the matrix.
        people: names of all, in order.
        shares: of the searches, 0…1, by person searched for and person found.
    """
    side = max(LEAST_SIDE, min(MOST_SIDE, ACROSS / len(people)))
    left = LETTER * max(map(len, people)) + 12
    top = HEAD + left - 6
    cells = []
    for a, person in enumerate(people):
        for b, other in enumerate(people):
            share = shares.get((person, other), 0.0)
            verb = "found" if person == other else f"taken for {other}"
            cells.append(
                {
                    "x": b * side,
                    "y": a * side,
                    "same": person == other,
                    "share": share,
                    "heat": 0.12 + 0.88 * share,
                    "text": f"{100 * share:.0f}" if share >= 0.005 else "<1",
                    "tip": f"{person} {verb}: {percent(share)} %",
                }
            )
    wrong = [(share, pair) for pair, share in shares.items() if pair[0] != pair[1]]
    summary = "nobody is taken for another person"
    if wrong:
        share, (person, other) = max(wrong)
        summary = f"most often, {person} is taken for {other}: {percent(share)} %"
    return _MATRIX(
        title=title,
        label=f"Who is taken for whom, {title}: {summary}",
        names=[(name, (place + 0.5) * side) for place, name in enumerate(people)],
        cells=cells,
        side=side,
        dark=DARK,
        left=left,
        top=top,
        width=max(left + side * len(people) + 4, 200.0),
        height=top + side * len(people) + 4,
    )


def _errors(found: pd.DataFrame, run: Run) -> Markup:
    """Returns all errors as a table, the most frequent first."""
    of = Counter(zip(found["condition"], found["subject"], strict=True))
    wrong = found[found["subject"] != found["taken_for"]]
    counts = Counter(wrong.itertuples(index=False, name=None)).most_common()
    rows = [
        [name, subject, other, f"{count:,}", percent(count / of[name, subject])]
        for (name, subject, other), count in counts
    ]
    if not rows:
        return Markup("<p>{} takes nobody for another person.</p>").format(run.title)
    return collapsed(
        f"Table of the errors ({len(wrong):,} of {len(found):,} searches)",
        table(
            ["condition", "person", "taken for", "searches", "share, %"],
            rows,
            caption=f"{run.title}: searches whose nearest sequence shows another person.",
            words=3,
        ),
    )
