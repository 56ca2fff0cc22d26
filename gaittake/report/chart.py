"""Line charts and heat maps as SVG, drawn with the page's own colours and type."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from gaittake.report.html import Markup, join, tag

WIDTH, HEIGHT = 340.0, 246.0
LEFT, RIGHT, TOP, BOTTOM = 42.0, 10.0, 26.0, 40.0
MOST_CELL = 46.0
COLOURS = 6
DASHES = ("6 3", "none", "2 3", "9 3 2 3", "1 2", "4 2 1 2")
DARK = 0.65  # share of the heat above which a number is written in the paper's colour


class Line(NamedTuple):
    """A line of a chart.

    Attributes:
        name: as the legend has it.
        x: `[n]`, ascending.
        y: `[n]`.
        style: number of its colour and dash.
        band: lower and upper end at each x, or None.
    """

    name: str
    x: Sequence[float]
    y: Sequence[float]
    style: int
    band: tuple[Sequence[float], Sequence[float]] | None = None


class Axis(NamedTuple):
    """One axis of a chart.

    Attributes:
        label: what it shows, with the unit.
        low: its first value.
        high: its last value.
        log: in powers of ten.
    """

    label: str
    low: float
    high: float
    log: bool = False

    def share(self, value: float) -> float:
        """Returns where a value lies between both ends, 0…1."""
        low, high = self.low, self.high
        if self.log:
            low, high, value = np.log10(low), np.log10(high), np.log10(value)
        return float(np.clip((value - low) / ((high - low) or 1), 0, 1))

    def ticks(self) -> list[float]:
        """Returns some round values."""
        if self.log:
            first, last = (round(np.log10(end)) for end in (self.low, self.high))
            return [10.0**power for power in range(first, last + 1)]
        rough = (self.high - self.low) / 4 or 1
        power = 10.0 ** np.floor(np.log10(rough))
        step = next(power * factor for factor in (1, 2, 2.5, 5, 10) if power * factor >= rough)
        first = np.ceil(self.low / step - 1e-9)
        return [float(v) + 0.0 for v in np.arange(first, self.high / step + 1e-9) * step]


def line_chart(title: str, lines: Sequence[Line], x: Axis, y: Axis) -> Markup:
    """Returns a chart; its alternative text says where each line begins and ends."""
    told = "; ".join(f"{item.name} from {item.y[0]:.3g} to {item.y[-1]:.3g}" for item in lines)
    return tag(
        "svg",
        *_frame(title, x, y),
        *(_line(item, x, y) for item in lines),
        viewBox=f"0 0 {WIDTH:g} {HEIGHT:g}",
        role="img",
        aria_label=f"{title}: {y.label} over {x.label}. {told}",
    )


def _across(axis: Axis, value: float) -> float:
    return LEFT + axis.share(value) * (WIDTH - LEFT - RIGHT)


def _up(axis: Axis, value: float) -> float:
    return HEIGHT - BOTTOM - axis.share(value) * (HEIGHT - TOP - BOTTOM)


def _frame(title: str, x: Axis, y: Axis) -> list[Markup]:
    floor = HEIGHT - BOTTOM
    upwards = tag("text", y.label, x=WIDTH - RIGHT, y=14, text_anchor="end", class_="soft")
    parts = [tag("text", title, x=LEFT, y=14, class_="title"), upwards]
    for value in y.ticks():
        at = _up(y, value)
        parts.append(tag("line", x1=LEFT, x2=WIDTH - RIGHT, y1=at, y2=at, class_="gridline"))
        number = tag("text", f"{value:g}", x=LEFT - 6, y=at + 4, text_anchor="end", class_="soft")
        parts.append(number)
    for value in x.ticks():
        at = _across(x, value)
        parts.append(tag("line", x1=at, x2=at, y1=floor, y2=floor + 4, class_="axis"))
        told = f"{value:g}" if value < 1e5 else f"{value / 1000:g}k"
        parts.append(tag("text", told, x=at, y=floor + 16, text_anchor="middle", class_="soft"))
    middle = (LEFT + WIDTH - RIGHT) / 2
    parts.append(tag("line", x1=LEFT, x2=WIDTH - RIGHT, y1=floor, y2=floor, class_="axis"))
    parts.append(tag("text", x.label, x=middle, y=HEIGHT - 6, text_anchor="middle", class_="soft"))
    return parts


def _line(line: Line, x: Axis, y: Axis) -> Markup:
    colour = f"var(--c{line.style % COLOURS})"

    def points(values: Sequence[float]) -> list[str]:
        return [f"{_across(x, a):.1f},{_up(y, b):.1f}" for a, b in zip(line.x, values, strict=True)]

    parts = []
    if line.band is not None:
        low, high = line.band
        outline = " ".join([*points(high), *reversed(points(low))])
        parts.append(tag("polygon", points=outline, fill=colour, fill_opacity=0.16))
    parts.append(
        tag(
            "polyline",
            points=" ".join(points(line.y)),
            fill="none",
            stroke=colour,
            stroke_width=1.8,
            stroke_linejoin="round",
            stroke_dasharray=DASHES[line.style % COLOURS],
        )
    )
    return join(parts)


def legend(styles: Mapping[str, int]) -> Markup:
    """Returns names beside the strokes of their styles."""
    return tag(
        "p",
        *(
            tag(
                "span",
                tag(
                    "svg",
                    tag(
                        "line", x1=0, x2=30, y1=5, y2=5, stroke=f"var(--c{style % COLOURS})",
                        stroke_width=2.4, stroke_dasharray=DASHES[style % COLOURS],
                    ),
                    viewBox="0 0 30 10", role="img", aria_label=f"stroke of {name}",
                ),
                name,
            )
            for name, style in styles.items()
        ),
        class_="legend",
    )  # fmt: skip


def heat_map(
    title: str, views: Sequence[int], cells: dict[tuple[int, int], float | None]
) -> Markup:
    """Returns probe views (rows) against gallery views (columns).

    Args:
        title: of the map.
        views: degrees.
        cells: by probe view and gallery view, 0…1; None or absent where there is no value.
    """
    edge, top = LEFT, 62.0
    cell = min(MOST_CELL, (WIDTH - edge - RIGHT) / len(views))
    side = cell * len(views)
    parts = [
        tag("text", title, x=edge, y=14, class_="title"),
        tag("text", "probe ↓  gallery →", x=edge, y=32, class_="soft"),
    ]
    for place, view in enumerate(views):
        at = (place + 0.5) * cell
        parts += [
            tag("text", f"{view}°", x=edge + at, y=top - 7, text_anchor="middle", class_="soft"),
            tag("text", f"{view}°", x=edge - 6, y=top + at + 4, text_anchor="end", class_="soft"),
        ]
    for a, probe in enumerate(views):
        for b, gallery in enumerate(views):
            value = cells.get((probe, gallery))
            corner = (edge + b * cell, top + a * cell)
            parts.append(_cell(*corner, cell, value, same=probe == gallery))
    known = [(value, pair) for pair, value in cells.items() if value is not None]
    told = "no value"
    if known:
        (low, worst), (high, best) = min(known), max(known)
        told = (
            f"highest {100 * high:.0f} % at probe {best[0]}°, gallery {best[1]}°; "
            f"lowest {100 * low:.0f} % at probe {worst[0]}°, gallery {worst[1]}°"
        )
    return tag(
        "svg",
        *parts,
        viewBox=f"0 0 {WIDTH:g} {top + side + 4:g}",
        role="img",
        aria_label=f"Rank-1 by probe and gallery view, {title}: {told}",
    )


def _cell(x: float, y: float, side: float, value: float | None, *, same: bool) -> Markup:
    """Returns one cell, with a dashed edge for identical views."""
    inside = side - 2
    box = {"x": x + 1, "y": y + 1, "width": inside, "height": inside, "rx": 2}
    edge = {"stroke": "var(--ink)", "stroke_dasharray": "3 3"} if same else {"stroke": "none"}
    if value is None:
        return tag("rect", **box, **edge, fill="var(--wash)")
    # Squared: most results lie in the upper half, where differences matter.
    heat = 0.04 + 0.96 * value**2
    number = tag(
        "text",
        f"{100 * value:.0f}",
        x=x + side / 2,
        y=y + side / 2 + 4,
        text_anchor="middle",
        style="fill:var(--paper)" if heat > DARK else "fill:var(--ink)",
    )
    return join([tag("rect", **box, **edge, fill="var(--heat)", fill_opacity=heat), number])
