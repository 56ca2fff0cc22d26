"""A trained model on one's own people: one file, from silhouettes to a distance and its meaning."""

from enum import StrEnum


class Silhouettes(StrEnum):
    """What the files of a walk show, and so how its masks are had."""

    MASKS = "masks"
    BACKGROUND = "background"
    MASKRCNN = "maskrcnn"
