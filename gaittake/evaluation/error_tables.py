"""The tables of the rates by the standard: error rates, groups, templates; cells are text in %."""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from gaittake.evaluation.statistics import spread

# Column of the CSV table: title, and its place in `error_rates` of a condition.
RATES = {
    "fnmr_fmr1": ("FNMR at FMR 1 %", ("fnmr", "0.01", "fnmr")),
    "fnmr_fmr01": ("FNMR at FMR 0.1 %", ("fnmr", "0.001", "fnmr")),
    "fnir_fpir1": ("FNIR at FPIR 1 %", ("fnir", "0.01", "fnir")),
    "fnir_fpir03": ("FNIR at FPIR 0.3 %", ("fnir", "0.003", "fnir")),
    "rank1_generalised": ("rank-1, generalised", ("rank1_generalised",)),
    "failure_to_acquire": ("failure to acquire", ("failure_to_acquire", "rate")),
}
GROUP_RATES = {
    "rank1": "rank-1",
    "fnmr": "FNMR",
    "fmr": "FMR",
    "fnir": "FNIR",
    "fpir": "FPIR",
}
POOLED = "groups of fewer than 5"


class Table(NamedTuple):
    """Titles of the columns, and the cells of each row."""

    head: list[str]
    rows: list[list[str]]


def rate_of(condition: dict[str, Any], column: str) -> float | None:
    """Returns one of RATES of a condition; None if it is not measured."""
    found: Any = condition.get("error_rates")
    for key in RATES[column][1]:
        found = None if found is None else found.get(key)
    return None if found is None else float(found)


def mean_rate(seeds: Sequence[dict[str, Any]], condition: str, column: str) -> float | None:
    """Returns one of RATES, averaged over the seeds of a method."""
    found = spread([rate_of(run["conditions"][condition], column) for run in seeds])
    return found.mean if found else None


def rates_table(runs: Iterable[tuple[str, dict[str, Any]]]) -> Table:
    """Returns the error rates of each condition and run, with 95 % intervals.

    Args:
        runs: title and metrics of each.
    """
    rows = []
    for title, metrics in runs:
        for condition, numbers in metrics["conditions"].items():
            if "error_rates" in numbers:
                cells = [
                    _with_interval(numbers["error_rates"], column, rate_of(numbers, column))
                    for column in RATES
                ]
                rows.append([condition, title, *cells])
    order = {name: place for place, name in enumerate(dict.fromkeys(row[0] for row in rows))}
    rows.sort(key=lambda row: order[row[0]])
    return Table(["condition", "method", *(title for title, _ in RATES.values())], rows)


def _with_interval(rates: dict[str, Any], column: str, value: float | None) -> str:
    """Returns a rate and its interval; a dash if it is not measured."""
    if value is None:
        return "–"
    kind, at = RATES[column][1][0], RATES[column][1][1:]
    ends = rates[kind][at[0]]["interval"] if kind in ("fnmr", "fnir") else None
    return _percent(value) + _brackets(ends)


def search_table(runs: Iterable[tuple[str, dict[str, Any]]], *, speed: bool) -> Table:
    """Returns the size of a template and of a gallery of each run.

    Args:
        runs: title and metrics of each.
        speed: whether to add the searches per second, which differ from run to run.
    """
    rows = []
    for title, metrics in runs:
        if found := metrics.get("search"):
            gallery, seconds = found["gallery"], metrics["provenance"]["search_cpu_seconds"]
            each = f"{found['searches'] / seconds:,.0f}" if seconds else "–"
            row = [title, f"{found['template_bytes']:,}", f"{gallery:,.0f}" if gallery else "–"]
            rows.append([*row, each] if speed else row)
    head = ["method", "bytes per template", "sequences in a gallery"]
    return Table([*head, "searches per CPU second"] if speed else head, rows)


def groups_tables(metrics: dict[str, Any]) -> dict[str, Table]:
    """Returns the rates by group of one run, for each column of the table of groups.

    A `*` after a number of people marks a small sample.
    """
    found: dict[str, Table] = {}
    for condition, numbers in metrics["conditions"].items():
        for column, entry in (numbers.get("groups") or {}).items():
            head = ["condition", column, "people", *GROUP_RATES.values()]
            rows = found.setdefault(column, Table(head, [])).rows
            for group in entry["groups"]:
                rows.append([condition, group["name"], *_group(group)])
            if entry["pooled"]:
                rows.append([condition, POOLED, *_group(entry["pooled"])])
            if entry["not_stated"]:
                rows.append([condition, "not stated", str(entry["not_stated"]), *_blank()])
            largest = entry["largest_difference"]
            if any(largest.values()):
                cells = [_difference(largest.get(rate)) for rate in GROUP_RATES]
                rows.append([condition, "largest difference", "", *cells])
    return found


def _group(group: dict[str, Any]) -> list[str]:
    """Returns the cells of a group: people, and each rate with its interval."""
    people = f"{group['subjects']}{'*' if group['few'] else ''}"
    return [people, *(_rate(group["rates"].get(rate)) for rate in GROUP_RATES)]


def _blank() -> list[str]:
    return ["–"] * len(GROUP_RATES)


def _rate(found: dict[str, Any] | None) -> str:
    return "–" if found is None else _percent(found["value"]) + _brackets(found["interval"])


def _difference(found: dict[str, Any] | None) -> str:
    if found is None:
        return "–"
    high, low = found["groups"]
    return f"{_percent(found['difference'])}{_brackets(found['interval'])} {high} − {low}"


def _percent(value: float) -> str:
    return f"{100 * value:.{1 if abs(value) >= 0.0995 else 2}f}"


def _brackets(ends: Sequence[float] | None) -> str:
    return f" [{_percent(ends[0])}, {_percent(ends[1])}]" if ends else ""


def markdown(table: Table, words: int) -> str:
    """Returns a table as Markdown; the first `words` columns are words."""
    rule = "|---" * words + "|---:" * (len(table.head) - words) + "|"
    lines = [f"| {' | '.join(table.head)} |", rule]
    return "\n".join(lines + [f"| {' | '.join(row)} |" for row in table.rows]) + "\n"
