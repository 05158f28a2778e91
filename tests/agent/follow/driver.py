"""A process that only follows: ``python -m tests.agent.follow.driver PATH LINES``.

Reads a file or folder from its beginning until so many lines came, then prints one JSON object:
how many and how long they were, what was said, and the most memory it ever had.
"""

import json
import sys
from collections import Counter
from pathlib import Path

from agent.follow import Follower, Selection
from tests.agent.follow.harness import ListRecorder


def peak_mib() -> float:
    """Of this process; ``getrusage`` would count its parent's from before ``exec``, too."""
    status = Path("/proc/self/status").read_text()
    kib = next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM"))
    return int(kib) / 1024


def main() -> None:
    path, wanted = sys.argv[1], int(sys.argv[2])
    recorder = ListRecorder()
    selection = Selection([path], recorder=recorder)
    follower = Follower(selection, start="beginning", recorder=recorder)
    lengths: list[int] = []
    while len(lengths) < wanted:
        for batch in follower.poll():
            lengths += map(len, batch.lines)
        follower.wait(1.0)
    print(
        json.dumps(
            {
                "lines": len(lengths),
                "longest": max(lengths),
                "events": Counter(event.kind for event in recorder.events),
                "peak_mib": peak_mib(),
            }
        )
    )
    follower.close()


if __name__ == "__main__":
    main()
