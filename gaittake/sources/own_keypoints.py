"""Which file or folder has the keypoints of a sequence, in datasets that have keypoints."""

from collections.abc import Callable
from pathlib import Path

from gaittake.sequence import Reject, Sequence
from gaittake.sources import tree
from gaittake.sources.tree import Folders

Locate = Callable[[Sequence, Path], Path]


def with_keypoints(
    found: list[Sequence], locate: Locate, roots: Folders, rejects: list[Reject]
) -> list[Sequence]:
    """Returns the sequences with the path of their keypoints; those without go to `rejects`.

    Args:
        found: a shard's sequences.
        locate: returns where a sequence's keypoints are in a folder of `roots`.
        roots: folders of keypoints.
        rejects: receives sequences without keypoints.
    """
    kept = []
    for row in found:
        paths = [locate(row, root) for root in roots]
        path = next((path for path in paths if path.exists()), None)
        if path is None:
            rejects.append(Reject(tree.STAGE, str(row.silhouettes), "no keypoints of the sequence"))
        else:
            kept.append(row._replace(keypoints=path))
    return kept


def at_its_name(row: Sequence, root: Path) -> Path:
    """Returns `subject/type/view` (Gait3D's `2D_Poses`)."""
    return root / row.subject / row.type / row.view


def beside_silhouettes(row: Sequence, _: Path) -> Path:
    """Returns the folder of the silhouettes (GREW)."""
    return row.silhouettes


def at_view_and_sequence(row: Sequence, root: Path) -> Path:
    """Returns `00001/090_01` (OUMVLP-Pose)."""
    return root / row.subject / f"{row.view}_{row.type.rpartition('-')[2]}"
