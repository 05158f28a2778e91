"""Sections of the page of a host. No raw line of a log is on it: templates, and where lines are."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from agent.report.incidents import Incident, incidents, over_time, top_templates
from agent.state import Chronicle
from models.masks import Masker
from models.page import charts
from models.page.charts import Stack
from models.page.markup import Content, Html, tag
from models.page.scales import Axis
from models.page.tables import note, table, tile, tiles

_MOST_ROWS = 25
_KINDS = ("incident began", "repeated", "resolved", "suppressed")


def moment(wall: float | None) -> str:
    if wall is None:
        return "-"
    try:
        return f"{datetime.fromtimestamp(wall, UTC):%Y-%m-%d %H:%M:%S}"
    except (OverflowError, ValueError, OSError):
        return "-"


def _time(wall: float) -> Html:
    return tag("time", moment(wall))


def overview(found: Mapping[str, Any]) -> Content:
    counts = found["counts"]
    threshold = "-" if found["threshold"] is None else f"{found['threshold']:.4g}"
    said = tiles(
        tile(f"{counts['alerts_raised']:,}", "alerts raised"),
        tile(f"{counts['sessions_anomalous']:,}", "anomalous sessions"),
        tile(f"{counts['sessions_scored']:,}", "sessions scored"),
        tile(f"{found['sessions_open']:,}", f"sessions open, {found['events_open']:,} events"),
        tile(f"{counts['lines_read']:,}", "lines read"),
        tile(size_text(found["lag_bytes"]), "not read yet"),
        tile(threshold, f"threshold, {_set_by(found)}"),
        tile("-" if found["epoch"] is None else f"{found['epoch']:,}", "epoch of statistics"),
        tile(f"{found['templates']:,}", f"templates, {found['host_events']:,} met here"),
    )
    rows: list[tuple[str, Content]] = [
        ("state", tag("span", found["state"], class_="log")),
        ("last saved", _saved(found)),
        ("watches", tag("span", ", ".join(found["paths"] or ["-"]), class_="log")),
        ("bundle", found["bundle"] or "-"),
        (
            "lines left out",
            f"{counts['lines_without_session']:,} without a session; "
            f"{counts['lines_of_odd_format']:,} of an odd format, taken whole",
        ),
        (
            "quiet",
            f"{counts['sessions_silenced']:,} anomalous sessions silenced, "
            f"{counts['sessions_suppressed']:,} suppressed",
        ),
        (
            "memory",
            f"{counts['sessions_ended_early']:,} sessions scored early, "
            f"{counts['events_forgotten']:,} events forgotten",
        ),
        ("metalog", found["version"] or "-"),
    ]
    return [
        tag("p", _runs(found)),
        _warm_up(found["warm_up"]),
        said,
        table(("", "state of the agent"), rows, text=(0, 1), label="State of the agent"),
    ]


def _set_by(found: Mapping[str, Any]) -> str:
    if found["alerts_per_day"] is None:
        return "fixed"
    return f"kept for {found['alerts_per_day']:g} alerts a day"


def _runs(found: Mapping[str, Any]) -> Content:
    if found["running"] is None:
        return tag("span", "cannot be seen from here whether it runs", class_="badge")
    if not found["running"]:
        return tag("span", "does not run", class_="badge warn")
    mark = tag("span", "runs", class_="badge good")
    reading = "" if found["reading"] else "; reading has stopped, since a sink takes nothing"
    return [mark, f" pid {found['pid']}, since {found['started']}{reading}"]


def _warm_up(told: Mapping[str, Any] | None) -> Content:
    if told is None:
        return None
    return note(
        f"Warming up: {told['sessions']} of {told['of_sessions']} sessions, {told['seconds']} of "
        f"{told['of_seconds']:g} s. Until then only what is beyond doubt is told of."
    )


def _saved(found: Mapping[str, Any]) -> str:
    if found["saved"] is None:
        return "never"
    return f"{found['saved']}, {found['seconds_since_saved']:,.0f} s before this page was made"


def alerts(chronicle: Chronicle, wall: float) -> Content:
    kept = chronicle.alerts
    if not kept:
        return note("No alert in the history.")
    glance = chronicle.glance
    until = wall if glance.running else glance.saved_wall or kept[-1].raised
    # A clock may have been set back meanwhile.
    ordered = sorted(kept, key=lambda one: one.raised)
    bins = over_time(ordered, until)
    x = Axis.time(bins.low, bins.high)
    used = [place for place in range(len(_KINDS)) if any(row[place] for row in bins.counts)]
    stack = Stack(
        [_KINDS[place] for place in used], [[row[place] for place in used] for row in bins.counts]
    )
    told = [one for one in ordered if one.body.get("kind") == "session"]
    scores = [
        (one.raised, _number(one.body.get("score")), f"{moment(one.raised)} {one.body.get('key')}")
        for one in told
        if one.body.get("status") == "firing"
    ]
    day = f"{moment(bins.low)[:10]}" if bins.high - bins.low <= 86400 else ""
    return [
        tag(
            "p",
            f"{len(kept):,} messages in the history, {len(incidents(kept)):,} incidents, from "
            f"{moment(ordered[0].raised)} to {moment(ordered[-1].raised)} UTC.",
        ),
        tag(
            "div",
            charts.bars(
                "Alerts", stack, x, "messages", small=f"in {_stretch(bins.seconds)} each {day}"
            ),
            charts.dots("Scores of alerts", scores, x, Axis.share("score"), small="one a message")
            if scores
            else None,
            class_="grid",
        ),
    ]


def _stretch(seconds: int) -> str:
    for size, name in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds % size == 0:
            return f"{seconds // size} {name}"
    return f"{seconds} s"


def top(chronicle: Chronicle, secrets: Masker) -> Content:
    tops = top_templates(incidents(chronicle.alerts))
    if not tops:
        return note("No alert names a template.")
    most = max(one.weight for one in tops)
    rows: list[list[Content]] = [
        [
            [secrets.mask(one.template), _badge(one.new)],
            f"{one.sessions:,}",
            f"{one.incidents:,}",
            tag(
                "span",
                f"{one.weight:+.2f}",
                charts.weight_bar(one.weight / most if most > 0 else 0),
                class_="weight",
            ),
            _time(one.last),
        ]
        for one in tops[:_MOST_ROWS]
    ]
    columns = ("template that weighed most", "sessions", "incidents", "weight", "last, UTC")
    return [table(columns, rows, log=(0,)), _more(len(tops), "templates")]


def _badge(new: bool) -> Content:
    return [" ", tag("span", "new", class_="badge warn")] if new else None


def latest(chronicle: Chronicle, secrets: Masker) -> Content:
    found = incidents(chronicle.alerts)
    if not found:
        return note("No alert in the history.")
    columns = ("incident", "last, UTC", "state", "score", "sessions")
    rows = [_incident(one, secrets) for one in found[:_MOST_ROWS]]
    return [
        table(columns, rows, text=(0, 2), label="Latest incidents"),
        _more(len(found), "incidents"),
        tag("p", "A fingerprint is what `metalog-agent silence` takes.", class_="soft"),
    ]


def _incident(one: Incident, secrets: Masker) -> list[Content]:
    body = one.body
    events = body.get("events") or [{"template": "-"}]
    at = body.get("first_offset")
    where = f"{body.get('file') or body.get('source')}" + ("" if at is None else f":{at}")
    about = tag(
        "div",
        tag("div", secrets.mask(str(events[0]["template"])), class_="log"),
        tag("div", f"{body.get('key')} at {where}", class_="soft log"),
        tag("div", f"fingerprint {body.get('fingerprint')}", class_="soft"),
    )
    return [
        about,
        _time(one.last),
        "resolved" if one.resolved else "firing",
        f"{_number(body.get('score')):.3f}",
        f"{one.sessions:,}",
    ]


def met(chronicle: Chronicle, secrets: Masker) -> Content:
    if not chronicle.met:
        return note("Every line so far is of a template that the bundle knows.")
    rows = [
        (secrets.mask(one.template), "8 or more" if one.sessions >= 8 else f"{one.sessions}")
        for one in chronicle.met[:_MOST_ROWS]
    ]
    return [
        tag("p", "Templates that the bundle does not know, met on this host; the latest first."),
        table(("template", "sessions that are over"), rows, log=(0,)),
        _more(len(chronicle.met), "templates"),
    ]


def files(found: Mapping[str, Any]) -> Content:
    each = found["files"]
    if not each:
        return note("No file was read yet.")
    most = max(one["lag_bytes"] or 0 for one in each)
    rows: list[list[Content]] = [
        [
            one["path"],
            one["state"],
            _bytes(one["size"]),
            _bytes(one["offset"]),
            [_bytes(one["lag_bytes"]), _lag_bar(one["lag_bytes"], most)],
        ]
        for one in each[:_MOST_ROWS]
    ]
    columns = ("file", "state", "size", "read up to", "not read yet")
    return [
        tag("p", f"{size_text(found['lag_bytes'])} not read yet in {len(each):,} files."),
        table(columns, rows, text=(1,), log=(0,)),
        _more(len(each), "files, no further behind"),
    ]


def _lag_bar(lag: int | None, most: int) -> Content:
    if not lag:
        return None
    return tag("span", charts.weight_bar(lag / most), class_="weight")


def _bytes(value: int | None) -> str:
    return "-" if value is None else f"{value:,}"


def size_text(size: int) -> str:
    """ "1.5 MiB"."""
    amount = float(size)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if amount < 1024 or unit == "GiB":
            break
        amount /= 1024
    return f"{amount:.0f} B" if unit == "B" else f"{amount:.1f} {unit}"


def sinks(found: Mapping[str, Any]) -> Content:
    if not found["sinks"] and not found["unsent"]:
        return note("No sink has reported yet.")
    rows: list[list[Content]] = []
    for name in {**found["sinks"], **found["unsent"]}:
        told, unsent = found["sinks"].get(name, {}), found["unsent"].get(name)
        dropped = sum((told.get("dropped") or {}).values())
        rows.append(
            [
                name,
                f"{told.get('delivered', 0):,}",
                "0" if unsent is None else f"{unsent['alerts']:,} since {unsent['oldest']}",
                f"{told.get('failed_attempts', 0):,}",
                f"{dropped:,}",
                _problem(told, found["stalled"].get(name)),
            ]
        )
    columns = ("sink", "delivered", "waiting", "failed attempts", "dropped", "problem")
    return table(columns, rows, text=(0, 5))


def _problem(told: Mapping[str, Any], stalled: Mapping[str, Any] | None) -> Content:
    said: list[Html] = []
    if told.get("disabled"):
        said.append(tag("div", f"disabled since {told['disabled']}"))
    if stalled is not None:
        said.append(tag("div", f"has delivered nothing since {stalled['since']}"))
    if told.get("problem"):
        said.append(tag("div", f"last: {told['problem']}"))
    return said or "none"


def silences(chronicle: Chronicle, wall: float) -> Content:
    valid = [one for one in chronicle.silences if one.until is None or wall < one.until]
    if not valid:
        return note("None in force.")
    rows = [
        (
            one.fingerprint,
            one.origin,
            moment(one.made),
            "for good" if one.until is None else moment(one.until),
            one.note or "-",
        )
        for one in valid
    ]
    columns = ("fingerprint", "by", "made, UTC", "until, UTC", "note")
    return table(columns, rows, text=(1, 4), log=(0,))


def _number(value: Any) -> float:
    return float(value) if isinstance(value, int | float) else 0.0


def _more(total: int, what: str) -> Content:
    return note(f"And {total - _MOST_ROWS:,} more {what}.") if total > _MOST_ROWS else None
