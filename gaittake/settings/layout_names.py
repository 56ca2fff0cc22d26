"""The names that the folders of a layout have."""

import re

from gaittake.sequence import condition_of
from gaittake.settings.protocol import Protocol, check_fixed_types

# What folders are called in the layouts that fix it.
SUBJECTS = {
    "casiab": (r"\d{3}", "001"),
    "oumvlp": (r"\d{5}", "00001"),
    "walkers": (r"(?!0+$)\d+", "001"),  # unless they are recorded
}
CONDITIONS = {"casiab": ("nm", "bg", "cl"), "oumvlp": ("nm",), "walkers": ("nm", "bg", "cl")}
# Layouts whose types are a condition and a number, as nm-01.
FIXED_TYPES = ("walkers", "casiab", "oumvlp", "folder")
RECORDED = "recorded"  # in place of the test subjects' names: those of walkers.recorded


def check_names(layout: str, protocol: Protocol, *, recorded: bool) -> None:
    """Checks that the folders of a layout can have the names of a protocol.

    Args:
        layout: of the dataset.
        protocol: its subjects and types.
        recorded: whether recorded people are rendered, who may have any name.

    Raises:
        ValueError: a subject, type or condition that they never have.
    """
    if layout in FIXED_TYPES:
        check_fixed_types(protocol)
    if layout in SUBJECTS and not recorded:
        pattern, example = SUBJECTS[layout]
        for name in protocol.named_subjects():
            if not re.fullmatch(pattern, name) and name != RECORDED:
                raise ValueError(
                    f"protocol: subject '{name}' cannot be in source.layout '{layout}', which "
                    f"names them as {example}"
                )
    if layout in CONDITIONS:
        for condition in map(condition_of, protocol.types(named=True)):
            if condition not in CONDITIONS[layout]:
                raise ValueError(
                    f"protocol: condition '{condition}' cannot be in source.layout '{layout}', "
                    f"which has {', '.join(CONDITIONS[layout])}"
                )
    tested = protocol.test_subjects
    if layout == "walkers" and RECORDED in tested and tested != (RECORDED,):
        raise ValueError("protocol.test_subjects: 'recorded' must be the only entry")
