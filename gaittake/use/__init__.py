"""Use of a trained model: one file, from silhouettes to a distance and what it means."""

from enum import StrEnum


class Silhouettes(StrEnum):
    """Content of a sequence's files: masks, or colour frames and how to segment them."""

    MASKS = "masks"
    PEOPLE = "people"
    BACKGROUND = "background"
    MASKRCNN = "maskrcnn"


class Masks(StrEnum):
    """Which pixels of a mask are the person, as the setting `source.masks`."""

    AUTO = "auto"
    BRIGHT = "bright"
    DARK = "dark"
    ALPHA = "alpha"
    NONZERO = "nonzero"
