"""Pages as a parser of HTML sees them."""

from html.parser import HTMLParser


class Seen(HTMLParser):
    """elements: names with attributes, in order; text: of each element that has any, by its name,
    scripts apart; scripts: what stands in them."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.scripts: list[str] = []
        self._open: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self._open.append(tag)
        if tag == "script":
            self.scripts.append("")

    def handle_endtag(self, tag: str) -> None:
        while self._open and self._open.pop() != tag:
            pass

    def handle_data(self, data: str) -> None:
        if self._open and self._open[-1] == "script":
            self.scripts[-1] += data
        elif not self._open or self._open[-1] != "style":
            self.text += data

    def count(self, tag: str) -> int:
        return sum(name == tag for name, _ in self.elements)

    def attribute(self, tag: str, name: str) -> list[str | None]:
        return [
            attributes[name]
            for one, attributes in self.elements
            if one == tag and name in attributes
        ]


def assert_self_contained(page: str) -> None:
    """Nothing that is loaded, no handler in an attribute, and just the two scripts of a page."""
    seen = Seen(page)
    loading = {"src", "srcset", "data", "action", "background", "poster", "style"}
    for tag, attributes in seen.elements:
        assert tag not in {"img", "iframe", "object", "embed", "base", "form", "video", "audio"}
        assert not loading & set(attributes), (tag, attributes)
        assert not [name for name in attributes if name.startswith("on")], (tag, attributes)
        href = attributes.get("href")
        assert href is None or href.startswith("#") or href == "data:,", (tag, href)
    assert len(seen.scripts) == 2
    assert seen.attribute("script", "type") == ["application/json"]
    assert "url(" not in page and "@import" not in page
