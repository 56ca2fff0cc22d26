"""Parts of pages that MkDocs has made from the code, so that they are never out of date.

`<!-- settings -->` becomes all settings, `<!-- ASSUME -->` and `<!-- PAPER -->` what the tags of
these names say: in the settings' descriptions, and in docstrings and comments of the package.
"""

import ast
import io
import json
import re
import tokenize
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any, Literal, NamedTuple, get_args, get_origin

from pydantic.fields import FieldInfo

import gaittake
from gaittake.settings import SECTIONS, Method, Section, Settings

PACKAGE = Path(gaittake.__file__).parent
# What explains the tags is no choice itself.
LEGENDS = ("settings/dataset.py", "settings/text.py")
TAGS = ("ASSUME", "PAPER")
HEAD = ["setting", "default", "meaning", "source"]
_SENTENCE = re.compile(r"(?<=\.)\s+(?=[A-Z`])")
_ENTRY = re.compile(r"^(?:Args|Returns|Raises|Attributes):$|^ {4}(?=\w+: )", re.MULTILINE)


class Tagged(NamedTuple):
    """A sentence of the code that says where a choice comes from, and where it stands."""

    sentence: str
    place: str


def on_page_markdown(markdown: str, **_mkdocs: Any) -> str:
    """Returns a page with its generated parts."""
    makers = {"settings": settings_tables} | {tag: partial(tag_tables, tag) for tag in TAGS}
    for name, make in makers.items():
        marker = f"<!-- {name} -->"
        if marker in markdown:
            markdown = markdown.replace(marker, make())
    return markdown


class Part(NamedTuple):
    """A section of the settings: its place in the file, `pose.detector`, and what it is there."""

    place: str
    section: type[Section]
    said: str = ""


def settings_tables() -> str:
    """Returns a table for each section of the settings: name, default, meaning, source."""
    parts = []
    for place, section, said in sections():
        rows = [
            [f"`{name}`", _default(field), *_meaning(field.description)]
            for name, field in section.model_fields.items()
            if not _is_section(field)
        ]
        if rows:
            about = (section.__doc__ or "").split("\n\n")[0]
            text = f"{about} ({said}.)" if said else about
            heading = place or "The dataset itself"
            parts.append(f"## {heading}\n\n{_cell(text)}\n\n{_table(HEAD, rows)}")
    return "\n\n".join(parts)


def sections() -> Iterator[Part]:
    """Yields every section of the settings, those of the peers' networks too."""
    yield from _below(Part("", Settings))
    yield Part("methods.NAME", Method)
    for network, section in SECTIONS.items():
        if network != "gaittake":  # whose section is `model`
            yield Part(f"methods.NAME.model ({network})", section)


def tag_tables(tag: str) -> str:
    """Returns what a tag says, in settings and in code."""
    rows = []
    for place, section, said in sections():
        if tag in said:
            rows.append([f"`{place}`", "", *_meaning(said)])
        for name, field in section.model_fields.items():
            if not _is_section(field) and tag in (field.description or ""):
                above, _, network = place.partition(" ")
                full = f"`{above}.{name}` {network}".replace("`.", "`")
                rows.append([full, _default(field), *_meaning(field.description)])
    found = [[_cell(item.sentence), f"`{item.place}`"] for item in tagged(tag)]
    return (
        f"### Settings\n\n{_table(HEAD, rows)}\n\n"
        f"### Code\n\n{_table(['what the code says', 'where'], found)}"
    )


def tagged(tag: str) -> list[Tagged]:
    """Returns what comments, and sentences of docstrings, of the package say with a tag."""
    found = []
    for path in sorted(PACKAGE.rglob("*.py")):
        name, source = str(path.relative_to(PACKAGE)), path.read_text(encoding="utf-8")
        if name not in LEGENDS and tag in source:
            for line, text in sorted([*_comments(source), *_sentences(source)]):
                if re.search(rf"\b{tag}\b", text):
                    found.append(Tagged(text, f"gaittake/{name}:{line}"))
    return found


def _comments(source: str) -> Iterator[tuple[int, str]]:
    """Yields comments with their line: of several lines as one, beside code with this code."""
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
    """Returns each line's code and comment."""
    lines = [(line.strip(), "") for line in source.splitlines()]
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            row, column = token.start
            lines[row - 1] = (token.line[:column].strip(), token.string.lstrip("# "))
    return lines


def _sentences(source: str) -> Iterator[tuple[int, str]]:
    """Yields the sentences of docstrings, with the line of what they document."""
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
    """Returns a field's default, and what else it may be where that is a list."""
    if field.is_required():
        return "none"
    shown = f"`{_plain(field.get_default())}`"
    if get_origin(field.annotation) is Literal:
        others = [v for v in get_args(field.annotation) if v != field.get_default()]
        shown += " or " + ", ".join(f"`{_plain(value)}`" for value in others)
    return shown


def _plain(value: Any) -> str:
    """Returns a value as YAML on one line; of a method, what differs from the defaults."""
    return json.dumps(
        value,
        ensure_ascii=False,
        default=lambda v: v.model_dump(exclude_defaults=True) if isinstance(v, Section) else str(v),
    )


def _meaning(description: str | None) -> list[str]:
    """Returns what a description says, and its source, which stands after its last semicolon."""
    meaning, _, source = (description or "").rpartition("; ")
    return [_cell(meaning), _cell(source)]


def _table(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _cell(text: str) -> str:
    """Returns text as Markdown shows it in a table; what stands between backticks stays code."""
    parts = " ".join(text.split()).split("`")
    parts[::2] = [re.sub(r"([*_\[\]])", r"\\\1", p).replace("<", "&lt;") for p in parts[::2]]
    return "`".join(parts).replace("|", "\\|")
