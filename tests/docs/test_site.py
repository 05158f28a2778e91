"""The documentation as a site: it builds without a warning, and asks no other host for anything."""

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.browser import chromium, prefer, problems_of, requests_of, resize
from tests.pages import Seen

ROOT = Path(__file__).parents[2]
# What docs/ needs from outside.
BESIDE = ("CHANGELOG.md", "models/pretrained/bundle/README.md")
# A link may lead anywhere; these are loaded without a click.
LOADING = {
    "script": ("src",), "link": ("href",), "img": ("src", "srcset"), "source": ("src", "srcset"),
    "iframe": ("src",), "object": ("data",), "embed": ("src",), "image": ("href", "xlink:href"),
    "use": ("href", "xlink:href"), "video": ("src", "poster"), "audio": ("src",),
}  # fmt: skip
ELSEWHERE = re.compile(r"\s*([a-z][a-z0-9+.-]*:)?//", re.IGNORECASE)
# Of a style sheet, or of a style in a page.
FROM_STYLE = re.compile(r"""(?:url\(|@import)\s*["']?\s*((?:https?:)?//[^"')\s]+)""", re.IGNORECASE)

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(find_spec("mkdocs") is None, reason="mkdocs is not installed"),
]


def build(config: Path, site: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "mkdocs", "build", "--strict"]
    where = ["-f", str(config), "-d", str(site)]
    return subprocess.run([*command, *where], capture_output=True, text=True, timeout=120)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    built = build(ROOT / "docs" / "site" / "mkdocs.yml", folder)
    assert built.returncode == 0, built.stderr
    return folder


def loaded(page: str) -> Iterator[str]:
    """What a browser asks for when it opens the page."""
    for tag, attributes in Seen(page).elements:
        if tag == "link" and attributes.get("rel") in {"canonical", "next", "prev"}:
            continue
        for name in LOADING.get(tag, ()):
            if value := attributes.get(name):
                yield from (part.strip() for part in value.split(","))
        yield from FROM_STYLE.findall(attributes.get("style") or "")
    yield from FROM_STYLE.findall(page)


def test_every_page_of_docs_is_built(site: Path) -> None:
    wanted = {one.stem for one in (ROOT / "docs").glob("*.md")} | {"model-card", "changelog"}

    assert wanted <= {one.stem for one in site.glob("*.html")}
    assert (site / "prometheus" / "alerts.yml").is_file()
    assert not list(site.rglob("hooks.py"))


def test_no_page_asks_another_host_for_anything(site: Path) -> None:
    pages = [*site.rglob("*.html")]
    assert len(pages) > 15
    for page in pages:
        found = list(loaded(page.read_text(encoding="utf-8")))
        assert any("site.css" in one for one in found), "the check sees nothing"
        assert not [one for one in found if ELSEWHERE.match(one)], page
    for style in [*site.rglob("*.css"), *site.rglob("*.svg")]:
        assert not FROM_STYLE.findall(style.read_text(encoding="utf-8")), style
    for picture in site.rglob("*.svg"):
        assert not re.search(r'href="(?!#)', picture.read_text(encoding="utf-8")), picture


@pytest.mark.parametrize(
    "broken",
    ["[x](nowhere.md)", "[x](alerts.md#nowhere)", "[x](../nowhere.md)", "![x](nowhere.svg)"],
)
def test_a_broken_link_fails_the_build(tmp_path: Path, broken: str) -> None:
    shutil.copytree(ROOT / "docs", tmp_path / "docs")
    for name in BESIDE:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    with (tmp_path / "docs" / "limits.md").open("a") as page:
        page.write(f"\n{broken}\n")

    built = build(tmp_path / "docs" / "site" / "mkdocs.yml", tmp_path / "site")

    assert built.returncode != 0
    assert "limits.md" in built.stderr
    assert "nowhere" in built.stderr


def test_in_a_browser_it_reads_and_finds_from_a_disk(site: Path, tmp_path: Path) -> None:
    with chromium(tmp_path / "profile") as driver:
        for scheme in ("light", "dark"):
            prefer(driver, scheme)
            # Of 404.html nobody knows from which folder it is shown.
            for page in sorted(set(site.glob("*.html")) - {site / "404.html"}):
                resize(driver, 360, 740)
                driver.get(page.as_uri())
                wide = driver.execute_script("return document.documentElement.scrollWidth")
                assert wide <= 360, page
        driver.get((site / "index.html").as_uri())
        resize(driver, 1100, 900)
        found = driver.execute_async_script(
            """
            const done = arguments[0];
            const input = document.querySelector("[data-md-component=search-query]");
            input.focus();
            input.value = "logrotate";
            input.dispatchEvent(new Event("keyup"));
            const look = () => {
              const links = document.querySelectorAll(".md-search-result__link");
              links.length ? done([...links].map(one => one.href)) : setTimeout(look, 50);
            };
            look();
            """
        )
        asked, said = requests_of(driver), problems_of(driver)
    assert any("tailing.html" in one for one in found)
    assert not [url for url in asked if not url.startswith(("file:", "blob:", "about:"))]
    assert not said
