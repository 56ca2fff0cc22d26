"""HTML and SVG from small Jinja templates. Values are escaped, unless they are Markup."""

from collections.abc import Callable, Iterable
from typing import Any

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup


def _short(value: Any) -> Any:
    """Returns a float as text of six digits, and any other value unchanged."""
    return f"{value:.6g}" if isinstance(value, float) else value


_ENVIRONMENT = Environment(
    autoescape=True,
    finalize=_short,
    lstrip_blocks=True,
    trim_blocks=True,
    undefined=StrictUndefined,
)


def template(source: str) -> Callable[..., Markup]:
    """Returns a function that fills in a Jinja template's values, given by keyword."""
    compiled = _ENVIRONMENT.from_string(source)
    return lambda **values: Markup(compiled.render(**values))


_SECTION = template("""\
<section id="{{ anchor }}" aria-label="{{ title }}">
<h2>{{ title }}</h2>
{% for part in content %}
{{ part }}
{% endfor %}
</section>
""")
_FIGURE = template("""\
<figure>
<div class="grid">
{% for picture in pictures %}
{{ picture }}
{% endfor %}
</div>
<figcaption>{{ caption }}</figcaption>
</figure>
""")
_TABLE = template("""\
<figure class="table"><figcaption>{{ caption }}</figcaption>
<div class="scroll" tabindex="0" role="region" aria-label="{{ caption }}">
<table aria-label="{{ caption }}">{{ content }}</table>
</div></figure>
""")
_CELLS = template("""\
{% macro row(tag, cells) -%}
<tr>{% for cell in cells %}<{{ tag }} class="{{ "word" if loop.index0 < words else "number" }}">
{{- cell }}</{{ tag }}>{% endfor %}</tr>
{%- endmacro %}
<thead>{{ row("th", head) }}</thead>
<tbody>
{% for cells in rows %}
{{ row("td", cells) }}
{% endfor %}
</tbody>
""")


def section(title: str, *content: str) -> Markup:
    """Returns a section of the page; `#` and `anchor(title)` link to it."""
    return _SECTION(anchor=anchor(title), title=title, content=content)


def anchor(title: str) -> str:
    """Returns the id of a section."""
    return title.lower().replace(" ", "-")


def empty_section(title: str, reason: str) -> Markup:
    """Returns a section with the reason why it is empty."""
    return section(title, note(reason))


def note(text: str) -> Markup:
    """Returns a paragraph in small type."""
    return Markup('<p class="note">{}</p>').format(text)


def figure(pictures: Iterable[Markup], caption: str) -> Markup:
    """Returns pictures side by side with a common caption."""
    return _FIGURE(pictures=list(pictures), caption=caption)


def table(
    head: Iterable[str], rows: Iterable[Iterable[str]], *, caption: str, words: int = 1
) -> Markup:
    """Returns a table that scrolls on its own on a narrow page.

    Args:
        head: titles of the columns.
        rows: cells.
        caption: of the table.
        words: number of columns, from the left, with words; the others have numbers.
    """
    cells = _CELLS(head=list(head), rows=[list(row) for row in rows], words=words)
    return captioned(cells, caption)


def captioned(content: Markup, caption: str) -> Markup:
    """Returns a table below its caption, which stays in place when the table scrolls.

    Args:
        content: head and body of the table.
        caption: of the table.
    """
    return _TABLE(content=content, caption=caption)


def scrolling(content: Markup, label: str) -> Markup:
    """Returns a box that scrolls sideways, also by keyboard.

    Args:
        content: of the box.
        label: its name for screen readers.
    """
    return Markup('<div class="scroll" tabindex="0" role="region" aria-label="{}">{}</div>').format(
        label, content
    )


def long_text(text: str) -> Markup:
    """Returns text for a table's cell that may break into lines."""
    return Markup('<span class="long">{}</span>').format(text)
