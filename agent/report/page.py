"""The page of a host."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from agent.commands.status import describe
from agent.report import sections
from agent.state import Chronicle
from models.masks import Masker
from models.page.markup import Content, tag
from models.page.skeleton import Section, page
from models.page.tables import note


@dataclass(frozen=True)
class Host:
    """One input. found: what ``status`` says of it."""

    chronicle: Chronicle
    found: dict[str, Any]
    wall: float

    @classmethod
    def of(cls, chronicle: Chronicle, wall: float) -> "Host":
        return cls(chronicle, describe(chronicle.glance, wall), wall)


def host_page(
    states: Mapping[str, Chronicle | None], *, host: str, wall: float, secrets: Masker
) -> str:
    """states: by input, None where no agent has kept one yet; secrets: taken out of templates."""
    parts: list[Section] = []
    for name, chronicle in states.items():
        of = f" of {name}" if name else ""
        prefix = f"{len(parts)}-" if name else ""
        if chronicle is None:
            nothing = note("No agent has kept its state yet.")
            parts.append(Section(f"{prefix}overview", name, nothing))
            continue
        parts += _sections(Host.of(chronicle, wall), secrets, of, prefix)
    about = tag(
        "p", f"metalog-agent report, made {sections.moment(wall)} UTC", class_="soft"
    )  # fmt: skip
    return page(f"Host {host}", about, parts)


def _sections(one: Host, secrets: Masker, of: str, prefix: str) -> list[Section]:
    contents: list[tuple[str, str, Content]] = [
        ("overview", "Overview", sections.overview(one.found)),
        ("alerts", "Alerts over time", sections.alerts(one.chronicle, one.wall)),
        ("top", "Top templates in alerts", sections.top(one.chronicle, secrets)),
        ("recent", "Latest incidents", sections.latest(one.chronicle, secrets)),
        ("new", "New templates", sections.met(one.chronicle, secrets)),
        ("lag", "Files and lag", sections.files(one.found)),
        ("sinks", "Sinks", sections.sinks(one.found)),
        ("silences", "Silences", sections.silences(one.chronicle, one.wall)),
    ]
    return [Section(prefix + ident, title + of, content) for ident, title, content in contents]
