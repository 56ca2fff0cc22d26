"""Gait3D's layout: silhouettes `0000/camid0_videoid2/seq0/*.png` in `2D_Silhouettes`."""

import re

from gaittake.sources.levels import Levels, Name

SUBJECT = Name(re.compile(r"\d{4}"), "0000")
LEVELS = Levels(
    subject=SUBJECT,
    below=(
        Name(re.compile(r"camid\d+_videoid\d+"), "camid0_videoid2"),
        Name(re.compile(r"seq\d+"), "seq0"),
    ),
)
