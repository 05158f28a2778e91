"""What a save of the agent's state writes and takes, with many sessions open.

    python benchmarks/state_writes.py [--open 100000] [--changing 1000] [--saves 300] [--length 20]

So many sessions are open, so many of them get a line between two saves, and one that has
``--length`` lines ends and makes room for another. Prints bytes handed to the kernel (SQLite's log
and what is copied from it into the database; Linux counts them) and milliseconds, a save.
"""

import argparse
import random
import tempfile
import time
from pathlib import Path

from agent.state import Adopted, Changes, State
from models.events import HostEvent
from models.sessions import KeptLine, Session

_EVENTS = 500
# Characters of a raw line. The first of each event is kept with its session, of all sessions as
# many as the agent has room for.
_LINE = 140
_MOST_LINES = 140_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--open", type=int, default=100_000)
    parser.add_argument("--changing", type=int, default=1000)
    parser.add_argument("--saves", type=int, default=300)
    parser.add_argument("--length", type=int, default=20, help="lines of a session")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        measure(Path(folder), given.open, given.changing, given.saves, given.length)


class Shop:
    """Makes sessions and adds lines to them."""

    def __init__(self) -> None:
        self._draw = random.Random(1)
        self._kept = 0
        self._sessions = 0

    def session(self, length: int) -> Session[int]:
        log = "/var/log/shop/orders.log"
        place = f"{log}:{self._sessions * 100}"
        session: Session[int] = Session(
            f"blk_{self._sessions:019d}", log, place, [], 1.0, 2.0, 0.5, last=place
        )
        self._sessions += 1
        for _ in range(length):
            self.add_line(session)
        return session

    def add_line(self, session: Session[int]) -> None:
        event = self._draw.randrange(_EVENTS)
        session.items.append(event)
        kept = session.kept = session.kept or {}
        if event not in kept and self._kept < _MOST_LINES:
            kept[event] = KeptLine.at(len(session.items) - 1, session.place, "x" * _LINE)
            self._kept += 1

    def end(self, session: Session[int]) -> None:
        self._kept -= len(session.kept or {})


def measure(folder: Path, opened: int, changing: int, saves: int, length: int) -> None:
    draw, shop = random.Random(2), Shop()
    state = State(folder)
    sessions = [shop.session(draw.randrange(1, length)) for _ in range(opened)]
    before, began = _written(), time.perf_counter()
    state.save(
        Changes(
            wall=0.0, now=0.0, age=0.0, sessions={one.key: one for one in sessions},
            adopted=Adopted("bundle", [HostEvent(f"template {one}", 0) for one in range(_EVENTS)]),
        )
    )  # fmt: skip
    print(
        f"the first save, {opened} sessions: {(_written() - before) / 1e6:.2f} MB, "
        f"{1000 * (time.perf_counter() - began):.0f} ms"
    )
    megabytes, milliseconds = [], []
    for turn in range(1, saves + 1):
        changed: dict[str, Session[int] | None] = {}
        for place in draw.sample(range(opened), changing):
            one = sessions[place]
            shop.add_line(one)
            one.last_time = one.touched = float(turn)
            changed[one.key] = one
            if len(one.items) >= length:
                changed[one.key] = None
                shop.end(one)
                sessions[place] = shop.session(1)
                changed[sessions[place].key] = sessions[place]
        before, began = _written(), time.perf_counter()
        state.save(Changes(wall=float(turn), now=float(turn), age=float(turn), sessions=changed))
        milliseconds.append(1000 * (time.perf_counter() - began))
        megabytes.append((_written() - before) / 1e6)
    database = state.path.stat().st_size / 1e6
    began = time.perf_counter()
    state.close()
    again = State(folder)
    assert len(again.saved.sessions) == opened
    again.close()
    print(
        f"{saves} saves, {changing} sessions changed in each: MB a save {_spread(megabytes)}; "
        f"ms {_spread(milliseconds)}; database {database:.1f} MB, "
        f"read again in {time.perf_counter() - began:.2f} s"
    )


def _written() -> int:
    fields = dict(line.split(": ") for line in Path("/proc/self/io").read_text().splitlines())
    return int(fields["wchar"])


def _spread(values: list[float]) -> str:
    ordered = sorted(values)
    mean = sum(values) / len(values)
    return f"{mean:.3f} (median {ordered[len(ordered) // 2]:.3f}, most {ordered[-1]:.3f})"


if __name__ == "__main__":
    main()
