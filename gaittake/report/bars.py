"""Horizontal bars with their values, and the distances of same-person and other pairs, as SVG."""

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from markupsafe import Markup

from gaittake.report.chart import DASHES, HEIGHT, LEFT, RIGHT, TICKS, WIDTH, Axis
from gaittake.report.html import template

NAMES, VALUE = 82.0, 52.0  # left of and beside the bars
TOP, BAR, GAP = 26.0, 11.0, 6.0
CEILING, BOTTOM = 44.0, 40.0
# Kinds of pairs: name, key in `metrics.json`, style.
KINDS = (("same person", "same", 0), ("different people", "different", 1))

_BARS = template("""\
<svg viewBox="0 0 {{ width }} {{ height }}" role="img" aria-label="{{ label }}">
<text x="0" y="14" class="title">{{ title }}</text>
{% for row in rows %}
<text x="{{ left - 8 }}" y="{{ row.middle + 4 }}" text-anchor="end" class="soft">
{{- row.name }}</text>
{% for bar in row.bars %}
<rect x="{{ left }}" y="{{ bar.y }}" width="{{ bar.width }}" height="{{ thick - 1 }}"
 fill="var({{ bar.colour }})" data-tip="{{ bar.tip }}"/>
<text x="{{ left + bar.width + 5 }}" y="{{ bar.y + 9 }}">{{ bar.text }}</text>
{% endfor %}
{% endfor %}
<line x1="{{ left }}" x2="{{ left }}" y1="{{ top }}" y2="{{ height - 4 }}" class="axis"/>
</svg>
""")
_HISTOGRAM = template(
    """\
<svg viewBox="0 0 {{ width }} {{ height }}" role="img" aria-label="{{ label }}">
<text x="{{ left }}" y="14" class="title">{{ title }}</text>
<text x="{{ right }}" y="14" text-anchor="end" class="soft">pairs, %</text>
"""
    + TICKS
    + """\
{% for shape in shapes %}
<polygon points="{{ shape.points }}" fill="var(--c{{ shape.style }})" fill-opacity="0.3"
 stroke="var(--c{{ shape.style }})" stroke-width="1.4" stroke-dasharray="{{ shape.dash }}"/>
{% endfor %}
<line x1="{{ left }}" x2="{{ right }}" y1="{{ floor }}" y2="{{ floor }}" class="axis"/>
<line x1="{{ threshold }}" x2="{{ threshold }}" y1="{{ ceiling - 8 }}" y2="{{ floor }}"
 class="axis" stroke-dasharray="3 3"/>
<text x="{{ threshold }}" y="{{ ceiling - 12 }}" text-anchor="{{ anchor }}" class="soft">
{{- "equal error" }}</text>
<text x="{{ (left + right) / 2 }}" y="{{ height - 6 }}" text-anchor="middle" class="soft">
{{- "distance" }}</text>
{% for bin in bins %}
<rect x="{{ bin.x }}" y="{{ ceiling }}" width="{{ bin.width }}" height="{{ floor - ceiling }}"
 fill="none" pointer-events="all" data-tip="{{ bin.tip }}"/>
{% endfor %}
</svg>
"""
)


class Bar(NamedTuple):
    """A bar.

    Attributes:
        value: its length, in the unit of the chart; None: not measured.
        name: in words, shown on hover.
        colour: name of the page's colour: `--left`.
    """

    value: float | None
    name: str
    colour: str


def bar_chart(title: str, rows: Sequence[tuple[str, Sequence[Bar]]], *, unit: str) -> Markup:
    """Returns bars with their values beside them; every row has a name and one or several bars.

    Args:
        title: of the chart.
        rows: name and bars.
        unit: of the values.
    """
    highest = max((bar.value or 0 for _, bars in rows for bar in bars), default=0) or 1
    drawn, told, y = [], [], TOP
    for name, bars in rows:
        placed = []
        for n, bar in enumerate(bars):
            text = "–" if bar.value is None else f"{bar.value:.1f}"
            told.append(f"{bar.name} {text}")
            placed.append(
                {
                    "y": y + n * BAR,
                    "width": (bar.value or 0) / highest * (WIDTH - NAMES - VALUE),
                    "colour": bar.colour,
                    "text": text,
                    "tip": f"{bar.name}: {text} {unit}",
                }
            )
        drawn.append({"name": name, "bars": placed, "middle": y + len(bars) * BAR / 2})
        y += len(bars) * BAR + GAP
    return _BARS(
        title=title,
        label=f"{title}, {unit}: {'; '.join(told)}",
        rows=drawn,
        width=WIDTH,
        height=y + 4,
        left=NAMES,
        top=TOP - 4,
        thick=BAR,
    )


def histogram_chart(
    title: str,
    edges: Sequence[float],
    shares: dict[str, Sequence[float]],
    *,
    threshold: float,
    summary: str,
) -> Markup:
    """Returns the distances of pairs of the same person and of different people, as areas.

    Args:
        title: of the chart.
        edges: `[n + 1]` of the bins, ascending.
        shares: `same` and `different`: `[n]` share of the pairs in each bin.
        threshold: distance of equal errors, a dashed line.
        summary: for the alternative text.
    """
    highest = 100 * max(max(values) for values in shares.values())
    across, up = Axis("distance", edges[0], edges[-1]), Axis("pairs, %", 0, highest)
    floor = HEIGHT - BOTTOM

    def x(distance: float) -> float:
        return LEFT + across.share(distance) * (WIDTH - LEFT - RIGHT)

    def y(percent: float) -> float:
        return floor - up.share(percent) * (floor - CEILING)

    shapes = []
    for _, key, style in KINDS:
        steps = [(x(edges[0]), floor)]
        for n, share in enumerate(shares[key]):
            steps += [(x(edges[n]), y(100 * share)), (x(edges[n + 1]), y(100 * share))]
        steps.append((x(edges[-1]), floor))
        points = " ".join(f"{a:.1f},{b:.1f}" for a, b in steps)
        shapes.append({"points": points, "style": style, "dash": DASHES[style]})
    bins = []
    for n, (low, high) in enumerate(pairwise(edges)):
        told = [f"{name} {100 * shares[key][n]:.1f} %" for name, key, _ in KINDS]
        tip = "\n".join([f"distance {low:.3g} to {high:.3g}", *told])
        bins.append({"x": x(low), "width": x(high) - x(low), "tip": tip})
    return _HISTOGRAM(
        title=title,
        label=f"Distances of pairs, {title}: {summary}",
        x_ticks=[(x(value), f"{value:g}") for value in across.ticks()],
        y_ticks=[(y(value), f"{value:g}") for value in up.ticks()],
        shapes=shapes,
        bins=bins,
        threshold=x(threshold),
        anchor="end" if across.share(threshold) > 0.8 else "middle",
        width=WIDTH,
        height=HEIGHT,
        left=LEFT,
        right=WIDTH - RIGHT,
        floor=floor,
        ceiling=CEILING,
    )
