"""The subjects and lists of sequences of OpenGait's partition file."""

from pathlib import Path
from typing import Any

from gaittake.errors import UserError
from gaittake.io.tables import read_json
from gaittake.protocol import read_partition
from gaittake.settings.section import expanded


def with_partition(content: dict[str, Any]) -> dict[str, Any]:
    """Returns what a file sets, with the lists of its `source.partition` in the protocol.

    Raises:
        UserError: the partition is not readable, or the file has other subjects of its own.
    """
    source, protocol = content.get("source"), content.get("protocol") or {}
    named = source.get("partition") if isinstance(source, dict) else None
    if not isinstance(named, str) or not isinstance(protocol, dict):
        return content  # not set, or refused as it is
    try:
        path = Path(expanded(named))
    except ValueError as error:
        raise UserError(f"source.partition: {error}") from error
    if not path.is_file():
        raise UserError(
            f"{path}: no such file; source.partition names the dataset's JSON of OpenGait, "
            "datasets/*/*.json in its repository; put it there, or set its path"
        )
    found = read_partition(read_json(path), str(path))
    lists = {"train_subjects": found.train, "test_subjects": found.test}
    for field, names in lists.items():
        if field in protocol and protocol[field] != list(names):
            raise UserError(
                f"source.partition and protocol.{field}: both name subjects; remove one of the two"
            )
    lists |= {"listed_gallery": found.gallery, "listed_probes": found.probes}
    return content | {"protocol": {field: list(names) for field, names in lists.items()} | protocol}
