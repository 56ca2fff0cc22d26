"""CCPG's layout: silhouettes `000/U0_D0_BG/00_…/*.png`: upper and lower clothes, camera."""

import re

from gaittake.sources.levels import Levels, Name

LEVELS = Levels(
    subject=Name(re.compile(r"\d{3}"), "000"),
    below=(
        Name(re.compile(r"U\d_D\d(?:_BG)?"), "U0_D0_BG"),
        Name(re.compile(r"\d{2}(?:_.+)?"), "00_…"),
    ),
)
