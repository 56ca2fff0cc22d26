"""HTML and SVG from small Jinja templates. Values are escaped, unless they are Markup."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple
from urllib.parse import quote

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
{{ legend }}
<div class="{{ "rows" if scroll else "grid" }}">
{% for picture in pictures %}
{{ picture }}
{% endfor %}
</div>
<figcaption>{{ caption }}</figcaption>
</figure>
""")
_TABLE = template("""\
<figure class="table"><figcaption>{{ caption }}{{ links }}</figcaption>
<div class="scroll" tabindex="0" role="region" aria-label="{{ caption }}">
<table aria-label="{{ caption }}">{{ content }}</table>
</div></figure>
""")
_CELLS = template("""\
{% macro row(tag, cells) -%}
<tr>{% for cell in cells %}<{{ tag }} class="{{ "word" if loop.index0 < words else "number" }}"
{%- if tag == "th" %} scope="col"{% endif %}
{%- if cell.by is defined %} data-sort="{{ cell.by }}"{% endif %}>
{{- cell }}</{{ tag }}>{% endfor %}</tr>
{%- endmacro %}
<thead>{{ row("th", head) }}</thead>
<tbody>
{% for cells in rows %}
{{ row("td", cells) }}
{% endfor %}
</tbody>
""")


class Sorted(NamedTuple):
    """A cell of a table that the script sorts by a number, not by its text.

    Attributes:
        text: of the cell.
        by: the number.
    """

    text: str
    by: float

    def __str__(self) -> str:
        return self.text


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


def figure(
    pictures: Iterable[Markup], caption: str, *, legend: str = "", scroll: bool = False
) -> Markup:
    """Returns pictures side by side with a common caption.

    Args:
        pictures: of the figure.
        caption: below them.
        legend: above them.
        scroll: pictures of fixed widths, each scrolling on its own on a narrow page.
    """
    shown = [scrolling(drawn, caption) for drawn in pictures] if scroll else list(pictures)
    return _FIGURE(pictures=shown, caption=caption, legend=legend, scroll=scroll)


def table(
    head: Iterable[str], rows: Iterable[Iterable[str | Sorted]], *, caption: str, words: int = 1
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


def captioned(content: Markup, caption: str, links: Sequence[Markup] = ()) -> Markup:
    """Returns a table below its caption, which stays in place when the table scrolls.

    Args:
        content: head and body of the table.
        caption: of the table.
        links: of `download`.
    """
    spaced = Markup(" ").join(["", *links])
    return _TABLE(content=content, caption=caption, links=spaced)


def scrolling(content: Markup, label: str) -> Markup:
    """Returns a box that scrolls sideways, also by keyboard.

    Args:
        content: of the box.
        label: its name for screen readers.
    """
    return Markup('<div class="scroll" tabindex="0" role="region" aria-label="{}">{}</div>').format(
        label, content
    )


def collapsed(title: str, content: Markup, *, shown: bool = False) -> Markup:
    """Returns content that a click on its title shows, also without the script.

    Args:
        title: always visible.
        content: hidden at first.
        shown: whether it is visible at first.
    """
    return Markup("<details{}><summary>{}</summary>{}</details>").format(
        Markup(" open") if shown else "", title, content
    )


def download(text: str, *, kind: str, file: str, title: str) -> Markup:
    """Returns a link that saves text as a file; the text lies in the page.

    Args:
        text: content of the file.
        kind: media type: `text/csv`.
        file: its name.
        title: of the link.
    """
    address = f"data:{kind};charset=utf-8,{quote(text)}"
    return Markup('<a download="{}" href="{}">{}</a>').format(file, address, title)


def long_text(text: str) -> Markup:
    """Returns text for a table's cell that may break into lines."""
    return Markup('<span class="long">{}</span>').format(text)
