"""``metalog-train prepare``: logs of any supported form to a corpus."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from models.errors import UserError
from models.lines import LineFormat, LineParser, text_format
from models.masks import DEFAULT_MASKS, Masker
from models.placing import check_free
from models.session_rule import SessionRule
from trainer.corpus import DESCRIPTION, CorpusWriter, Origin
from trainer.datasets.catalogue import DATASETS
from trainer.datasets.labels import lists_anomalous_only, read_labels
from trainer.datasets.parsed import format_of_events, read_sessions, sessions_file
from trainer.datasets.raw import (
    DEFAULT_RULES,
    LIVE_IDLE,
    RawLogs,
    line_format_of,
    masks_of,
    provenance,
    read_raw,
)

# What a bundle cuts where its target came as sessions and nobody said how they had been cut.
_UNKNOWN_RULE = SessionRule(window=120)


@dataclass(frozen=True)
class PrepareOptions:
    """Options of the command; None where they were not given."""

    logs: tuple[Path, ...]
    format: str
    output: Path
    labels: Path | None = None
    name: str | None = None
    line_regex: str | None = None
    time_format: str | None = None
    key_regex: str | None = None
    window: int | None = None
    stride: int | None = None
    seconds: float | None = None
    idle: float | None = None
    end_regex: str | None = None
    max_lines: int | None = None
    force: bool = False


def prepare(
    options: PrepareOptions, progress: Callable[[int], None] | None = None
) -> dict[str, int]:
    """Write the corpus; returns its counts. Raises UserError, and writes nothing then."""
    check_free(options.output, kind="corpus", replace=options.force, marker=DESCRIPTION)
    if options.format in DATASETS:
        missing = [path for path in options.logs if not path.exists()]
        if missing:
            raise UserError(
                f"{missing[0]}: no such file; `metalog-train download {options.format}` fetches "
                "loghub's"
            )
    writer = CorpusWriter()
    if options.format == "sessions":
        origin, lines = _from_sessions(options, writer, progress)
    else:
        origin, lines = _from_logs(options, writer, progress)
    return writer.write(options.output, origin, lines, replace=options.force)


def size_of(options: PrepareOptions) -> int:
    """Bytes that ``progress`` will count up to."""
    return sum(path.stat().st_size for path in options.logs if path.is_file())


def _from_logs(
    options: PrepareOptions, writer: CorpusWriter, progress: Callable[[int], None] | None
) -> tuple[Origin, dict[str, int]]:
    line_format = _line_format(options)
    rule = _rule(options, DEFAULT_RULES.get(options.format))
    logs = RawLogs(
        paths=options.logs,
        line_format=line_format,
        rule=rule,
        labels=None if options.labels is None else read_labels(options.labels),
        labels_path=options.labels,
        others_normal=options.labels is not None and lists_anomalous_only(options.labels),
    )
    lines, live_idle, inputs = read_raw(logs, writer, progress)
    return _origin(options, line_format, rule, live_idle, inputs, parsed=False), lines


def _from_sessions(
    options: PrepareOptions, writer: CorpusWriter, progress: Callable[[int], None] | None
) -> tuple[Origin, dict[str, int]]:
    if len(options.logs) != 1:
        raise UserError(
            f"--format sessions: takes one sessions.jsonl, not {len(options.logs)} files"
        )
    if options.labels is not None:
        raise UserError("--labels: sessions.jsonl carries its own labels; leave --labels out")
    path = sessions_file(options.logs[0])
    if options.line_regex is None and options.time_format is None:
        line_format = format_of_events(path)
    else:
        line_format = _line_format(replace(options, format="text"))
    rule = _rule(options, _UNKNOWN_RULE)
    masker = Masker(masks_of(rule) if options.key_regex else DEFAULT_MASKS)
    lines, parsed = read_sessions(path, writer, masker, LineParser(line_format), progress)
    return _origin(options, line_format, rule, LIVE_IDLE, [provenance(path)], parsed=parsed), lines


def _line_format(options: PrepareOptions) -> LineFormat:
    if options.line_regex is None:
        if options.time_format is not None:
            raise UserError("--time-format goes with --line-regex and its group 'time'")
        return line_format_of(options.format)
    if options.format != "text":
        raise UserError(f"--line-regex goes with --format text, not {options.format}")
    return text_format(options.line_regex, options.time_format)


def _rule(options: PrepareOptions, default: SessionRule | None) -> SessionRule:
    given = {
        "key_regex": options.key_regex,
        "window": options.window,
        "stride": options.stride,
        "seconds": options.seconds,
        "idle": options.idle,
        "end_regex": options.end_regex,
        "max_lines": options.max_lines,
    }
    chosen = {name: value for name, value in given.items() if value is not None}
    if chosen.keys() & {"key_regex", "window", "seconds"}:
        return SessionRule(**chosen)  # type: ignore[arg-type]
    if default is None:
        raise UserError(
            f"--format {options.format}: say what makes a session: --key-regex REGEX (one group), "
            "--window LINES or --seconds SECONDS"
        )
    return replace(default, **chosen)  # type: ignore[arg-type]


def _origin(
    options: PrepareOptions,
    line_format: LineFormat,
    rule: SessionRule,
    live_idle: float,
    inputs: list[dict[str, Any]],
    *,
    parsed: bool,
) -> Origin:
    return Origin(
        name=options.name or options.output.absolute().name,
        format=options.format,
        line_format=line_format,
        rule=rule,
        masks=masks_of(rule),
        parsed=parsed,
        live_idle=live_idle,
        inputs=inputs,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        version=version("metalog"),
    )
