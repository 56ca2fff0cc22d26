"""CASIA-E's layout: silhouettes `001/H/scene1/nm/000/1/*.jpg`, one folder per unpacked archive."""

import re

from gaittake.sequence import Identity
from gaittake.sources import tree
from gaittake.sources.levels import Levels, Name


def _key(names: tuple[str, ...]) -> tree.Key:
    """Returns type and view, named as OpenGait names them: `H-scene1-nm-1`, `000`."""
    height, scene, condition, view, number = names
    return tree.Key(f"{height}-{scene}-{condition}-{number}", view)


LEVELS = Levels(
    subject=Name(re.compile(r"\d{3,4}"), "001"),
    below=(
        Name(re.compile(r"[HL]"), "H or L"),
        Name(re.compile(r"scene(?:[12]|3(?:_s)?)"), "scene1"),
        Name(re.compile(r"nm|bg|cl"), "nm, bg or cl"),
        Name(re.compile(r"\d{3}"), "a view, as 000"),
        Name(re.compile(r"[12]"), "1 or 2"),
    ),
    key=_key,
)
_PLACE = re.compile(
    "/".join(f"({name.pattern.pattern})" for name in (LEVELS.subject, *LEVELS.below))
    + r"(?:[/#]|$)"
)


def identity_at(path: str) -> Identity | None:
    """Returns the sequence whose folder is, or holds, a path; None if it is none of this layout."""
    found = _PLACE.search(path)
    return None if found is None else (found[1], *_key(found.groups()[1:]))
