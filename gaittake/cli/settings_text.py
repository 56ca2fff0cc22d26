"""All settings of a dataset as YAML that explains itself."""

import json
from collections.abc import Iterator
from typing import Any

from gaittake.settings import Section, Settings

INDENT = "  "


def settings_text(settings: Settings) -> str:
    """Returns the settings as YAML; the comments say what each means and what the default is."""
    return "\n".join(_section(settings, 0))


def _section(section: Section, depth: int) -> Iterator[str]:
    indent = INDENT * depth
    for name, field in type(section).model_fields.items():
        value = getattr(section, name)
        if isinstance(value, Section):
            yield f"{indent}{name}:"
            yield from _section(value, depth + 1)
        elif name == "methods":
            yield f"{indent}{name}:  # rows of the table, with what differs from model and train"
            for method, choice in value.items():
                yield f"{indent}{INDENT}{method}: {_plain(choice.model_dump(mode='json'))}"
        else:
            notes = [field.description] if field.description else []
            if not field.is_required() and value != field.get_default():
                notes.append(f"DIFFERS from the default {_plain(_json(field.get_default()))}")
            comment = f"  # {'; '.join(notes)}" if notes else ""
            yield f"{indent}{name}: {_plain(_json(value))}{comment}"


def _json(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_json(item) for item in value]
    if isinstance(value, dict):
        return {name: _json(item) for name, item in value.items()}
    return value if isinstance(value, str | int | float | bool | None) else str(value)


def _plain(value: Any) -> str:
    """Returns a value on one line; JSON is YAML too."""
    return json.dumps(value, ensure_ascii=False)
