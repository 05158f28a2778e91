"""Tables and tiles."""

from collections.abc import Iterable, Sequence

from models.page.markup import Content, Html, tag


def table(
    columns: Sequence[str],
    rows: Iterable[Sequence[Content]],
    *,
    text: Sequence[int] = (0,),
    log: Sequence[int] = (),
    ours: int = 0,
    label: str = "",
) -> Html:
    """Numbers to the right. text: columns of words; log: columns of log text; ours: so many rows
    from the top are in bold. It scrolls by itself where the page is narrow, by keyboard, too."""

    def kind(place: int) -> str | None:
        return "text log" if place in log else "text" if place in text else None

    words = {*text, *log}
    head = tag(
        "tr",
        (tag("th", name, class_="text" if n in words else None) for n, name in enumerate(columns)),
    )
    body = (
        tag(
            "tr",
            (tag("td", cell, class_=kind(n)) for n, cell in enumerate(row)),
            class_="ours" if number < ours else None,
        )
        for number, row in enumerate(rows)
    )
    whole = tag("table", tag("thead", head), tag("tbody", body))
    return tag(
        "div", whole, class_="wide", tabindex=0, role="region", aria_label=label or columns[0]
    )


def tile(value: Content, name: str, figure: str | None = None) -> Html:
    """A number with its name. figure: what the script finds it by."""
    return tag("div", tag("b", value, data_figure=figure), tag("span", name), class_="tile")


def tiles(*each: Html) -> Html:
    return tag("div", each, class_="tiles")


def note(text: Content, *, warn: bool = False) -> Html:
    return tag("p", text, class_="note warn" if warn else "note")
