"""HTML and SVG from plain functions: whatever is not markup already is escaped."""

from collections.abc import Iterable
from html import escape

# Elements of HTML that have no end tag.
_VOID = frozenset({"img", "meta"})


class Markup(str):
    """Text that is HTML already. Any other text is escaped on its way into the page."""

    __slots__ = ()


def tag(name: str, /, *children: str, **attributes: str | float) -> Markup:
    """Returns an element.

    Args:
        name: of the element, `table` or `svg`.
        children: what it holds; what is no Markup is escaped.
        attributes: `class_` stands for `class`, `text_anchor` for `text-anchor`.
    """
    described = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(_text(value))}"'
        for key, value in attributes.items()
    )
    if name in _VOID:
        return Markup(f"<{name}{described}>")
    return Markup(f"<{name}{described}>{join(children)}</{name}>")


def join(parts: Iterable[str]) -> Markup:
    """Returns the parts one after another; what is no Markup is escaped."""
    return Markup("".join(p if isinstance(p, Markup) else escape(p) for p in parts))


def table(
    head: Iterable[str], rows: Iterable[Iterable[str]], *, caption: str, words: int = 1
) -> Markup:
    """Returns a table that scrolls inside its own box where the page is narrow.

    Args:
        head: titles of the columns.
        rows: cells.
        caption: what the table shows.
        words: how many columns, from the left, hold words; the others hold numbers.
    """

    def row(kind: str, cells: Iterable[str]) -> Markup:
        return tag(
            "tr",
            *(
                tag(kind, cell, class_="word" if place < words else "number")
                for place, cell in enumerate(cells)
            ),
        )

    body = tag("tbody", *(row("td", cells) for cells in rows))
    return captioned(tag("table", tag("thead", row("th", head)), body, aria_label=caption), caption)


def captioned(content: Markup, caption: str) -> Markup:
    """Returns a table under its caption, which stays in sight while the table scrolls."""
    return tag("figure", tag("figcaption", caption), scrolling(content, caption), class_="table")


def scrolling(content: Markup, label: str) -> Markup:
    """Returns a box that scrolls sideways by itself, also by keyboard."""
    return tag("div", content, class_="scroll", tabindex="0", role="region", aria_label=label)


def figure(pictures: Iterable[Markup], caption: str, *, kind: str = "grid") -> Markup:
    """Returns pictures side by side, with one caption."""
    return tag("figure", tag("div", *pictures, class_=kind), tag("figcaption", caption))


def section(title: str, *content: str) -> Markup:
    """Returns a part of the page; its title can be linked to."""
    name = title.lower().replace(" ", "-")
    return tag("section", tag("h2", title), *content, id=name, aria_label=title)


def left_out(title: str, why: str) -> Markup:
    """Returns a part of the page that has nothing to show, and says why."""
    return section(title, tag("p", why, class_="note"))


def _text(value: str | float) -> str:
    return value if isinstance(value, str) else f"{value:.6g}"
