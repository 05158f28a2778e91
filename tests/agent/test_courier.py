"""Delivery to real sinks: what order, what is tried again and when, what is dropped."""

import json
import logging
import os
import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.clock import SystemClock
from agent.delivery import Courier, Limits, Outage, Parcel, RetrySchedule, Tally, Waiting
from agent.delivery.schedule import RETRY_SECONDS
from agent.sinks.endpoint import Endpoint, parse_url
from agent.sinks.stdout import Stdout
from agent.sinks.webhook import Webhook
from agent.state import AlertTexts, Changes, State
from tests.agent.receiver import Receiver, Reply, Request, receiver


class MovedClock(SystemClock):
    """The real one, and what a test adds to it."""

    ahead = 0.0

    def wall(self) -> float:
        return super().wall() + self.ahead

    def monotonic(self) -> float:
        return super().monotonic() + self.ahead


def until(done: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not done():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_alerts_arrive_in_order_and_are_reported_once() -> None:
    reading, writing = os.pipe()
    with os.fdopen(reading) as pipe, os.fdopen(writing, "w") as stream:
        courier = Courier(Stdout(stream), SystemClock())
        courier.put([(f"id-{number}", f'{{"n": {number}}}') for number in range(50)])
        assert [pipe.readline() for _ in range(50)] == [f'{{"n": {n}}}\n' for n in range(50)]
        until(lambda: courier.backlog().alerts == 0)
        assert courier.backlog().bytes == 0
        assert courier.take_settled() == [f"id-{number}" for number in range(50)]
        assert courier.take_settled() == []
        courier.close(10)
        assert courier.join()


def test_a_sink_that_blocks_is_stalled_until_it_is_read() -> None:
    clock = MovedClock()
    reading, writing = os.pipe()
    with os.fdopen(reading) as pipe, os.fdopen(writing, "w") as stream:
        courier = Courier(Stdout(stream), clock)
        began = clock.wall()
        body = "x" * 100_000  # more than a pipe holds
        courier.put([("one", body), ("two", body)])
        assert courier.backlog().alerts == 2
        assert courier.backlog().stalled_since is None
        clock.ahead = 60.0
        backlog = courier.backlog()
        assert (backlog.alerts, backlog.bytes) == (2, 200_000)
        assert backlog.stalled_since is not None
        assert abs(backlog.stalled_since - began) < 30
        reader = threading.Thread(target=pipe.read, args=(200_002,))
        reader.start()
        until(lambda: courier.backlog().alerts == 0)
        reader.join()
        assert courier.backlog().stalled_since is None
        courier.close(10)
        assert courier.join()


def test_a_sink_that_does_not_come_back_is_not_waited_for() -> None:
    reading, writing = os.pipe()
    with os.fdopen(reading) as pipe, os.fdopen(writing, "w") as stream:
        courier = Courier(Stdout(stream), SystemClock())
        courier.put([("one", "x" * 100_000)])
        courier.close(0.1)
        assert not courier.join()
        assert courier.backlog().alerts == 1
        pipe.read(100_001)
        courier.close(10)
        assert courier.join()


# Webhooks.


def body(alert: str) -> str:
    return json.dumps({"id": alert, "kind": "session", "status": "firing"})


def ids(server: Receiver) -> list[str]:
    with server.arrived:
        return [request.headers["webhook-id"] for request in server.seen]


def never(failures: int = 1_000_000) -> Outage:
    return Outage(failures=failures)


@contextmanager
def to(server: Receiver, clock: SystemClock | None = None, **given: Any) -> Iterator[Courier]:
    """A courier to a webhook. Nothing waits for its end."""
    sink = Webhook(Endpoint(parse_url(server.url)))
    courier = Courier(sink, clock or SystemClock(), **given)
    try:
        yield courier
    finally:
        courier.close(0)
        server.ending.set()


def failing(*alerts: str) -> Callable[[Request], int]:
    """500 at the first attempt of each of these."""
    first = set(alerts)

    def choose(request: Request) -> int:
        ident = request.headers["webhook-id"]
        if ident in first:
            first.discard(ident)
            return 500
        return 200

    return choose


def test_one_that_fails_waits_and_holds_up_no_other() -> None:
    clock = MovedClock()
    with receiver() as server, to(server, clock) as courier:
        server.choose = failing("b")
        courier.put([(one, body(one)) for one in "abcd"])
        server.wait_for(3)
        assert ids(server) == ["a", "b", "c", "d"]
        until(lambda: courier.backlog().alerts == 1)
        assert courier.report()["retrying"] == 1
        assert courier.take_failed()["b"][0] == 1
        clock.ahead = 6.1  # five seconds, and a fifth of that at most
        server.wait_for(4)
        assert ids(server) == ["a", "b", "c", "d", "b"]
        until(lambda: courier.backlog().alerts == 0)
        assert sorted(courier.take_settled()) == ["a", "b", "c", "d"]
        assert courier.take_failed() == {}, "what is settled is not to be tried again"
        assert courier.report() == {
            "delivered": 4, "failed_attempts": 1, "dropped": {}, "retrying": 0,
        }  # fmt: skip


def test_pauses_are_never_shorter_than_said_and_end_after_a_day() -> None:
    schedule = RetrySchedule(draw=random.Random(1))
    pauses = [schedule.after(attempts) for attempts in range(1, len(RETRY_SECONDS) + 1)]
    for said, pause in zip(RETRY_SECONDS, pauses, strict=True):
        assert pause is not None
        assert said <= pause <= 1.2 * said
    assert RETRY_SECONDS[:7] == (5, 5, 15, 60, 300, 1800, 3600)
    assert 23 * 3600 < sum(RETRY_SECONDS) <= 24 * 3600
    assert schedule.after(len(RETRY_SECONDS) + 1) is None
    asked = schedule.after(1, asked=100.0)
    assert asked is not None
    assert asked >= 100


def test_after_the_last_attempt_it_is_given_up(caplog: pytest.LogCaptureFixture) -> None:
    with receiver(500) as server:
        schedule = RetrySchedule([0.01, 0.01])
        with to(server, schedule=schedule, outage=never()) as courier:
            courier.put([("a", body("a")), ("b", body("b"))])
            until(lambda: courier.backlog().alerts == 0)
            assert sorted(courier.take_settled()) == ["a", "b"]
            assert courier.report()["dropped"] == {"given_up": 2}
            assert server.requests == 6
    assert [one.levelno for one in caplog.records].count(logging.ERROR) == 1, "said once"


def test_what_is_refused_is_dropped_and_counted() -> None:
    with receiver() as server, to(server) as courier:
        server.choose = lambda request: 400 if request.headers["webhook-id"] == "b" else 200
        courier.put([(one, body(one)) for one in "abc"])
        until(lambda: courier.backlog().alerts == 0)
        assert courier.take_settled() == ["a", "b", "c"]
        report = courier.report()
        assert (report["delivered"], report["dropped"]) == (2, {"refused": 1})


def test_410_disables_and_is_said_once(caplog: pytest.LogCaptureFixture) -> None:
    with receiver(200, 410) as server, to(server) as courier:
        courier.put([(one, body(one)) for one in "abcd"])
        until(lambda: courier.backlog().alerts == 0)
        courier.put([("e", body("e"))])
        assert sorted(courier.take_settled()) == list("abcde")
        report = courier.report()
        assert report["dropped"] == {"disabled": 4}
        assert report["disabled"]["said"] == "HTTP 410"
        assert server.requests == 2
    assert [one.levelno for one in caplog.records] == [logging.ERROR]


def test_one_that_is_sent_too_much_is_left_alone_for_as_long_as_it_says() -> None:
    clock = MovedClock()
    with receiver(Reply(429, {"Retry-After": "600"}), 200) as server, to(server, clock) as courier:
        courier.put([(one, body(one)) for one in "abc"])
        until(lambda: bool(courier.take_failed()))
        clock.ahead = 590.0
        courier.put([("d", body("d"))])
        until(lambda: courier.backlog().alerts == 4)
        assert server.requests == 1
        clock.ahead = 721.0
        server.wait_for(4)


def test_retry_after_of_a_failure_is_that_of_the_alert_alone() -> None:
    clock = MovedClock()
    with receiver(Reply(503, {"Retry-After": "600"}), 200) as server, to(server, clock) as courier:
        courier.put([(one, body(one)) for one in "abc"])
        assert [one["data"]["id"] for one in server.wait_for(2)] == ["b", "c"]
        clock.ahead = 590.0
        courier.put([("d", body("d"))])
        assert [one["data"]["id"] for one in server.wait_for(3)] == ["b", "c", "d"]
        clock.ahead = 721.0
        assert server.wait_for(4)[-1]["data"]["id"] == "a"


def test_a_receiver_that_is_down_is_asked_now_and_then_only() -> None:
    clock = MovedClock()
    outage = Outage(failures=5, first=100.0, longest=150.0)
    with receiver(500) as server, to(server, clock, outage=outage) as courier:
        courier.put([(str(number), body(str(number))) for number in range(50)])
        server.wait_for_requests(5)
        until(lambda: courier.report()["failed_attempts"] == 5)
        # Retries of the five would be due, too: none is made while it is down.
        clock.ahead = 60.0
        courier.put([("50", body("50"))])
        assert server.requests == 5
        clock.ahead = 101.0
        until(lambda: courier.report()["failed_attempts"] == 6)
        server.answers = [200]
        clock.ahead = 400.0
        server.wait_for(51)
        until(lambda: courier.report()["delivered"] == 51)


def test_no_more_wait_than_may_and_the_oldest_go() -> None:
    with receiver(500) as server:
        outage = Outage(failures=1, first=1e6, longest=1e6)
        with to(server, outage=outage, limits=Limits(alerts=5)) as courier:
            courier.put([("0", body("0"))])
            until(lambda: courier.report()["failed_attempts"] == 1)
            courier.put([(str(number), body(str(number))) for number in range(1, 9)])
            assert courier.take_settled() == ["0", "1", "2", "3"]
            assert courier.report()["dropped"] == {"full": 4}
            assert courier.backlog().alerts == 5


def test_no_more_bytes_wait_than_may() -> None:
    with receiver(500) as server:
        outage = Outage(failures=1, first=1e6, longest=1e6)
        with to(server, outage=outage, limits=Limits(bytes=1000)) as courier:
            courier.put([("0", body("0"))])
            until(lambda: courier.report()["failed_attempts"] == 1)
            courier.put([(str(number), "x" * 400) for number in range(1, 5)])
            assert courier.take_settled() == ["0", "1", "2"]
            assert courier.backlog().bytes == 800


def test_nothing_waits_for_ever() -> None:
    clock = MovedClock()
    with receiver(500) as server:
        outage = Outage(failures=1, first=1e9, longest=1e9)
        with to(server, clock, outage=outage, limits=Limits(seconds=100.0)) as courier:
            courier.put([(one, body(one)) for one in "ab"])
            until(lambda: courier.report()["failed_attempts"] == 1)
            clock.ahead = 101.0
            until(lambda: courier.backlog().alerts == 0)
            assert courier.report()["dropped"] == {"old": 2}


def test_attempts_and_counts_go_on_over_a_restart(tmp_path: Path) -> None:
    clock = MovedClock()

    def changes(**given: Any) -> Changes:
        return Changes(wall=clock.wall(), now=clock.monotonic(), age=0.0, **given)

    state = State(tmp_path)
    path = state.path
    with receiver() as server:
        server.choose = failing("a", "b")
        name = Webhook(Endpoint(parse_url(server.url))).name
        # Nothing is held in memory: each text is read from the state when it is due.
        given: dict[str, Any] = {"texts": lambda: AlertTexts(path), "limits": Limits(in_memory=0)}
        alerts = [(one, body(one)) for one in "abc"]
        state.save(changes(alerts=alerts, sinks=[name]))
        with to(server, clock, **given) as courier:
            courier.put(alerts)
            server.wait_for(1)
            until(lambda: courier.backlog().alerts == 2)
            failed = {(one, name): retry for one, retry in courier.take_failed().items()}
            report = {"sinks": {name: courier.report()}}
            sent = [(one, name) for one in courier.take_settled()]
            state.save(changes(sinks=[name], sent=sent, failed=failed, report=report))
        state.close()
        state = State(tmp_path)
        with closing(state):
            assert [(one.alert, one.attempts) for one in state.saved.unsent] == [("a", 1), ("b", 1)]
            assert all(one.due_wall > clock.wall() for one in state.saved.unsent)
            tally = Tally(state.saved.report["sinks"][name])
            server.ending.clear()
            with to(server, clock, tally=tally, **given) as courier:
                courier.put_parcels(
                    Parcel(one.alert, one.size, one.raised_wall, None, one.attempts, one.due_wall)
                    for one in state.saved.unsent
                )
                assert courier.backlog().bytes == len(body("a")) + len(body("b"))
                assert server.requests == 3
                clock.ahead = 10.0
                server.wait_for(3)
                until(lambda: courier.report()["delivered"] == 3)
                assert courier.report()["failed_attempts"] == 2


def test_an_alert_that_is_nowhere_to_be_found_holds_up_no_other(tmp_path: Path) -> None:
    state = State(tmp_path)
    with closing(state), receiver() as server:
        state.save(Changes(wall=1.0, now=1.0, age=0.0, alerts=[("b", body("b"))], sinks=["x"]))
        with to(server, texts=lambda: AlertTexts(state.path)) as courier:
            now = time.time()
            courier.put_parcels([Parcel("a", 1, now), Parcel("b", 1, now)])
            assert [one["data"]["id"] for one in server.wait_for(1)] == ["b"]
            until(lambda: courier.backlog().alerts == 0)
            assert courier.take_settled() == ["a", "b"]
            assert courier.report()["dropped"] == {"missing": 1}


def test_two_sinks_do_not_hold_up_each_other() -> None:
    hangs = Reply(hangs=True)
    with receiver(hangs) as slow, receiver() as fast, to(slow) as first, to(fast) as second:
        alerts = [(str(number), body(str(number))) for number in range(20)]
        first.put(alerts)
        second.put(alerts)
        assert len(fast.wait_for(20)) == 20
        assert first.backlog().alerts == 20


@given(st.data())
def test_waiting_keeps_order_time_and_count(data: st.DataObject) -> None:
    waiting = Waiting(Limits(alerts=6), longest_pause=1e9)
    now, number = 0.0, 0
    fresh: list[str] = []
    due: dict[str, float] = {}
    for _ in range(data.draw(st.integers(1, 40))):
        step = data.draw(st.sampled_from(["add", "take", "wait", "shed"]))
        if step == "add":
            waiting.add(Parcel(str(number), 10, now, "x" * 10))
            fresh.append(str(number))
            number += 1
        elif step == "wait":
            now += data.draw(st.integers(1, 20))
        elif step == "shed":
            for parcel, old in waiting.shed(now):
                assert not old
                fresh = [one for one in fresh if one != parcel.id]
                due.pop(parcel.id, None)
            assert len(waiting) <= 6
        else:
            parcel_or_none = waiting.take(now)
            ready = [one for one, when in due.items() if when <= now]
            if parcel_or_none is None:
                assert not fresh
                assert not ready
                continue
            parcel = parcel_or_none
            if ready:
                assert parcel.id in ready
                assert due.pop(parcel.id) <= now
            else:
                assert parcel.id == fresh.pop(0)
            outcome = data.draw(st.sampled_from(["done", "failed", "back"]))
            if outcome == "done":
                waiting.done(parcel)
            elif outcome == "failed":
                due[parcel.id] = now + data.draw(st.integers(1, 20))
                waiting.failed(parcel, due[parcel.id])
            else:
                waiting.put_back(parcel)
                if parcel.attempts:
                    due[parcel.id] = parcel.due
                else:
                    fresh.insert(0, parcel.id)
        assert len(waiting) == len(fresh) + len(due)
        assert waiting.bytes == 10 * len(waiting)
        assert waiting.retries == len(due)
