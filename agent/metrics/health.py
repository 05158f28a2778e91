"""Whether the agent lives, and whether it does what it is there for."""

from collections.abc import Iterator

from agent.metrics.board import Board, Busy
from agent.metrics.snapshot import Snapshot

# A turn takes a fraction of a second; a statement that waits for a locked database, two.
SECONDS_WITHOUT_A_TURN = 30.0
# Saves are at most ten seconds apart.
SECONDS_WITHOUT_A_SAVE = 60.0
SECONDS_WITHOUT_A_LINE = 60.0
SECONDS_WITHOUT_A_DELIVERY = 300.0


def dead(board: Board, now: float) -> str | None:
    """Why it should be started anew, None where it should not. now: monotonic."""
    since = now - board.beat_at
    if board.busy is None and since > SECONDS_WITHOUT_A_TURN:
        return f"the main loop has made no turn for {since:.0f} s"
    return None


def unready(board: Board, now: float) -> list[str]:
    """Why alerts might be missing or late, in words for people; empty where they are not."""
    busy, since = board.busy, now - board.beat_at
    if reason := dead(board, now):
        return [reason]
    if busy is Busy.starting:
        return ["nothing is followed yet"]
    if busy is Busy.stopping:
        return ["it is stopping"]
    if busy is not None and since > SECONDS_WITHOUT_A_TURN:
        return [f"nothing is read while the configuration is reloaded, for {since:.0f} s now"]
    snapshots = board.snapshots
    if not snapshots:
        return ["nothing is followed yet"]
    return [
        f"{name}: {reason}" if name else reason
        for name, one in snapshots.items()
        for reason in unready_input(one, now)
    ]


def unready_input(one: Snapshot, now: float) -> Iterator[str]:
    """As ``unready``, of one input."""
    if not one.following:
        yield "nothing is followed yet"
    if one.unsaved is not None:
        yield f"{one.unsaved}; nothing is read until it can"
    elif one.saved_at is not None and now - one.saved_at > SECONDS_WITHOUT_A_SAVE:
        yield f"the state was saved {now - one.saved_at:.0f} s ago"
    if one.held_by is not None:
        yield f"{one.held_by} takes no more alerts: nothing is read until it does"
    elif one.unread_since is not None and now - one.unread_since > SECONDS_WITHOUT_A_LINE:
        unread = sum(source.unread for source in one.sources.values())
        yield f"{unread} bytes are unread and none was read for {now - one.unread_since:.0f} s"
    for name, sink in one.sinks.items():
        failing = seconds_failing(sink.waits_since, now)
        if sink.disabled:
            yield f"{name} wants no more alerts until the next start"
        elif failing > SECONDS_WITHOUT_A_DELIVERY:
            said = f" ({sink.problem})" if sink.problem else ""
            yield f"{name} has taken none of {sink.alerts} alerts for {failing:.0f} s{said}"


def seconds_failing(waits_since: float | None, now: float) -> float:
    """How long a sink has delivered nothing though it had something to deliver."""
    return 0.0 if waits_since is None else max(0.0, now - waits_since)
