"""The page around its sections: head, style, theme, data, script."""

import base64
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from models.page.markup import Content, Html, tag
from models.placing import placed_file

_STYLE = Path(__file__).with_name("page.css")
_SCRIPT = Path(__file__).with_name("page.js")


@dataclass(frozen=True)
class Section:
    """ident: of the element, to link to; title: its heading, and its name in the table of
    contents."""

    ident: str
    title: str
    content: Content


def page(title: str, about: Content, sections: Sequence[Section], data: Any = None) -> str:
    """A whole page. about: below the title; data: JSON-ready, for the script.

    Nothing is loaded, and a browser is told so: the policy allows no source but the page itself,
    and of scripts only the one that this module wrote, by its digest. So a line of a log that found
    a way around the escaping would still not run.
    """
    style, script = _STYLE.read_text(encoding="utf-8"), _SCRIPT.read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = (
        f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'; "
        "img-src data:; base-uri 'none'; form-action 'none'"
    )
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", http_equiv="Content-Security-Policy", content=policy),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="color-scheme", content="light dark"),
        tag("meta", name="referrer", content="no-referrer"),
        # Browsers ask for an icon where none is named.
        tag("link", rel="icon", href="data:,"),
        tag("title", title),
        tag("style", Html(style)),
    )
    theme = tag(
        "button", "Theme: as the system", type="button", id="theme", class_="quiet", hidden=True
    )
    contents = tag(
        "nav",
        (tag("a", section.title, href=f"#{section.ident}") for section in sections),
        aria_label="Contents",
    )
    body = tag(
        "body",
        tag("header", tag("div", tag("h1", title), theme, class_="top"), about, contents),
        tag(
            "main",
            (
                tag("section", tag("h2", section.title), section.content, id=section.ident)
                for section in sections
            ),
        ),
        tag("script", Html(json_text(data)), type="application/json", id="page-data"),
        tag("script", Html(script)),
    )
    return f"<!doctype html>\n{tag('html', head, body, lang='en')}\n"


def json_text(data: Any) -> str:
    """JSON that can stand in a script element: no ``<`` ends it, no ``&`` means anything else.

    Raises ValueError for NaN and infinities, which are no JSON.
    """
    text = json.dumps(data, allow_nan=False, separators=(",", ":"))
    for character in "<>&":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


def write(path: Path, text: str) -> None:
    """As a whole, mode 0640. Raises UserError where it cannot be written."""
    with placed_file(path) as file:
        file.write_text(text, encoding="utf-8")
