"""Parses settings as YAML 1.2 (core schema), on PyYAML's scanner and composer.

PyYAML itself reads YAML 1.1: `036` is 30, `on` is true, `1:30` is 90, and the second of two equal
keys wins. Here `036` is 36, `on` and `1:30` are text, and equal keys are an error.
"""

import codecs
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from gaittake.errors import UserError

CORE = "tag:yaml.org,2002:"


class WrittenInt(int):
    """An integer that remembers how the file spells it: a subject named `001` is no 1."""

    text: str

    def __str__(self) -> str:
        """Returns the number as the file spells it."""
        return self.text

    __repr__ = __str__


class WrittenFloat(float):
    """A float that remembers how the file spells it."""

    text: str

    def __str__(self) -> str:
        """Returns the number as the file spells it."""
        return self.text

    __repr__ = __str__


class _Loader(yaml.SafeLoader):
    yaml_implicit_resolvers: dict[Any, Any] = {}  # noqa: RUF012 PyYAML's own attribute


for _tag, _pattern, _first in (
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("bool", r"true|True|TRUE|false|False|FALSE", list("tTfF")),
    ("int", r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+", list("-+0123456789")),
    (
        "float",
        r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?"
        r"|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)",
        list("-+.0123456789"),
    ),
    ("merge", "<<", ["<"]),
):
    _Loader.add_implicit_resolver(CORE + _tag, re.compile(rf"^(?:{_pattern})$"), _first)


def read_yaml(path: Path) -> Any:
    """Returns what a YAML file contains; None if it is empty.

    Raises:
        UserError: the file is not YAML in UTF-8 (or UTF-16 with a mark), or sets a name twice.
    """
    content = path.read_bytes()
    utf16 = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    try:
        text = content.decode("utf-16" if utf16 else "utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise UserError(
            f"{path}: line {line} has a byte that is not UTF-8 (0x{content[error.start]:02x}); "
            "save the file as UTF-8"
        ) from error
    return parse_yaml(text, str(path))


def parse_yaml(text: str, place: str) -> Any:
    """Returns the value of a YAML document; keys are text, numbers remember their spelling.

    Args:
        text: the document.
        place: the start of error messages, for example the file's path.

    Raises:
        UserError: not valid YAML, an unknown tag, or a name that is set twice.
    """
    try:
        node = yaml.compose(text, Loader=_Loader)
        return None if node is None else _value(node, place, "", ())
    except yaml.MarkedYAMLError as error:
        mark, problem = error.problem_mark, error.problem or error.context
        where = f"line {mark.line + 1}: " if mark else ""
        if mark and mark.buffer and mark.buffer[mark.pointer : mark.pointer + 1] == "\t":
            problem = "indent with spaces, not with tabs"
        raise UserError(f"{place}: not valid YAML: {where}{problem}") from error
    except yaml.YAMLError as error:
        raise UserError(f"{place}: not valid YAML: {' '.join(str(error).split())}") from error


def _value(node: Node, place: str, name: str, above: tuple[Node, ...]) -> Any:
    """Returns a node's value; `name` is the full name of the setting, `above` its parents."""
    if node in above:
        raise UserError(f"{place}: line {_line(node)}: '{name}' contains itself")
    inside = (*above, node)
    tag = node.tag.removeprefix(CORE)
    if isinstance(node, MappingNode) and tag == "map":
        return _mapping(node, place, name, inside)
    if isinstance(node, SequenceNode) and tag == "seq":
        return [_value(item, place, name, inside) for item in node.value]
    if isinstance(node, ScalarNode) and tag in ("str", "null", "bool", "int", "float", "merge"):
        try:
            return _scalar(tag, node.value)
        except (ValueError, KeyError) as error:
            raise UserError(f"{place}: line {_line(node)}: '{node.value}' is no {tag}") from error
    shown = node.tag.replace(CORE, "!!")
    raise UserError(f"{place}: line {_line(node)}: remove the tag {shown}; only plain YAML is read")


def _mapping(node: MappingNode, place: str, name: str, above: tuple[Node, ...]) -> dict[str, Any]:
    """Returns a mapping's values; those of `<<` come first, so that its own override them."""
    merged: dict[str, Any] = {}
    own: dict[str, Any] = {}
    lines: dict[str, int] = {}
    for key, value in node.value:
        if not isinstance(key, ScalarNode):
            raise UserError(f"{place}: line {_line(key)}: a name is required before the colon")
        full = f"{name}.{key.value}".lstrip(".")
        if key.value in lines:
            first, second = lines[key.value], _line(key)
            where = (
                f"in line {first} and in line {second}" if first != second else f"in line {first}"
            )
            raise UserError(f"{place}: '{full}' is set twice, {where}; merge the two")
        lines[key.value] = _line(key)
        if key.tag == CORE + "merge":
            for part in _merged(value, place):
                merged = _mapping(part, place, name, (*above, part)) | merged
        else:
            own[key.value] = _value(value, place, full, above)
    return merged | own


def _merged(node: Node, place: str) -> Iterator[MappingNode]:
    """Yields the mappings that `<<` names, the strongest first."""
    for part in node.value if isinstance(node, SequenceNode) else [node]:
        if not isinstance(part, MappingNode):
            raise UserError(f"{place}: line {_line(node)}: '<<' needs a section, as in <<: *name")
        yield part


def _scalar(tag: str, text: str) -> Any:
    if tag == "null":
        return None
    if tag == "bool":
        return {"true": True, "false": False}[text.lower()]
    if tag == "int":
        written = WrittenInt(text, 0 if re.match("0[ox]", text) else 10)
        written.text = text
        return written
    if tag == "float":
        number = WrittenFloat(re.sub(r"\.(?=inf|nan)", "", text.lower()))
        number.text = text
        return number
    return text


def _line(node: Node) -> int:
    return int(node.start_mark.line) + 1
