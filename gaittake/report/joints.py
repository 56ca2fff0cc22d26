"""Errors of the keypoints: by joint, and how often left and right are swapped, by view."""

from collections.abc import Mapping
from typing import Any

from markupsafe import Markup

from gaittake.keypoints import NAMES
from gaittake.report.bars import Bar, bar_chart
from gaittake.report.html import figure
from gaittake.sequence import view_title

SIDES = (("left_", "left", "--left"), ("right_", "right", "--right"))
NO_SIDE = "--faint"


def joints_figure(quality: Mapping[str, Any], title: str) -> Markup:
    """Returns the errors by joint, and the swapped sides by view, of one comparison.

    Args:
        quality: of the comparison, from `quality.json`.
        title: what is compared with what.
    """
    swaps = quality["swaps"]
    views = [
        (view_title(view), [Bar(_percent(found["swapped"]), _told(view, found), "--c0")])
        for view, found in sorted(quality["swaps_by_view"].items())
    ]
    charts = [
        bar_chart("Error by joint", _joints(quality["error_by_keypoint"]), unit="% of body height"),
        bar_chart("Left and right swapped, by view", views, unit="%"),
    ]
    share = "–" if swaps["swapped"] is None else f"{100 * swaps['swapped']:.1f} %"
    caption = (
        f"{title[0].upper()}{title[1:]}. Error: median distance of the visible keypoints, in % of "
        "the body height; orange: left, blue: right. Swapped: pairs of a left and a right keypoint "
        "that each lie nearer to the other's true place, in %; only pairs more than 5 % of the "
        f"body height apart count. All views: {share} of {swaps['pairs']:,} pairs."
    )
    return figure(charts, caption)


def _joints(errors: Mapping[str, float | None]) -> list[tuple[str, list[Bar]]]:
    """Returns a row for each joint, with the bars of its sides."""
    rows: dict[str, list[Bar]] = {}
    for name in NAMES:
        joint, side, colour = name, "", NO_SIDE
        for start, word, of_side in SIDES:
            if name.startswith(start):
                joint, side, colour = name.removeprefix(start), word, of_side
        bar = Bar(_percent(errors[name]), f"{side} {joint}".strip(), colour)
        rows.setdefault(joint, []).append(bar)
    return list(rows.items())


def _told(view: str, found: Mapping[str, Any]) -> str:
    return f"{view_title(view)}, {found['pairs']:,} pairs"


def _percent(share: float | None) -> float | None:
    return None if share is None else 100 * share
