"""Logs and labels of a user, read the way a bundle reads them, to a corpus."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib.metadata import version
from itertools import chain
from pathlib import Path
from typing import Any

from models.archive import read_lines
from models.bundle import Bundle
from models.errors import UserError
from models.lines import LineFormat, LineParser, text_format
from models.masks import Mask, Masker
from models.session_rule import SessionRule
from trainer.corpus import DESCRIPTION, NORMAL, UNLABELLED, Corpus, CorpusWriter, Origin
from trainer.datasets.labels import lists_anomalous_only, read_labels
from trainer.datasets.parsed import parse_session
from trainer.datasets.raw import RawLogs, line_format_of, masks_of, provenance, read_raw

_FORMAT = "of a bundle"


@dataclass(frozen=True)
class OwnLogs:
    """Log files, or one folder that ``prepare`` made, and what differs from the bundle's way to
    read them; None where nothing does."""

    paths: tuple[Path, ...]
    format: str | None = None
    line_regex: str | None = None
    time_format: str | None = None
    key_regex: str | None = None
    window: int | None = None
    idle: float | None = None
    end_regex: str | None = None

    def corpus(self) -> Corpus | None:
        """The corpus that the only path is. Raises UserError where options go with log files."""
        if len(self.paths) != 1 or not (self.paths[0] / DESCRIPTION).exists():
            return None
        options = {"--format" if name == "format" else f"--{name.replace('_', '-')}": value
                   for name, value in vars(self).items() if name != "paths"}  # fmt: skip
        for option, value in options.items():
            if value is not None:
                raise UserError(
                    f"{option} goes with log files; {self.paths[0]} is a corpus, whose sessions "
                    "are cut already"
                )
        return Corpus.open(self.paths[0])

    def raw(self, bundle: Bundle) -> RawLogs:
        """How the log files are read. Raises UserError."""
        manifest = bundle.manifest
        rule = manifest.rule.overridden(
            key_regex=self.key_regex, window=self.window, idle=self.idle, end_regex=self.end_regex
        )
        return RawLogs(self.paths, self._line_format(bundle), rule, masks=_masks(bundle, rule))

    def _line_format(self, bundle: Bundle) -> LineFormat:
        if self.line_regex is not None:
            if self.format not in (None, "text"):
                raise UserError(f"--line-regex goes with --format text, not {self.format}")
            return text_format(self.line_regex, self.time_format)
        if self.time_format is not None:
            raise UserError("--time-format goes with --line-regex and its group 'time'")
        return bundle.manifest.line_format if self.format is None else line_format_of(self.format)


def size_of(logs: OwnLogs) -> int:
    """Bytes that ``progress`` will count up to."""
    return sum(path.stat().st_size for path in logs.paths if path.is_file())


def gather(
    bundle: Bundle,
    logs: OwnLogs,
    labels: Sequence[Path],
    output: Path,
    *,
    name: str,
    progress: Callable[[int], None] | None = None,
) -> tuple[Corpus, dict[str, int]]:
    """Write the sessions of ``logs`` and what ``labels`` say of them to the folder ``output``.

    labels: CSV as of ``prepare``, or JSON lines as ``metalog-agent label`` and ``suggest`` write
    them: a session of those that has the id of one in the logs lends it its label, others join the
    logs' sessions. Returns the corpus and counts of the lines read. Raises UserError.
    """
    writer = CorpusWriter()
    given = logs.corpus()
    if given is None:
        raw = logs.raw(bundle)
        lines, live_idle, inputs = read_raw(raw, writer, progress)
        masks = raw.masks or ()
        origin = Origin(
            name=name, format=_FORMAT, line_format=raw.line_format, rule=raw.rule,
            masks=masks, parsed=False, live_idle=live_idle, inputs=inputs,
            created=datetime.now(UTC).isoformat(timespec="seconds"), version=version("metalog"),
        )  # fmt: skip
    else:
        _copy(given, writer)
        origin, lines = replace(given.origin, name=name), {"lines": given.counts["events"]}
    said = _Said(writer, origin)
    for path in labels:
        said.take(path)
        source: dict[str, Any] = {**provenance(path), "role": "labels"}
        origin = replace(origin, inputs=[*origin.inputs, source])
    writer.write(output, origin, lines)
    return Corpus.open(output), lines


def _masks(bundle: Bundle, rule: SessionRule) -> tuple[Mask, ...]:
    # A bundle may have been made with other masks than today's.
    same_key = rule.key_regex == bundle.manifest.rule.key_regex
    return bundle.manifest.masks if same_key else masks_of(rule)


def _copy(corpus: Corpus, writer: CorpusWriter) -> None:
    for message in corpus.messages:
        writer.message(message)
    for index in range(len(corpus)):
        time = float(corpus.times[index])
        writer.add(
            corpus.keys[index],
            corpus.session(index).tolist(),
            int(corpus.labels[index]),
            None if math.isnan(time) else time,
        )


class _Said:
    """Puts labels to the sessions that a writer holds."""

    def __init__(self, writer: CorpusWriter, origin: Origin) -> None:
        self._writer = writer
        self._masker = Masker(origin.masks)
        self._lines = LineParser(origin.line_format)
        self._parsed = origin.parsed
        self._sessions: dict[str, list[int]] = {}
        for index, key in enumerate(writer.keys):
            self._sessions.setdefault(key, []).append(index)

    def take(self, path: Path) -> None:
        """The labels of one file. Raises UserError naming the line that cannot be read."""
        first = next(line for line in chain(read_lines(path), [""]) if line.strip() or not line)
        if first.lstrip().startswith("{"):
            self._take_sessions(path)
        else:
            self._take_keys(path, read_labels(path))

    def _take_keys(self, path: Path, labels: Mapping[str, int]) -> None:
        found = [key for key in labels if key in self._sessions]
        if not found:
            raise UserError(
                f"{path}: none of its {len(labels)} sessions (such as {next(iter(labels))!r}) is "
                "in --logs; check that the labels belong to these logs and --key-regex finds "
                "their ids"
            )
        if lists_anomalous_only(path):
            for index in range(len(self._writer)):
                self._writer.relabel(index, NORMAL)
        for key in found:
            for index in self._sessions[key]:
                self._writer.relabel(index, labels[key])

    def _take_sessions(self, path: Path) -> None:
        for number, line in enumerate(read_lines(path), start=1):
            key, label, events = parse_session(path, number, line)
            places = self._sessions.get(key, [])
            same = [place for place in places if self._writer.length(place) == len(events)]
            for place in same or places if label != UNLABELLED else ():
                self._writer.relabel(place, label)
            if not places:
                self._sessions[key] = [len(self._writer)]
                self._writer.add(key, map(self._message, events), label, None)

    def _message(self, event: str) -> int:
        if self._parsed:
            return self._writer.message(event)
        # What was written by hand may still have its header; a bare message has none to lose.
        return self._writer.message(self._masker.mask(self._lines.parse(event).content))
