"""Every metric there is, with what it means; docs/operations.md has the same table."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

PREFIX = "metalog_agent_"
_Kind = Literal["counter", "gauge", "histogram"]


@dataclass(frozen=True, slots=True)
class Family:
    """name: in full. labels: beside ``input``, which all but those of the process have where inputs
    have names."""

    name: str
    kind: _Kind
    labels: tuple[str, ...]
    help: str


def _family(name: str, kind: _Kind, help: str, *labels: str) -> Family:
    return Family(PREFIX + name, kind, labels, help)


LINES_READ = _family("lines_read_total", "counter", "Lines read of a source.", "source")
BYTES_READ = _family("bytes_read_total", "counter", "Bytes read of a source.", "source")
READ_LAG = _family("read_lag_bytes", "gauge", "Bytes of a source that are not read yet.", "source")
FILES_OPEN = _family("files_open", "gauge", "Files that are open to be read.")
FILES_UNREADABLE = _family(
    "files_unreadable", "gauge", "Followed files that could not be opened or read the last time."
)
SESSIONS_OPEN = _family("sessions_open", "gauge", "Sessions that are not over.")
SESSIONS_SCORED = _family(
    "sessions_scored_total", "counter",
    "Sessions that are over, by verdict: normal or anomalous.", "verdict",
)  # fmt: skip
SCORE_SECONDS = _family(
    "score_seconds", "histogram", "Time the network took for a batch of sessions."
)
TEMPLATES = _family("templates", "gauge", "Templates known, the bundle's and those met here.")
UNKNOWN_TEMPLATES = _family(
    "unknown_templates_total", "counter", "Templates met here that the bundle does not know."
)
ALERTS_RAISED = _family("alerts_raised_total", "counter", "Alerts handed to the sinks.")
ALERTS = _family(
    "alerts_total", "counter",
    "What became of alerts: delivered, failed (an attempt, which is repeated) or dropped.",
    "sink", "outcome",
)  # fmt: skip
SPOOL_ALERTS = _family("spool_alerts", "gauge", "Alerts that wait for a sink.", "sink")
SPOOL_BYTES = _family("spool_bytes", "gauge", "Size of the alerts that wait for a sink.", "sink")
SINK_FAILING = _family(
    "sink_failing_seconds", "gauge",
    "Time for which a sink has taken none of the alerts that wait for it.", "sink",
)  # fmt: skip
CHECKPOINT_AGE = _family(
    "checkpoint_age_seconds", "gauge", "Time since all that was read was in the state."
)
READING = _family(
    "reading", "gauge", "1 while logs are read, 0 while a sink or the disk holds that up."
)
READY = _family("ready", "gauge", "1 where /readyz has nothing to say of this input.")
BUILD_INFO = _family(
    "build_info", "gauge", "1; the labels say which release this is.", "version", "python"
)

FAMILIES = (
    LINES_READ, BYTES_READ, READ_LAG, FILES_OPEN, FILES_UNREADABLE, SESSIONS_OPEN, SESSIONS_SCORED,
    SCORE_SECONDS, TEMPLATES, UNKNOWN_TEMPLATES, ALERTS_RAISED, ALERTS, SPOOL_ALERTS, SPOOL_BYTES,
    SINK_FAILING, CHECKPOINT_AGE, READING, READY, BUILD_INFO,
)  # fmt: skip


def table() -> Iterator[str]:
    """In Markdown."""
    yield "| metric | type | labels | |"
    yield "|---|---|---|---|"
    for one in FAMILIES:
        labels = ", ".join(f"`{label}`" for label in one.labels)
        yield f"| `{one.name}` | {one.kind} | {labels} | {one.help} |"
