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
from models.sessions import KeptLine, Session

_EVENTS = 500
# Characters of a raw line; the first of each event is kept with its session.
_LINE = 140


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--open", type=int, default=100_000)
    parser.add_argument("--changing", type=int, default=1000)
    parser.add_argument("--saves", type=int, default=300)
    parser.add_argument("--length", type=int, default=20, help="lines of a session")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        measure(Path(folder), given.open, given.changing, given.saves, given.length)


def measure(folder: Path, opened: int, changing: int, saves: int, length: int) -> None:
    draw = random.Random(1)
    state = State(folder)
    sessions = [_session(number, draw, draw.randrange(1, length)) for number in range(opened)]
    before, began = _written(), time.perf_counter()
    state.save(
        Changes(
            wall=0.0, now=0.0, age=0.0, sessions={one.key: one for one in sessions},
            adopted=Adopted("bundle", [f"template {number}" for number in range(_EVENTS)]),
        )
    )  # fmt: skip
    print(
        f"the first save, {opened} sessions: {(_written() - before) / 1e6:.2f} MB, "
        f"{1000 * (time.perf_counter() - began):.0f} ms"
    )
    megabytes, milliseconds = [], []
    number = opened
    for turn in range(1, saves + 1):
        changed: dict[str, Session[int] | None] = {}
        for place in draw.sample(range(opened), changing):
            one = sessions[place]
            _add_line(one, draw.randrange(_EVENTS))
            one.last_time = one.touched = float(turn)
            changed[one.key] = one
            if len(one.items) >= length:
                changed[one.key] = None
                sessions[place] = _session(number, draw, 1)
                changed[sessions[place].key] = sessions[place]
                number += 1
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


def _session(number: int, draw: random.Random, length: int) -> Session[int]:
    place = f"/var/log/shop/orders.log:{number * 100}"
    session: Session[int] = Session(
        f"blk_{number:019d}", "/var/log/shop/orders.log", place, [], 1.0, 2.0, 0.5
    )
    for _ in range(length):
        _add_line(session, draw.randrange(_EVENTS))
    return session


def _add_line(session: Session[int], event: int) -> None:
    session.items.append(event)
    session.last_place = session.place
    kept = session.kept = session.kept or {}
    if event not in kept:
        kept[event] = KeptLine(len(session.items) - 1, session.place, "x" * _LINE)


def _written() -> int:
    fields = dict(line.split(": ") for line in Path("/proc/self/io").read_text().splitlines())
    return int(fields["wchar"])


def _spread(values: list[float]) -> str:
    ordered = sorted(values)
    mean = sum(values) / len(values)
    return f"{mean:.3f} (median {ordered[len(ordered) // 2]:.3f}, most {ordered[-1]:.3f})"


if __name__ == "__main__":
    main()
