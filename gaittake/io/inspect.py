"""A text summary of one of the pipeline's HDF5 files."""

from collections.abc import Iterator
from pathlib import Path

import h5py
import pandas as pd

from gaittake.io.ragged import RaggedFile, open_ragged, read_attributes

MEGABYTE = 1e6
LONGEST = 100


def inspection(path: Path) -> str:
    """Returns a summary of a file: its attributes, arrays and sequences.

    Raises:
        UserError: not a file of the pipeline, incomplete, or of another schema.
    """
    with open_ragged(path, kind=_kind(path)) as opened:
        return "\n".join([f"{path}", *_attributes(opened), *_arrays(opened), *_sequences(opened)])


def _kind(path: Path) -> str:
    """Returns the file's kind, or `gaittake` if unknown: `open_ragged` raises the error."""
    try:
        with h5py.File(path, "r", locking=False) as file:
            return str(read_attributes(file).get("kind", "gaittake"))
    except (OSError, RuntimeError):
        return "gaittake"


def _attributes(opened: RaggedFile) -> Iterator[str]:
    for name, value in sorted(opened.attributes.items()):
        if name != "complete":
            text = str(value)
            yield f"  {name}: {text if len(text) <= LONGEST else text[:LONGEST] + '…'}"


def _arrays(opened: RaggedFile) -> Iterator[str]:
    for name, array in sorted(opened.arrays.items()):
        stored, raw = array.id.get_storage_size(), array.size * array.dtype.itemsize
        share = f", {stored / raw:.0%}" if raw else ""
        yield (
            f"  array {name}: {array.dtype}{list(array.shape)}, stored in "
            f"{stored / MEGABYTE:.2f} of {raw / MEGABYTE:.2f} MB{share}"
        )


def _sequences(opened: RaggedFile) -> Iterator[str]:
    table = opened.sequences
    if table.empty:
        yield "  0 sequences"
        return
    frames = table["frame_count"]
    yield f"  {len(table)} sequences of {table['subject'].nunique()} subjects"
    yield (
        f"  {frames.sum()} frames, {frames.min()} to {frames.max()} in a sequence, "
        f"median {frames.median():g}"
    )
    for column in ("type", "view", "subject"):
        yield f"  sequences by {column}: {_counts(table[column])}"


def _counts(column: pd.Series) -> str:
    """Returns the count of each value, or for more than 20 values the extremes of their counts."""
    counts = column.value_counts().sort_index()
    if len(counts) > 20:
        return f"{len(counts)} values, {counts.min()} to {counts.max()} sequences each"
    return ", ".join(f"{value} {count}" for value, count in counts.items())
