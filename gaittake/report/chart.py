"""Line charts and heat maps as SVG, in the colours and fonts of the page."""

from collections.abc import Mapping, Sequence
from statistics import NormalDist
from typing import Any, NamedTuple

import numpy as np
from markupsafe import Markup

from gaittake.report.html import template
from gaittake.sequence import view_title

WIDTH, HEIGHT = 340.0, 246.0
LEFT, RIGHT, TOP, BOTTOM = 42.0, 10.0, 26.0, 40.0
MOST_CELL = 46.0
COLOURS = 6
DASHES = ("6 3", "none", "2 3", "9 3 2 3", "1 2", "4 2 1 2")
DEVIATES = (0.0001, 0.001, 0.01, 0.05, 0.2, 0.5, 0.8, 0.95)  # ticks of a scale of deviates
DARK = 0.65  # heat above which a number has the colour of the background


class Line(NamedTuple):
    """A line of a chart.

    Attributes:
        name: in the legend.
        x: `[n]`, ascending.
        y: `[n]`.
        style: number of the colour and dash.
        band: lower and upper ends `[n]` of an interval, or None.
    """

    name: str
    x: Sequence[float]
    y: Sequence[float]
    style: int
    band: tuple[Sequence[float], Sequence[float]] | None = None


class Axis(NamedTuple):
    """One axis of a chart.

    Attributes:
        label: quantity and unit.
        low: first value.
        high: last value.
        log: whether the scale is logarithmic.
        probit: whether it is that of normal deviates, for shares between 0 and 1.
    """

    label: str
    low: float
    high: float
    log: bool = False
    probit: bool = False

    def share(self, value: float) -> float:
        """Returns the position of a value between the ends, 0…1."""
        low, high = self.low, self.high
        if self.log:
            low, high, value = np.log10(low), np.log10(high), np.log10(value)
        if self.probit:
            within = min(max(value, low), high)  # 0 and 1 have no deviate
            low, high, value = map(NormalDist().inv_cdf, (low, high, within))
        return float(np.clip((value - low) / ((high - low) or 1), 0, 1))

    def text(self, value: float) -> str:
        """Returns the text of a tick; that of a scale of deviates is in percent."""
        if self.probit:
            return f"{100 * value:g}"
        return f"{value:g}" if value < 1e5 else f"{value / 1000:g}k"

    def ticks(self) -> list[float]:
        """Returns a few round values."""
        if self.log:
            first, last = (round(np.log10(end)) for end in (self.low, self.high))
            return [10.0**power for power in range(first, last + 1)]
        if self.probit:
            return [share for share in DEVIATES if self.low <= share <= self.high]
        rough = (self.high - self.low) / 4 or 1
        power = 10.0 ** np.floor(np.log10(rough))
        step = next(power * factor for factor in (1, 2, 2.5, 5, 10) if power * factor >= rough)
        first = np.ceil(self.low / step - 1e-9)
        return [float(v) + 0.0 for v in np.arange(first, self.high / step + 1e-9) * step]


# Grid and ticks, with `x_ticks` and `y_ticks` of place and text.
TICKS = """\
{% for at, text in y_ticks %}
<line x1="{{ left }}" x2="{{ right }}" y1="{{ at }}" y2="{{ at }}" class="gridline"/>
<text x="{{ left - 6 }}" y="{{ at + 4 }}" text-anchor="end" class="soft">{{ text }}</text>
{% endfor %}
{% for at, text in x_ticks %}
<line x1="{{ at }}" x2="{{ at }}" y1="{{ floor }}" y2="{{ floor + 4 }}" class="axis"/>
<text x="{{ at }}" y="{{ floor + 16 }}" text-anchor="middle" class="soft">{{ text }}</text>
{% endfor %}
"""
_LINE_CHART = template(
    """\
<svg viewBox="0 0 {{ width }} {{ height }}" role="img" aria-label="{{ label }}"
 data-x="{{ x_label }}">
<text x="{{ left }}" y="14" class="title">{{ title }}</text>
<text x="{{ right }}" y="14" text-anchor="end" class="soft">{{ y_label }}</text>
"""
    + TICKS
    + """\
<line x1="{{ left }}" x2="{{ right }}" y1="{{ floor }}" y2="{{ floor }}" class="axis"/>
<text x="{{ (left + right) / 2 }}" y="{{ height - 6 }}" text-anchor="middle" class="soft">
{{- x_label }}</text>
{% for line in lines %}
{% if line.outline %}
<polygon points="{{ line.outline }}" fill="{{ line.colour }}" fill-opacity="0.16"/>
{% endif %}
<polyline points="{{ line.points }}" fill="none" stroke="{{ line.colour }}" stroke-width="1.8"
 stroke-linejoin="round" stroke-dasharray="{{ line.dash }}" data-name="{{ line.name }}"
 data-values="{{ line.read }}"/>
{% endfor %}
</svg>
"""
)
_LEGEND = template("""\
<p class="legend">
{% for name, colour, dash in strokes %}
<span><svg viewBox="0 0 30 10" role="img" aria-label="line of {{ name }}">
<line x1="0" x2="30" y1="5" y2="5" stroke="{{ colour }}" stroke-width="2.4"
 stroke-dasharray="{{ dash }}"/></svg>{{ name }}</span>
{% endfor %}
</p>
""")
_HEAT_MAP = template("""\
<svg viewBox="0 0 {{ width }} {{ height }}" role="img" aria-label="{{ label }}">
<text x="{{ left }}" y="14" class="title">{{ title }}</text>
<text x="{{ left }}" y="32" class="soft">probe ↓  gallery →</text>
{% for view, at in views %}
<text x="{{ left + at }}" y="{{ top - 7 }}" text-anchor="middle" class="soft">{{ view }}</text>
<text x="{{ left - 6 }}" y="{{ top + at + 4 }}" text-anchor="end" class="soft">{{ view }}</text>
{% endfor %}
{% for cell in cells %}
<rect x="{{ cell.x + 1 }}" y="{{ cell.y + 1 }}" width="{{ side - 2 }}" height="{{ side - 2 }}"
 rx="2" data-tip="{{ cell.tip }}"
{%- if cell.same %} stroke="var(--ink)" stroke-dasharray="3 3"{% else %} stroke="none"{% endif %}
{%- if cell.value is none %} fill="var(--wash)"/>
{% else %} fill="var(--heat)" fill-opacity="{{ cell.heat }}"/>
<text x="{{ cell.x + side / 2 }}" y="{{ cell.y + side / 2 + 4 }}" text-anchor="middle"
 style="fill:var({{ "--paper" if cell.heat > dark else "--ink" }})">
{{- "%.0f" % (100 * cell.value) }}</text>
{% endif %}
{% endfor %}
</svg>
""")


def line_chart(title: str, lines: Sequence[Line], x: Axis, y: Axis) -> Markup:
    """Returns a chart; its alternative text has the first and last value of each line."""

    def across(value: float) -> float:
        return LEFT + x.share(value) * (WIDTH - LEFT - RIGHT)

    def up(value: float) -> float:
        return HEIGHT - BOTTOM - y.share(value) * (HEIGHT - TOP - BOTTOM)

    def points(line: Line, values: Sequence[float]) -> list[str]:
        return [f"{across(a):.1f},{up(b):.1f}" for a, b in zip(line.x, values, strict=True)]

    drawn = []
    for line in lines:
        colour, dash = _stroke(line.style)
        outline = ""
        if line.band is not None:
            low, high = line.band
            outline = " ".join([*points(line, high), *reversed(points(line, low))])
        drawn.append(
            {
                "points": " ".join(points(line, line.y)),
                "name": line.name,
                "read": " ".join(f"{a:.4g}:{b:.3g}" for a, b in zip(line.x, line.y, strict=True)),
                "outline": outline,
                "colour": colour,
                "dash": dash,
            }
        )
    ends = "; ".join(f"{item.name} from {item.y[0]:.3g} to {item.y[-1]:.3g}" for item in lines)
    return _LINE_CHART(
        title=title,
        label=f"{title}: {y.label} over {x.label}. {ends}",
        x_label=x.label,
        y_label=y.label,
        x_ticks=[(across(v), x.text(v)) for v in x.ticks()],
        y_ticks=[(up(v), y.text(v)) for v in y.ticks()],
        lines=drawn,
        width=WIDTH,
        height=HEIGHT,
        left=LEFT,
        right=WIDTH - RIGHT,
        floor=HEIGHT - BOTTOM,
    )


def _stroke(style: int) -> tuple[str, str]:
    """Returns colour and dash of a style."""
    return f"var(--c{style % COLOURS})", DASHES[style % COLOURS]


def legend(styles: Mapping[str, int]) -> Markup:
    """Returns names next to samples of their lines.

    Args:
        styles: style of each name.
    """
    return _LEGEND(strokes=[(name, *_stroke(style)) for name, style in styles.items()])


def heat_map(
    title: str, views: Sequence[str], cells: dict[tuple[str, str], float | None]
) -> Markup:
    """Returns a map of probe views (rows) and gallery views (columns).

    Cells of identical views have a dashed edge.

    Args:
        title: of the map.
        views: names.
        cells: by probe view and gallery view, 0…1; None or absent: no value.
    """
    top = 62.0
    side = min(MOST_CELL, (WIDTH - LEFT - RIGHT) / len(views))
    drawn = []
    for a, probe in enumerate(views):
        for b, gallery in enumerate(views):
            value = cells.get((probe, gallery))
            # Squared: most results are in the upper half, where differences matter most.
            heat = 0.04 + 0.96 * (value or 0.0) ** 2
            place: dict[str, Any] = {
                "x": LEFT + b * side,
                "y": top + a * side,
                "same": probe == gallery,
            }
            told = "no value" if value is None else f"{100 * value:.1f} %"
            tip = f"probe {view_title(probe)}, gallery {view_title(gallery)}: {told}"
            drawn.append(place | {"value": value, "heat": heat, "tip": tip})
    known = [(value, pair) for pair, value in cells.items() if value is not None]
    summary = "no value"
    if known:
        (low, worst), (high, best) = min(known), max(known)
        summary = (
            f"highest {100 * high:.0f} % at probe {view_title(best[0])}, gallery "
            f"{view_title(best[1])}; lowest {100 * low:.0f} % at probe {view_title(worst[0])}, "
            f"gallery {view_title(worst[1])}"
        )
    return _HEAT_MAP(
        title=title,
        label=f"Rank-1 by probe and gallery view, {title}: {summary}",
        views=[(view_title(view), (place + 0.5) * side) for place, view in enumerate(views)],
        cells=drawn,
        side=side,
        dark=DARK,
        width=WIDTH,
        height=top + side * len(views) + 4,
        left=LEFT,
        top=top,
    )
