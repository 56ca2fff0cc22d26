"""Writes what comes from the code: tables of docs/settings.md and docs/paper.md, and a file.

`python docs/generated.py` rewrites the text between `<!-- NAME -->` and `<!-- end NAME -->`. The
settings' tables come from the fields of gaittake/settings; those of ASSUME and PAPER from the
sentences that carry these tags, in descriptions of settings, docstrings and comments. The file is
gaittake/cli/networks.json: the size of each network, which `gaittake networks` prints.
"""

import ast
import io
import json
import re
import tokenize
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, Literal, NamedTuple, get_args, get_origin

from pydantic.fields import FieldInfo

import gaittake
from gaittake.cli.networks import COUNTED, DATASETS, count, key, numbers_of
from gaittake.settings import SECTIONS, Method, Section, Settings

DOCS = Path(__file__).parent
PACKAGE = Path(gaittake.__file__).parent
# These files explain the tags; their own sentences are no choices.
LEGENDS = ("settings/dataset.py", "settings/text.py")
TAGS = ("ASSUME", "PAPER")
HEAD = ["setting", "default", "meaning", "source"]
_SENTENCE = re.compile(r"(?<=\.)\s+(?=[A-Z`])")
_ENTRY = re.compile(r"^(?:Args|Returns|Raises|Attributes):$|^ {4}(?=\w+: )", re.MULTILINE)


class Tagged(NamedTuple):
    """A sentence of the code with a tag, and the function or class that holds it."""

    sentence: str
    place: str


class Part(NamedTuple):
    """A section of the settings, its place in the YAML (`pose.detector`), its description there."""

    place: str
    section: type[Section]
    description: str = ""


def pages() -> Iterator[tuple[Path, str]]:
    """Yields the path and the up-to-date text of each file with a generated part."""
    makers: dict[str, Callable[[], str]] = {"settings": settings_tables}
    makers |= {tag: partial(tag_tables, tag) for tag in TAGS}
    for path in sorted(DOCS.glob("*.md")):
        text = path.read_text(encoding="utf-8")
        for name, make in makers.items():
            start, end = f"<!-- {name} -->\n", f"<!-- end {name} -->"
            before, found, rest = text.partition(start)
            if found:
                after = rest[rest.index(end) :]
                text = f"{before}{start}\n{make()}\n\n{after}"
        if any(f"<!-- {name} -->\n" in text for name in makers):
            yield path, text
    yield COUNTED, network_counts()


def network_counts() -> str:
    """Returns the counts of each network in its published sizes, see gaittake/cli/networks.py."""
    chosen = [(name, numbers_of(name, size)) for size in DATASETS for name in SECTIONS]
    chosen.append(("gaitgl", numbers_of("gaitgl", "casiab", head="iccv")))
    counted = {key(name, numbers): count(name, numbers) for name, numbers in chosen}
    lines = (f"{json.dumps(name)}: {json.dumps(counts)}" for name, counts in counted.items())
    return "{\n" + ",\n".join(lines) + "\n}\n"


def settings_tables() -> str:
    """Returns a table for each section of the settings: name, default, meaning, source."""
    parts = []
    for place, section, description in sections():
        rows = [
            [f"`{name}`", _default(field), *_meaning(field.description)]
            for name, field in section.model_fields.items()
            if not _is_section(field)
        ]
        if rows:
            about = (section.__doc__ or "").split("\n\n")[0]
            text = f"{about} ({description}.)" if description else about
            heading = place or "Top level"
            parts.append(f"## {heading}\n\n{_cell(text)}\n\n{_table(HEAD, rows)}")
    return "\n\n".join(parts)


def sections() -> Iterator[Part]:
    """Yields every section of the settings, also those of the other networks."""
    yield from _below(Part("", Settings))
    yield Part("methods.NAME", Method)
    for network, section in SECTIONS.items():
        if network != "gaittake":  # whose section is `model`
            yield Part(f"methods.NAME.model ({network})", section)


def tag_tables(tag: str) -> str:
    """Returns the settings with a tag, and the sentences of the code with it, as two tables."""
    rows = []
    for place, section, description in sections():
        if tag in description:
            rows.append([f"`{place}`", "", *_meaning(description)])
        for name, field in section.model_fields.items():
            if not _is_section(field) and tag in (field.description or ""):
                above, _, network = place.partition(" ")
                full = f"`{above}.{name}` {network}".replace("`.", "`").strip()
                rows.append([full, _default(field), *_meaning(field.description)])
    found = [[_cell(item.sentence), f"`{item.place}`"] for item in tagged(tag)]
    return (
        f"### Settings\n\n{_table(HEAD, rows)}\n\n"
        f"### Code\n\n{_table(['in the code', 'where'], found)}"
    )


def tagged(tag: str) -> list[Tagged]:
    """Returns the comments and docstring sentences of the package that carry a tag."""
    found = []
    for path in sorted(PACKAGE.rglob("*.py")):
        name, source = str(path.relative_to(PACKAGE)), path.read_text(encoding="utf-8")
        if name not in LEGENDS and tag in source:
            scopes = _scopes(source)
            for line, text in sorted([*_comments(source), *_sentences(source)]):
                if re.search(rf"\b{tag}\b", text):
                    scope = next((n for first, last, n in scopes if first <= line <= last), "")
                    found.append(Tagged(text, f"gaittake/{name} {scope}".strip()))
    return found


def _scopes(source: str) -> list[tuple[int, int, str]]:
    """Returns first line, last line and name of each function and class, innermost first."""
    found = [
        (node.lineno, node.end_lineno or node.lineno, node.name)
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.ClassDef | ast.FunctionDef)
    ]
    return sorted(found, key=lambda scope: scope[1] - scope[0])


def _comments(source: str) -> Iterator[tuple[int, str]]:
    """Yields line and text of comments: a block as one, a trailing comment with its code."""
    block, first = "", 0
    for line, row in enumerate([*_with_comments(source), ("", "")], start=1):
        code, comment = row
        if comment and not code:
            block, first = f"{block} {comment}".strip(), first or line
            continue
        if block:
            yield first, block
        block, first = "", 0
        if comment:
            yield line, f"`{code}`: {comment}"


def _with_comments(source: str) -> list[tuple[str, str]]:
    """Returns the code and the comment of each line."""
    lines = [(line.strip(), "") for line in source.splitlines()]
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            row, column = token.start
            lines[row - 1] = (token.line[:column].strip(), token.string.lstrip("# "))
    return lines


def _sentences(source: str) -> Iterator[tuple[int, str]]:
    """Yields each sentence of the docstrings, with the line of the object documented."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef):
            for paragraph in re.split(r"\n\s*\n", ast.get_docstring(node) or ""):
                for entry in _ENTRY.split(paragraph):
                    for sentence in _SENTENCE.split(entry):
                        yield getattr(node, "lineno", 1), " ".join(sentence.split())


def _below(part: Part) -> Iterator[Part]:
    yield part
    for name, field in part.section.model_fields.items():
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, Section):
            yield from _below(
                Part(f"{part.place}.{name}".lstrip("."), kind, field.description or "")
            )


def _is_section(field: FieldInfo) -> bool:
    return isinstance(field.annotation, type) and issubclass(field.annotation, Section)


def _default(field: FieldInfo) -> str:
    """Returns a field's default and, for a `Literal`, the other values."""
    if field.is_required():
        return "required"
    shown = f"`{_plain(field.get_default())}`"
    if get_origin(field.annotation) is Literal:
        others = [v for v in get_args(field.annotation) if v != field.get_default()]
        shown += " or " + ", ".join(f"`{_plain(value)}`" for value in others)
    return shown


def _plain(value: Any) -> str:
    """Returns a value as one line of YAML; a method without what equals the defaults."""
    return json.dumps(
        value,
        ensure_ascii=False,
        default=lambda v: v.model_dump(exclude_defaults=True) if isinstance(v, Section) else str(v),
    )


def _meaning(description: str | None) -> list[str]:
    """Returns a description's meaning and source; the source follows the last semicolon."""
    meaning, _, source = (description or "").rpartition("; ")
    return [_cell(meaning), _cell(source)]


def _table(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _cell(text: str) -> str:
    """Returns text escaped for a Markdown table; code between backticks stays as it is."""
    parts = " ".join(text.split()).split("`")
    parts[::2] = [re.sub(r"([*_\[\]])", r"\\\1", p).replace("<", "&lt;") for p in parts[::2]]
    return "`".join(parts).replace("|", "\\|")


if __name__ == "__main__":
    for page, updated in pages():
        page.write_text(updated, encoding="utf-8")
