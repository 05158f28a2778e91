"""What is true of one input at one moment. Structs of msgspec: dataclasses take 0.1 MiB more."""

from collections.abc import Mapping

import msgspec


class SourceFigures(msgspec.Struct, frozen=True):
    """Of a source: lines and bytes handed on by this process; unread: bytes, as of the last look at
    its files."""

    lines: int = 0
    bytes: int = 0
    unread: int = 0


class SinkFigures(msgspec.Struct, frozen=True, kw_only=True):
    """Of a sink, counted since the state began. dropped: by reason. alerts, bytes: that wait.
    waits_since: monotonic, since when it delivers none of them; None where none wait. disabled:
    it wants no more until the next start. problem: its last answer, where that was one."""

    delivered: int = 0
    failed: int = 0
    dropped: Mapping[str, int] = {}
    alerts: int = 0
    bytes: int = 0
    waits_since: float | None = None
    disabled: bool = False
    problem: str = ""


class Snapshot(msgspec.Struct, frozen=True, kw_only=True):
    """Never changed once it was made. Times are monotonic.

    following: nothing that is written from now on is missed. saved_at: when all that was read until
    then was in the state, None where none is kept; unsaved: why it could not be saved the last
    time. held_by: the sink that nothing is read for. unread_since: since when nothing was read
    though there is something that could be. buckets: scored batches by duration, not cumulative,
    see ``Judged``. unknown_templates: met here by this process, those that are forgotten too.
    """

    following: bool
    sources: Mapping[str, SourceFigures] = {}
    sinks: Mapping[str, SinkFigures] = {}
    saved_at: float | None = None
    unsaved: str | None = None
    held_by: str | None = None
    unread_since: float | None = None
    files_open: int = 0
    files_unreadable: int = 0
    sessions_open: int = 0
    normal: int = 0
    anomalous: int = 0
    buckets: tuple[int, ...] = ()
    score_seconds: float = 0.0
    templates: int = 0
    unknown_templates: int = 0
    alerts_raised: int = 0
