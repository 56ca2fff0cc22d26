"""Checks that colour frames and silhouettes have the same size."""

from gaittake.errors import UserError
from gaittake.io.frames import colour_size, describe_sizes, mask_size
from gaittake.sequence import Sequence

SAMPLE = 4  # sequences of a shard


def check_sizes(found: list[Sequence]) -> None:
    """Compares the sizes in some sequences of a shard; single ones are left to `pseudo-label`.

    Raises:
        UserError: none of them has colour frames of its silhouettes' size, or none can be read.
    """
    recorded = [(row, row.video) for row in found if row.video is not None]
    sample = recorded[:: max(1, len(recorded) // SAMPLE)][:SAMPLE]
    sizes = [(row, colour_size(video), mask_size(row.silhouettes)) for row, video in sample]
    pairs = [(row, colour, mask) for row, colour, mask in sizes if mask is not None]
    if not pairs:
        return
    row, colour, mask = pairs[0]
    remedy = (
        "set source.videos to the recordings that the silhouettes were made from, or to [] where "
        "pose.student_from lends the student"
    )
    if all(colour is None for _, colour, _ in pairs):
        raise UserError(
            f"{row.video}: no frame can be decoded, nor of {len(pairs) - 1} more videos looked at; "
            f"convert them, for example to H.264, or {remedy}"
        )
    if all(colour is not None and colour != mask for _, colour, mask in pairs):
        both = describe_sizes(colour, mask)
        raise UserError(
            f"{row.name}: colour frames and silhouettes differ in size: {both}; "
            f"the same holds for {len(pairs) - 1} more sequences looked at; {remedy}"
        )
