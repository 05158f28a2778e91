"""Sessions that somebody has cut (and perhaps parsed) already, to a corpus."""

import csv
import json
import re
from collections.abc import Callable
from itertools import chain, islice
from pathlib import Path

from models.archive import read_lines
from models.errors import UserError
from models.lines import FORMATS, LineFormat, LineParser, plain_text
from models.masks import Masker
from trainer.corpus import UNLABELLED, CorpusWriter
from trainer.datasets.labels import LABEL_WORDS

# Formats whose lines begin with times and hosts, which would make each one an event of its own.
_PREFIXED = ("hdfs", "bgl", "thunderbird", "openstack", "syslog")
_SHOWN = 2000
_NEARLY_ALL = 0.9
_GLUED_WILDCARD = re.compile(r"\s*<\*>\s*")


def read_sessions(
    path: Path,
    writer: CorpusWriter,
    masker: Masker,
    parser: LineParser,
    progress: Callable[[int], None] | None = None,
) -> tuple[dict[str, int], bool]:
    """Put the sessions of ``sessions.jsonl[.gz]`` into ``writer``.

    One JSON object a line: ``{"id": str, "label": 0|1|"normal"|"anomaly", "events": [str, ...]}``;
    where the label is missing or null, the session has none.
    An event is the id of a row of ``templates.csv`` (``id,template``) beside the file, or, where
    there is no such file, a raw message. Returns counts of lines and whether the events are
    templates. Raises UserError naming the line.
    """
    templates = _read_templates(path.with_name("templates.csv"))
    messages: dict[str, int] = {}
    lines = 0
    for number, line in enumerate(read_lines(path, progress), start=1):
        key, label, events = parse_session(path, number, line)
        row = []
        for event in events:
            message = messages.get(event)
            if message is None:
                if templates is None:
                    # Not remembered: raw messages hardly repeat, and would fill the memory.
                    row.append(writer.message(masker.mask(parser.parse(event).content)))
                    continue
                if event not in templates:
                    raise UserError(
                        f"{path}, line {number}: event {event!r} is no row of templates.csv"
                    )
                message = messages[event] = writer.message(templates[event])
            row.append(message)
        lines += len(row)
        writer.add(key, row, label, None)
    return {"lines": lines}, templates is not None


def format_of_events(path: Path) -> LineFormat:
    """The line format of the raw messages in a ``sessions.jsonl[.gz]``: the known one that nearly
    all of its first lines have, else that of a whole line. Raises UserError."""
    if path.with_name("templates.csv").exists():
        return FORMATS["text"]
    lines = chain.from_iterable(
        parse_session(path, number, line)[2]
        for number, line in enumerate(read_lines(path), start=1)
    )
    shown = list(islice(lines, _SHOWN))
    for name in _PREFIXED:
        parser = LineParser(FORMATS[name])
        if sum(parser.parse(line).fits for line in shown) >= _NEARLY_ALL * len(shown):
            return FORMATS[name]
    return FORMATS["text"]


def sessions_file(path: Path) -> Path:
    """The file itself, or the one in a folder that holds it. Raises UserError."""
    if not path.is_dir():
        return path
    for name in ("sessions.jsonl", "sessions.jsonl.gz"):
        if (path / name).exists():
            return path / name
    raise UserError(f"{path}: holds neither sessions.jsonl nor sessions.jsonl.gz")


def parse_session(path: Path, number: int, line: str) -> tuple[str, int, list[str]]:
    """Key, label and events of one line of such a file. Raises UserError naming the line."""
    expected = 'expected {"id": "...", "label": 0, 1 or null, "events": ["...", ...]}'
    try:
        value = json.loads(line)
        key, events = value["id"], value["events"]
        said = value.get("label")
        label = UNLABELLED if said is None else LABEL_WORDS[str(said).strip().lower()]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise UserError(f"{path}, line {number}: no session; {expected}") from None
    if not isinstance(events, list) or not events:
        raise UserError(f"{path}, line {number}: a session without events; {expected}")
    return plain_text(key), label, [plain_text(event) for event in events]


def _read_templates(path: Path) -> dict[str, str] | None:
    """Templates by id, a wildcard standing for itself: `<*>Served block<*>` is three tokens.

    Other parsers glue their wildcards to the words beside them; on a host the words come from
    lines in which those parts are tokens of their own.
    """
    if not path.exists():
        return None
    try:
        with path.open(encoding="utf-8", newline="") as file:
            rows = {
                row["id"]: _GLUED_WILDCARD.sub(" <*> ", row["template"]).strip()
                for row in csv.DictReader(file)
            }
    except (OSError, KeyError, TypeError, ValueError, csv.Error) as error:
        raise UserError(f"{path}: no table with columns id and template: {error!r}") from None
    return rows
