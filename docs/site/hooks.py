"""The same pages here and on a code host.

Two files from outside docs/ become pages, and links to files outside become links to them; there
the same links lead to the files themselves. And what one Markdown escapes the other does not.
"""

import re
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

_ROOT = Path(__file__).parents[2]
_PAGES = {
    "models/pretrained/bundle/README.md": "model-card.md",
    "CHANGELOG.md": "changelog.md",
    "README.md": "index.md",
}
_MADE = {origin: page for origin, page in _PAGES.items() if origin != "README.md"}
_LINK = re.compile(r"\]\((?:\.\./)+([^)#\s]+)(#[^)\s]*)?\)")
_TO_DOCS = re.compile(r"\]\((?:\.\./)*docs/")
_ROW = re.compile(r"^\|.*$", re.MULTILINE)
_CODE = re.compile(r"`[^`]+`")


def on_files(files: Files, config: Any) -> Files:
    for origin, page in _MADE.items():
        files.append(File.generated(config, page, abs_src_path=str(_ROOT / origin)))
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Links of a page that comes from outside docs/ into docs/, and of others to outside; and a |
    in code in a table, which code hosts want escaped."""
    markdown = _ROW.sub(lambda row: _CODE.sub(_unescaped, row[0]), markdown)
    if page.file.src_uri in _MADE.values():
        markdown = _TO_DOCS.sub("](", markdown)
    return _LINK.sub(_inside, markdown)


def _inside(link: re.Match[str]) -> str:
    page = _PAGES.get(link[1])
    # What is no page here stays as it is, and the strict build says so.
    return link[0] if page is None else f"]({page}{link[2] or ''})"


def _unescaped(code: re.Match[str]) -> str:
    return code[0].replace(r"\|", "|")
