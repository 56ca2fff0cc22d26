"""Training and test subjects from OpenGait's partition file."""

from pathlib import Path
from typing import Any

from gaittake.errors import UserError
from gaittake.io.tables import read_json
from gaittake.settings.section import expanded

SETS = {"train_subjects": "TRAIN_SET", "test_subjects": "TEST_SET"}


def with_partition(content: dict[str, Any]) -> dict[str, Any]:
    """Returns what a file sets, with the subjects of its `source.partition`.

    Raises:
        UserError: the partition is not readable, or the file names the subjects as well.
    """
    source = content.get("source")
    named = source.get("partition") if isinstance(source, dict) else None
    if not isinstance(named, str):
        return content
    protocol = content.get("protocol") or {}
    both = sorted(SETS.keys() & protocol.keys()) if isinstance(protocol, dict) else []
    if both:
        raise UserError(
            f"source.partition and protocol.{both[0]}: both name subjects; remove one of the two"
        )
    if not isinstance(protocol, dict):
        return content
    try:
        path = Path(expanded(named))
    except ValueError as error:
        raise UserError(f"source.partition: {error}") from error
    subjects = read_partition(path)
    return content | {"protocol": protocol | subjects}


def read_partition(path: Path) -> dict[str, list[str]]:
    """Returns `train_subjects` and `test_subjects` of a partition file.

    Raises:
        UserError: not JSON, or without lists of names `TRAIN_SET` and `TEST_SET`.
    """
    found = read_json(path)
    for name in SETS.values():
        names = found.get(name) if isinstance(found, dict) else None
        if not isinstance(names, list) or not all(isinstance(each, str) for each in names):
            raise UserError(
                f"{path}: '{name}' is not a list of names; a partition of OpenGait is "
                '{"TRAIN_SET": ["001"], "TEST_SET": ["075"]}'
            )
    return {field: found[name] for field, name in SETS.items()}
