"""Prints all settings of a dataset as commented YAML."""

import json
from collections.abc import Iterator
from typing import Any

from gaittake.settings.dataset import Settings
from gaittake.settings.section import Section

INDENT = "  "
LEGEND = """\
# Each comment: meaning and unit; source of the value; the default, if the value DIFFERS from it.
# PAPER: its section, table or equation. ASSUME: the paper does not say; whose choice it is.
# project default: the paper does not cover this setting. yours: depends on your data."""


def settings_text(settings: Settings) -> str:
    """Returns the settings as YAML, with the meaning, source and default of each as a comment."""
    return "\n".join([LEGEND, *_section(settings, 0)])


def _section(section: Section, depth: int) -> Iterator[str]:
    indent = INDENT * depth
    for name, field in type(section).model_fields.items():
        value = getattr(section, name)
        notes = [field.description] if field.description else []
        if isinstance(value, Section):
            heading = (type(value).__doc__ or "").splitlines()[0].rstrip(".")
            yield f"{indent}{name}:  # {'; '.join([heading, *notes])}"
            yield from _section(value, depth + 1)
            continue
        if not field.is_required() and value != field.get_default():
            notes.append(f"DIFFERS from the default {_plain(field.get_default())}")
        comment = f"  # {'; '.join(notes)}"
        if isinstance(section, Settings) and name == "methods":
            yield f"{name}:{comment}"
            yield from _methods(section)
        else:
            yield f"{indent}{name}: {_plain(value)}{comment}"


def _methods(settings: Settings) -> Iterator[str]:
    """Yields the methods, with their resolved differences from `model` and `train`."""
    for name, method in settings.methods.items():
        yield f"{INDENT}{name}: {_plain(method)}"
        for part, common, own in (
            ("model", settings.model, settings.method_model(name)),
            ("train", settings.train, settings.method_train(name)),
        ):
            usual = common.model_dump()
            differing = {k: v for k, v in own.model_dump().items() if usual.get(k) != v}
            if differing and method.learns:
                yield f"{INDENT * 2}# {part}, resolved: {_plain(differing)}"


def _plain(value: Any) -> str:
    """Returns a value on one line, as JSON, which is valid YAML."""
    return json.dumps(_json(value), ensure_ascii=False)


def _json(value: Any) -> Any:
    if isinstance(value, Section):
        return value.model_dump(mode="json")
    if isinstance(value, tuple):
        return [_json(item) for item in value]
    if isinstance(value, dict):
        return {name: _json(item) for name, item in value.items()}
    return value if isinstance(value, str | int | float | bool | None) else str(value)
