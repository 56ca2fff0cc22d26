"""Frame rates of recordings beside the one that a model learnt from. Pure functions."""

import shlex
from collections.abc import Mapping
from pathlib import PurePath

from gaittake.use.about import About

# Factor between two rates up to which they count as the same. Of 28 rendered probes, GaitTAKE that
# learnt from 15 frames per second finds 57 % at 12, 61 % at 15, 54 % at 19, 36 % at 22 and at 30.
NEAR = 1.25
SHOWN = 3  # names of sequences in a warning


def rate_warnings(rates: Mapping[str, float | None], about: About) -> list[str]:
    """Returns what is wrong with the frame rates of sequences, at most a line of each kind.

    Nothing is wrong if the model's rate is unknown, or if its embeddings do not depend on rates.

    Args:
        rates: frames per second by the name of the sequence; None: unknown.
        about: of the model.
    """
    needed = about.fps
    if needed is None:
        return []
    known = {name: rate for name, rate in rates.items() if rate is not None}
    faster = {name: rate for name, rate in known.items() if rate > NEAR * needed}
    slower = {name: rate for name, rate in known.items() if rate * NEAR < needed}
    unknown = [name for name in rates if name not in known]
    lines = []
    if faster:
        command = _conversion(next(iter(faster)), needed)
        advice = f"convert each to {needed:.4g}, for example: {command}"
        lines.append(f"{_differing(faster, needed)}; {advice}")
    if slower:
        advice = f"record at {needed:.4g}, or use a model of that rate"
        lines.append(f"{_differing(slower, needed)}; {advice}")
    if unknown:
        lines.append(
            f"{_names(unknown)}: images have no frame rate; the model learnt from {needed:.4g} "
            "frames per second, and is less reliable at others"
        )
    return lines


def _differing(rates: Mapping[str, float], needed: float) -> str:
    least, most = (f"{bound(rates.values()):.4g}" for bound in (min, max))
    found = least if least == most else f"{least} to {most}"
    return (
        f"{_names(list(rates))}: {found} frames per second, but the model learnt from "
        f"{needed:.4g}, so it is less reliable"
    )


def _names(names: list[str]) -> str:
    more = len(names) - SHOWN
    return ", ".join(names[:SHOWN]) + (f" and {more} more" if more > 0 else "")


def _conversion(name: str, needed: float) -> str:
    """Returns a command that writes a copy of a video with fewer frames."""
    path = PurePath(name)
    made = path.with_name(f"{path.stem}-{needed:.4g}fps.mp4")
    return shlex.join(["ffmpeg", "-i", name, "-r", f"{needed:.4g}", str(made)])
