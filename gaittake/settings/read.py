"""Settings from a dataset's YAML, and what is wrong with it in one line."""

from collections.abc import Iterator
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from gaittake.errors import UserError
from gaittake.settings.dataset import Settings
from gaittake.settings.section import Section

# What a dataset that borrows networks need not say again: it is as in the lender's file.
LENT = ("align", "model", "size", "train", "methods", "tables", "seeds")


def load_settings(path: Path, overrides: tuple[str, ...] = ()) -> Settings:
    """Returns the validated settings of a dataset's YAML; the dataset's name is the file's stem.

    Args:
        path: for example `config/casiab.yaml`.
        overrides: `section.field=value` each, value in YAML, applied on top.

    Raises:
        UserError: no such file, not YAML, an unknown setting or a value out of range.
    """
    content = _read(path)
    lender = content.get("networks_from")
    if isinstance(lender, str) and lender != path.stem:
        lent = _read(path.with_name(f"{lender}.yaml"))
        content = {name: lent[name] for name in LENT if name in lent} | content
    for override in overrides:
        _override(content, override)
    try:
        return Settings.model_validate({"dataset": path.stem} | content)
    except ValidationError as error:
        raise UserError(f"{path}: {describe(error)}") from error


def _read(path: Path) -> dict[str, Any]:
    """Returns what a YAML file says."""
    if not path.is_file():
        known = ", ".join(sorted(p.stem for p in path.parent.glob("*.yaml"))) or "none"
        raise UserError(
            f"{path}: there is no such settings file; datasets there: {known}. "
            "config/README.md says how to write one."
        )
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: not valid YAML: {' '.join(str(error).split())}") from error
    if not isinstance(content, dict):
        raise UserError(f"{path}: names and values are needed (name: value), found {content!r}")
    return content


def describe(error: ValidationError) -> str:
    """Returns a validation error as one line: each setting, what is wrong, what was found."""
    lines = []
    for item in error.errors():
        name = ".".join(str(part) for part in item["loc"])
        if item["type"] == "extra_forbidden":
            near = get_close_matches(name, list(names(Settings)), n=1, cutoff=0.8)
            hint = f" (did you mean '{near[0]}'?)" if near else ""
            lines.append(
                f"'{name}' is not a setting; `gaittake config` prints those there are{hint}"
            )
        else:
            lines.append(f"'{name}': {item['msg']}, found {item['input']!r}")
    return "; ".join(lines)


def names(section: type[Section], place: str = "") -> Iterator[str]:
    """Yields the full name of every setting of a section: `seed`, `train`, `train.steps`, …"""
    for name, field in section.model_fields.items():
        yield place + name
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, Section):
            yield from names(kind, f"{place}{name}.")


def _override(content: dict[str, Any], override: str) -> None:
    name, equals, value = override.partition("=")
    if not equals or not name:
        raise UserError(f"--set {override}: section.field=value is needed, e.g. train.steps=1000")
    *parents, field = name.split(".")
    for parent in parents:
        content = content.setdefault(parent, {})
        if not isinstance(content, dict):
            raise UserError(f"--set {override}: '{parent}' is a value, not a section")
    try:
        content[field] = yaml.safe_load(value)
    except yaml.YAMLError as error:
        raise UserError(f"--set {override}: the value is not valid YAML") from error
