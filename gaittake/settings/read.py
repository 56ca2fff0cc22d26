"""Reads a dataset's YAML file; each mistake in it becomes one line."""

import re
from collections.abc import Iterator
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from gaittake.errors import UserError
from gaittake.settings.dataset import Settings
from gaittake.settings.methods import Method
from gaittake.settings.parse import parse_yaml, read_yaml
from gaittake.settings.partition import with_partition
from gaittake.settings.preset import with_preset
from gaittake.settings.section import DATASET, Section

# A dataset that borrows networks takes these from the lender's file, unless its own sets them.
LENT = ("align", "model", "size", "train", "methods", "tables", "seeds")
ENDINGS = (".yaml", ".yml")
# pydantic's error types in the words of this project.
NEEDED = {
    "tuple_type": "a list is required, for example [a, b]",
    "list_type": "a list is required, for example [a, b]",
    "dict_type": "names with values are required: {name: value}",
    "model_type": "names with values are required: {name: value}",
    "string_type": "text is required",
    "int_type": "a whole number is required",
    "int_parsing": "a whole number is required",
    "int_from_float": "a whole number is required",
    "float_type": "a number is required",
    "float_parsing": "a number is required",
    "finite_number": "a finite number is required",
    "bool_type": "true or false is required",
    "bool_parsing": "true or false is required",
    "path_type": "a path is required",
    "missing": "a value is required here",
    "too_short": "at least {min_length} is required",
}
LONGEST = 80  # characters shown of a wrong value


def load_settings(path: Path, overrides: tuple[str, ...] = ()) -> Settings:
    """Returns the validated settings of a dataset's YAML file, whose name is the dataset's.

    Args:
        path: for example `config/casiab.yaml`; the ending `.yml` is found as well.
        overrides: `section.field=value` each, with a value in YAML; they replace the file's.

    Raises:
        UserError: the file is missing or not YAML, a setting is unknown, a value is wrong, or
            the partition cannot be read.
    """
    content, path = _read(path)
    for override in overrides:
        if re.match(r"\s*networks_from\s*=", override):  # which decides what the others change
            _override(content, override)
    lender = content.get("networks_from")
    if lender is not None and re.fullmatch(DATASET, str(lender)) and str(lender) != path.stem:
        lent = with_preset(_read(path.with_name(f"{lender}.yaml"))[0])
        content = {name: lent[name] for name in LENT if name in lent} | content
    for override in overrides:
        _override(content, override)
    if content.get("dataset", path.stem) != path.stem:
        raise UserError(f"{path}: remove 'dataset'; the file's name is the dataset's name")
    content = with_partition(content)
    try:
        return Settings.model_validate(content | {"dataset": path.stem})
    except ValidationError as error:
        raise UserError(f"{path}: {describe(error)}") from error


def split_changes(given: object) -> list[str]:
    """Returns the changes in a text, `a.b=1 c.d=two words`: each begins with `name=`.

    Args:
        given: the text, a list of texts, or None. Snakemake reads the value of `--config set=…` as
            YAML, so it may arrive as anything else.

    Raises:
        UserError: it is something else, for example a mapping, which has lost a part of the text.
    """
    if isinstance(given, list):
        return [change for item in given for change in split_changes(item)]
    if isinstance(given, dict):
        found = ", ".join(f"{name}: {value}" for name, value in given.items())
        raise UserError(
            f"--config set={found}: Snakemake splits it at the colon; name each field, for example "
            "model.temporal=max, or set the value in config/NAME.yaml"
        )
    if given is not None and not isinstance(given, str):
        raise UserError(
            f"--config set={given}: section.field=value is required, for example train.steps=1000"
        )
    text = (given or "").strip()
    return re.split(r"\s+(?=[\w.]+\s*=)", text) if text else []


def _read(path: Path) -> tuple[dict[str, Any], Path]:
    """Returns what a settings file contains, and its path with the ending that it has."""
    files = sorted(p for p in path.parent.glob("*") if p.suffix.lower() in ENDINGS)
    found = [p for p in files if p.stem == path.stem and p.is_file()]
    if not found:
        known = ", ".join(dict.fromkeys(p.stem for p in files))
        if not known:
            raise UserError(
                f"{path}: there is no such settings file, and {path.parent.absolute()} has none. "
                "Run the command in the project's folder, or set snakemake --directory"
            )
        raise UserError(
            f"{path}: there is no such settings file; datasets there: {known}. "
            "See config/README.md."
        )
    if len(found) > 1:
        both = " and ".join(p.name for p in found)
        raise UserError(f"{path.parent}: {both} describe one dataset; remove or rename one")
    content = read_yaml(found[0])
    if not isinstance(content, dict | None):
        raise UserError(
            f"{found[0]}: names and values are required (name: value), found {_shown(content)}"
        )
    return content or {}, found[0]


def describe(error: ValidationError) -> str:
    """Returns a validation error as one line: each setting, what it needs, what was found."""
    found = error.errors()
    # A list whose items are all wrong counts as empty, too: the items say it.
    wrong = {item["loc"][:-1] for item in found}
    return "; ".join(
        _described(item)
        for item in found
        if not (item["type"] == "too_short" and item["loc"] in wrong)
    )


def _described(item: ErrorDetails) -> str:
    name = ".".join(str(part) for part in item["loc"])
    if item["type"] == "extra_forbidden":
        common = re.sub(r"^methods\.\w+\.(?=train\.)", "", name)
        near = get_close_matches(common, list(names(Settings)), n=1, cutoff=0.8)
        hint = f" (did you mean '{near[0]}'?)" if near else ""
        return f"'{name}' is not a setting; `gaittake config` prints all settings{hint}"
    message = NEEDED.get(item["type"], item["msg"].removeprefix("Value error, "))
    message = message.replace("{min_length}", str(item.get("ctx", {}).get("min_length")))
    message = message.replace("Input should be", "it must be")
    if item["type"] == "value_error" and isinstance(item["input"], dict | list | tuple):
        return f"'{name}': {message}" if name else message  # which names what is wrong
    return f"'{name}': {message}, found {_shown(item['input'])}"


def _shown(value: Any) -> str:
    """Returns a wrong value on one line, as YAML spells true, false and null."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    text = repr(value)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"


def names(section: type[Section], place: str = "") -> Iterator[str]:
    """Yields the full name of every setting of a section: `seed`, `train`, `train.steps`, …"""
    for name, field in section.model_fields.items():
        yield place + name
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, Section):
            yield from names(kind, f"{place}{name}.")


def _override(content: dict[str, Any], override: str) -> None:
    """Puts the value of one `section.field=value` into the content of a file."""
    name, equals, value = override.partition("=")
    *parents, field = (part.strip() for part in name.split("."))
    if not equals or not field or not all(parents):
        raise UserError(
            f"--set {override}: section.field=value is required, for example train.steps=1000"
        )
    if parents[:1] == ["methods"] and content.get("methods") is None:
        usual: dict[str, Method] = Settings.model_fields["methods"].default
        content["methods"] = {
            name: method.model_dump(exclude_unset=True) for name, method in usual.items()
        }
    for parent in parents:
        if content.get(parent) is None:
            content[parent] = {}
        content = content[parent]
        if not isinstance(content, dict):
            raise UserError(f"--set {override}: '{parent}' is a value, not a section")
    content[field] = parse_yaml(value, f"--set {override}")
