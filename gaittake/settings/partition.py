"""Training and test subjects, and lists of sequences, from OpenGait's partition file."""

from pathlib import Path
from typing import Any

from gaittake.errors import UserError
from gaittake.io.tables import read_json
from gaittake.protocol import read_partition
from gaittake.settings.section import expanded

# Of the protocol, in the order of `gaittake.protocol.Partition`.
FIELDS = ("train_subjects", "test_subjects", "listed_probes", "listed_gallery")


def with_partition(content: dict[str, Any]) -> dict[str, Any]:
    """Returns what a file sets, with the subjects and lists of its `source.partition`.

    Raises:
        UserError: the partition is not readable, or the file names the subjects as well.
    """
    source = content.get("source")
    named = source.get("partition") if isinstance(source, dict) else None
    if not isinstance(named, str):
        return content
    protocol = content.get("protocol") or {}
    both = sorted({*FIELDS[:2]} & protocol.keys()) if isinstance(protocol, dict) else []
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
    found = read_partition(read_json(path), str(path))
    # What the protocol lists itself comes before the file's lists.
    return content | {"protocol": dict(zip(FIELDS, map(list, found), strict=True)) | protocol}
