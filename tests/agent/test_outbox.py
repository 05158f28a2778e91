import os
import threading
import time
from collections.abc import Callable

from agent.clock import SystemClock
from agent.outbox import Outbox
from agent.sinks.stdout import Stdout


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
        outbox = Outbox(Stdout(stream), SystemClock())
        outbox.put([(f"id-{number}", f"body {number}") for number in range(50)])
        assert [pipe.readline() for _ in range(50)] == [f"body {n}\n" for n in range(50)]
        until(lambda: outbox.backlog().alerts == 0)
        assert outbox.backlog().bytes == 0
        assert outbox.take_delivered() == [f"id-{number}" for number in range(50)]
        assert outbox.take_delivered() == []
        outbox.close(10)
        assert outbox.join()


def test_a_sink_that_blocks_is_stalled_until_it_is_read() -> None:
    clock = MovedClock()
    reading, writing = os.pipe()
    with os.fdopen(reading) as pipe, os.fdopen(writing, "w") as stream:
        outbox = Outbox(Stdout(stream), clock)
        began = clock.wall()
        body = "x" * 100_000  # more than a pipe holds
        outbox.put([("one", body), ("two", body)])
        assert outbox.backlog().alerts == 2
        assert outbox.backlog().stalled_since is None
        clock.ahead = 60.0
        backlog = outbox.backlog()
        assert (backlog.alerts, backlog.bytes) == (2, 200_000)
        assert backlog.stalled_since is not None
        assert abs(backlog.stalled_since - began) < 30
        reader = threading.Thread(target=pipe.read, args=(200_002,))
        reader.start()
        until(lambda: outbox.backlog().alerts == 0)
        reader.join()
        assert outbox.backlog().stalled_since is None
        outbox.close(10)
        assert outbox.join()


def test_a_sink_that_does_not_come_back_is_not_waited_for() -> None:
    reading, writing = os.pipe()
    with os.fdopen(reading) as pipe, os.fdopen(writing, "w") as stream:
        outbox = Outbox(Stdout(stream), SystemClock())
        outbox.put([("one", "x" * 100_000)])
        outbox.close(0.1)
        assert not outbox.join()
        assert outbox.backlog().alerts == 1
        pipe.read(100_001)
        outbox.close(10)
        assert outbox.join()
