"""The rank-1 table for a paper, as LaTeX with the package booktabs."""

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

COMMANDS = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\$", "&": r"\&", "#": r"\#",
    "%": r"\%", "_": r"\_", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}",
    "<": "$<$", ">": "$>$", "−": "$-$", "±": r"$\pm$", "°": r"$^\circ$", "–": "--", "…": r"\dots{}",
    "≤": r"$\le$", "≥": r"$\ge$", "×": r"$\times$",
}  # fmt: skip
MARKS = {"best": r"\textbf{%s}", "second": r"\underline{%s}", "": "%s"}


class TexCell(NamedTuple):
    """A cell.

    Attributes:
        text: unescaped.
        mark: `best` (bold), `second` (underlined) or nothing.
        after: unescaped text behind the marked one.
    """

    text: str
    mark: str = ""
    after: str = ""


def escaped(text: str) -> str:
    """Returns text that LaTeX prints as it stands, in a single line."""
    return "".join(COMMANDS.get(letter, letter) for letter in re.sub(r"\s+", " ", text))


def latex_table(
    head: Sequence[str],
    groups: Sequence[Sequence[Sequence[TexCell]]],
    *,
    words: int,
    caption: str,
    label: str,
) -> str:
    """Returns a table environment.

    Args:
        head: titles of the columns.
        groups: rows of cells; a rule separates the groups.
        words: number of columns, from the left, with words.
        caption: unescaped.
        label: of the table, without special letters.
    """
    columns = "l" * words + "r" * (len(head) - words)
    body = "\\midrule\n".join("".join(_row(map(_cell, row)) for row in rows) for rows in groups)
    return (
        "% \\usepackage{booktabs}\n"
        "\\begin{table}\n\\centering\n"
        f"\\caption{{{escaped(caption)}}}\n\\label{{{label}}}\n"
        f"\\begin{{tabular}}{{{columns}}}\n\\toprule\n{_row(map(escaped, head))}\\midrule\n"
        f"{body}\\bottomrule\n\\end{{tabular}}\n\\end{{table}}\n"
    )


def _row(cells: Iterable[str]) -> str:
    return " & ".join(cells) + " \\\\\n"


def _cell(cell: TexCell) -> str:
    return MARKS[cell.mark] % escaped(cell.text) + escaped(cell.after)
