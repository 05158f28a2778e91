"""HTML that is escaped unless it says that it is HTML."""

import html
from collections.abc import Iterable
from typing import TypeAlias

# Elements without content, and so without an end.
_VOID = frozenset({"br", "input", "link", "meta"})


class Html(str):
    """Text that is HTML already: nothing but this module makes it of other text."""

    __slots__ = ()


Content: TypeAlias = "str | int | float | Iterable[Content] | None"
Attribute: TypeAlias = str | int | float | bool | None


def markup(content: Content) -> Html:
    """Plain text escaped, HTML as it is, None as nothing, the parts of an iterable in a row."""
    if content is None:
        return Html("")
    if isinstance(content, Html):
        return content
    if isinstance(content, str | int | float):
        return Html(html.escape(visible(str(content))))
    return Html("".join(markup(part) for part in content))


def tag(name: str, /, *content: Content, **attributes: Attribute) -> Html:
    """An element of HTML or SVG. Of attribute names a ``_`` at the end is dropped, others are
    ``-``; None and False leave an attribute out, True writes it without a value."""
    written = [name]
    for key, value in attributes.items():
        attribute = key.removesuffix("_").replace("_", "-")
        if value is True:
            written.append(attribute)
        elif value is not None and value is not False:
            shown = f"{value:.6g}" if isinstance(value, float) else str(value)
            written.append(f'{attribute}="{html.escape(visible(shown))}"')
    opened = f"<{' '.join(written)}>"
    return Html(opened if name in _VOID else f"{opened}{markup(content)}</{name}>")


def visible(text: str) -> str:
    """Text of a log may hold what moves a cursor, turns the direction of reading round, or is no
    Unicode at all: such characters as escapes. Tabs and line ends are spaces in HTML, and stay."""
    if text.isprintable():
        return text
    return "".join(one if one.isprintable() or one in "\t\n" else ascii(one)[1:-1] for one in text)
