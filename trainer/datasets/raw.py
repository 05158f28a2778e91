"""Raw logs to a corpus."""

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from models.archive import read_lines
from models.errors import UserError
from models.line_reader import LineReader, Readings
from models.lines import FORMATS, LineFormat, LineParser
from models.masks import DEFAULT_MASKS, Mask, key_mask
from models.session_rule import SessionRule
from models.sessions import Entries, Session, Sessionizer
from models.wrapping import Wrapping, unwrapped, wrapping_for
from trainer.corpus import ANOMALOUS, NORMAL, UNLABELLED, CorpusWriter
from trainer.datasets.labels import LABEL_WORDS

# Instance ids of nova: in brackets, in REST and disk paths, and named in the text (loghub, Kalaki).
_INSTANCE = (
    r"(?:\[instance: |/servers/|/instances/|[Ii]nstance |instance_uuid=)"
    r"([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})"
)

DEFAULT_RULES: Mapping[str, SessionRule] = {
    "hdfs": SessionRule(key_regex=r"(blk_-?\d+)"),
    "bgl": SessionRule(window=120),
    "thunderbird": SessionRule(window=120),
    "openstack": SessionRule(key_regex=_INSTANCE),
}
# Idle time of a live session where the log has no times to learn it from.
LIVE_IDLE = 60.0
LIVE_IDLE_BOUNDS = (10.0, 3600.0)

_LINES_AT_ONCE = 4096
Item = TypeVar("Item")


@dataclass(frozen=True)
class RawLogs:
    """Log files of one system and how to read them.

    labels: by session key, or None. Lines may carry labels of their own (``Record.label``); a
    session is anomalous when one of its lines is. others_normal: a session that ``labels`` does not
    name is normal, not unlabelled. masks: None for those that go with the rule, see ``masks_of``.
    """

    paths: Sequence[Path]
    line_format: LineFormat
    rule: SessionRule
    labels: Mapping[str, int] | None = None
    labels_path: Path | None = None
    others_normal: bool = False
    masks: tuple[Mask, ...] | None = None


@dataclass(slots=True)
class _Reading:
    lines: int = 0
    without_session: int = 0
    labelled_lines: int = 0
    of_odd_format: int = 0


def line_format_of(name: str) -> LineFormat:
    try:
        return FORMATS[name]
    except KeyError:
        known = ", ".join(sorted(FORMATS))
        raise UserError(f"--format {name}: not known; one of {known}, sessions") from None


def masks_of(rule: SessionRule) -> tuple[Mask, ...]:
    """The default masks, after one for the session key."""
    own = () if rule.key_regex is None else (key_mask(rule.key_regex),)
    return (*own, *DEFAULT_MASKS)


def read_raw(
    logs: RawLogs, writer: CorpusWriter, progress: Callable[[int], None] | None = None
) -> tuple[dict[str, int], float, list[dict[str, Any]]]:
    """Put all sessions of ``logs`` into ``writer``.

    Returns counts of lines, the idle time that suits a live session (the 99 % quantile of the
    longest pauses within sessions, with half again for good measure), and provenance of the inputs.
    progress gets the bytes read so far of all files. Raises UserError.
    """
    reading = _Reading()
    gaps: list[float] = []
    named: set[str] = set()

    def items(read: Readings) -> list[int]:
        reading.labelled_lines += len(read.labels) - read.labels.count(None)
        # Items are message * 2 + line label: one small int a line, whatever the volume.
        return [
            writer.message(message) * 2 + _line_label(said)
            for message, said in zip(read.messages, read.labels, strict=True)
        ]

    for session in _cut(logs, items, reading, progress):
        label = _label(session, logs, reading.labelled_lines > 0)
        if logs.labels is not None and session.key in logs.labels:
            named.add(session.key)
        if session.first_time is not None:
            gaps.append(session.longest_gap)
        writer.add(session.key, (item >> 1 for item in session.items), label, session.first_time)
    _check(logs, writer, reading, named)
    counts = {
        "lines": reading.lines,
        "lines_without_session": reading.without_session,
        "lines_of_odd_format": reading.of_odd_format,
    }
    inputs = [provenance(path) for path in logs.paths]
    if logs.labels_path is not None:
        inputs.append({**provenance(logs.labels_path), "role": "labels"})
    return counts, _live_idle(gaps), inputs


def contents_of(
    logs: RawLogs,
    wanted: Mapping[int, str],
    progress: Callable[[int], None] | None = None,
) -> tuple[dict[int, Session[str]], bool]:
    """What some sessions say, unmasked: items are the contents of their lines; and whether the
    logs' times state their zone.

    wanted: keys by the numbers that ``read_raw`` gave the sessions of the same logs. Lines of other
    sessions are not kept.
    """
    parser = LineParser(logs.line_format)
    keys = set(wanted.values())

    def items(read: Readings) -> list[str]:
        named = logs.rule.key_regex is not None
        return [
            parser.parse(line).content if not named or not keys.isdisjoint(own) else ""
            for line, own in zip(read.lines, read.keys, strict=True)
        ]

    sessions = enumerate(_cut(logs, items, _Reading(), progress))
    return {number: session for number, session in sessions if number in wanted}, parser.zoned


def _cut(
    logs: RawLogs,
    items: Callable[[Readings], Sequence[Item]],
    reading: _Reading,
    progress: Callable[[int], None] | None,
) -> Iterator[Session[Item]]:
    """The sessions of the logs in the order in which they end; ``items`` stand for the lines."""
    masks = masks_of(logs.rule) if logs.masks is None else logs.masks
    reader = LineReader(logs.line_format, logs.rule, masks)
    sessions: Sessionizer[Item] = Sessionizer(logs.rule)
    # As the agent reads them by default.
    wrapping = wrapping_for(Wrapping.auto, logs.line_format)
    done = 0
    for path in logs.paths:
        lines = unwrapped(
            read_lines(path, partial(_advance, progress, done)), wrapping, str(path.absolute())
        )
        while some := list(islice(lines, _LINES_AT_ONCE)):
            reading.lines += len(some)
            read = reader.columns(some)
            reading.without_session += read.strays
            reading.of_odd_format += read.unfit
            entries = Entries(
                lines=read.lines,
                keys=read.keys,
                sources=[stated or path.name for stated in read.sources],
                items=items(read),
                times=read.times,
                clock=None,
            )
            yield from sessions.add_all(entries)
        done += path.stat().st_size
    yield from sessions.close()


def _line_label(said: str | None) -> int:
    # What is no word for a label is the name of an alert, as in BGL.
    return 0 if said is None else LABEL_WORDS.get(said.strip().lower() or "-", ANOMALOUS)


def _advance(progress: Callable[[int], None] | None, done: int, here: int) -> None:
    if progress is not None:
        progress(done + here)


def _label(session: Session[int], logs: RawLogs, lines_labelled: bool) -> int:
    if logs.labels is not None:
        return logs.labels.get(session.key, NORMAL if logs.others_normal else UNLABELLED)
    if lines_labelled:
        return ANOMALOUS if any(item & 1 for item in session.items) else NORMAL
    return UNLABELLED


def _check(logs: RawLogs, writer: CorpusWriter, reading: _Reading, named: set[str]) -> None:
    names = ", ".join(str(path) for path in logs.paths)
    if not len(writer):
        raise UserError(
            f"{names}: none of {reading.lines} lines belongs to a session: no line has a match of "
            f"the key regex {logs.rule.key_regex!r}; check --format or give --key-regex"
        )
    if logs.labels is not None and not named:
        example = next(iter(logs.labels))
        raise UserError(
            f"{logs.labels_path}: none of its {len(logs.labels)} sessions (such as {example!r}) is "
            f"in {names}; check that the labels belong to this log and --key-regex finds their ids"
        )


def _live_idle(gaps: list[float]) -> float:
    if not gaps:
        return LIVE_IDLE
    low, high = LIVE_IDLE_BOUNDS
    return float(min(max(1.5 * float(np.quantile(gaps, 0.99)), low), high))


def provenance(path: Path) -> dict[str, Any]:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return {"name": path.name, "bytes": path.stat().st_size, "sha256": digest}
