"""Error rates by the standard: the DET curves, the rates with intervals, groups, templates."""

from collections.abc import Sequence

from markupsafe import Markup

from gaittake.evaluation.error_tables import Table, groups_tables, rates_table, search_table
from gaittake.evaluation.groups import FEW
from gaittake.report.chart import Axis, Line, legend, line_chart
from gaittake.report.curves import styles_of
from gaittake.report.html import empty_section, figure, note, section, table
from gaittake.report.runs import Run, best_run, condition_title, first_seeds

TITLE = "Error rates"
LOWEST, MOST_FMR, MOST_FNMR = 1e-4, 0.6, 0.95  # of the axes
EXPLAINED = (
    "The names are those of ISO/IEC 19795-1 and NIST FRTE 1:N. FNMR: share of same-person pairs "
    "above the threshold that accepts 1 % or 0.1 % of different-person pairs (FMR). FNIR: share of "
    "searches that miss their person, at the threshold at which 1 % or 0.3 % of the searches for "
    "people who are in no gallery return somebody (FPIR); for this, a random fifth of the people "
    "is removed, many times. Generalised: rejected sequences count as errors. A dash: too few "
    "pairs or searches."
)
CURVES = (
    "DET: FNMR over FMR, both on scales of normal deviates. A curve ends where no pair of one "
    "person is missed, or where the pairs of different people are too few."
)


def rates_section(runs: Sequence[Run]) -> Markup:
    """Returns the DET curves and the tables of the rates."""
    methods = first_seeds(runs)
    styles = styles_of(methods)
    charts = []
    for condition in methods[0].metrics["conditions"]:
        lines = []
        for run in methods:
            rates = run.metrics["conditions"][condition].get("error_rates", {})
            if len(points := _points(rates.get("det"))) > 1:
                fmr, fnmr = ([point[axis] for point in points] for axis in (0, 1))
                lines.append(Line(run.title, fmr, fnmr, styles[run.title]))
        if lines:
            axes = [
                Axis(f"{name}, %", LOWEST, most, probit=True)
                for name, most in (("FMR", MOST_FMR), ("FNMR", MOST_FNMR))
            ]
            charts.append(line_chart(condition_title(condition), lines, *axes))
    titled = [(run.title, run.metrics) for run in methods]
    found = rates_table(titled)
    if not found.rows:
        return empty_section(TITLE, "The metrics have no error rates; evaluate again.")
    content = [note(EXPLAINED)]
    if charts:
        content.append(figure(charts, CURVES, legend=legend(styles)))
    content.append(_shown(found, "Error rates in %, with 95 % intervals.", 2))
    content.append(
        _shown(
            search_table(titled, speed=True),
            "Size of a template, and speed of the exact search, which counts all rates as well.",
            1,
        )
    )
    best = best_run(runs)
    for column, groups in groups_tables(best.metrics).items():
        caption = (
            f"{best.title} by {column}, in %. FNMR at FMR 1 % and FNIR at FPIR 1 %, at the "
            f"thresholds of all people. *: fewer than {FEW} people, a small sample."
        )
        content.append(_shown(groups, caption, 2))
    return section(TITLE, *content)


def _points(curve: dict[str, list[float]] | None) -> list[tuple[float, float]]:
    """Returns FMR and FNMR where both are within the axes; 0 has no deviate."""
    pairs = zip(curve["fmr"], curve["fnmr"], strict=True) if curve else ()
    return [
        (fmr, fnmr)
        for fmr, fnmr in pairs
        if LOWEST <= fmr <= MOST_FMR and LOWEST <= fnmr <= MOST_FNMR
    ]


def _shown(found: Table, caption: str, words: int) -> Markup:
    return table(found.head, found.rows, caption=caption, words=words)
