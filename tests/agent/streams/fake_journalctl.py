"""A journalctl that reads a file of entries, for where no journal runs.

It knows what the agent asks of the real one: --output=json, --lines=1, --cursor=C (that entry and
all after it), --unit=U, --follow, --all, --no-tail, --no-pager, --output-fields=... Entries are
JSON lines in $FAKE_JOURNAL/entries; each start is noted in $FAKE_JOURNAL/starts, one JSON array of
arguments a line. Where there is a file $FAKE_JOURNAL/fail, it says its text on stderr and ends with
code 1; a file die-after holds the number of entries after which it ends with code 3.
"""

import json
import os
import select
import sys
from pathlib import Path

PLACE = Path(os.environ["FAKE_JOURNAL"])


def main() -> int:
    arguments = sys.argv[1:]
    assert "NOTIFY_SOCKET" not in os.environ
    with (PLACE / "starts").open("a") as starts:
        starts.write(json.dumps(arguments) + "\n")
    values = dict(one.partition("=")[::2] for one in arguments)
    units = {one.removeprefix("--unit=") for one in arguments if one.startswith("--unit=")}
    assert values["--output"] == "json"
    known = {"--output", "--lines", "--cursor", "--unit", "--follow", "--all", "--no-tail",
             "--no-pager", "--output-fields"}  # fmt: skip
    assert set(values) <= known, arguments
    if (PLACE / "fail").exists():
        sys.stderr.write((PLACE / "fail").read_text())
        return 1
    die_after = PLACE / "die-after"
    most = int(die_after.read_text()) if die_after.exists() else None
    shown = 0
    begun = "--cursor" not in values
    with (PLACE / "entries").open("rb") as entries:
        if values.get("--lines") == "1":
            sys.stdout.buffer.write(b"".join(entries.read().splitlines(keepends=True)[-1:]))
            return 0
        held = b""
        reader = select.poll()
        reader.register(sys.stdout, 0)
        while True:
            held += entries.readline()
            if not held.endswith(b"\n"):
                if "--follow" not in values:
                    return 0
                sys.stdout.flush()
                if reader.poll(10):
                    # As the real one: who read this is gone, killed maybe.
                    return 0
                continue
            line, held = held, b""
            entry = json.loads(line) if len(line) < 2**20 else {"__CURSOR": ""}
            begun = begun or entry["__CURSOR"] == values["--cursor"]
            if not begun or (units and entry.get("_SYSTEMD_UNIT") not in units):
                continue
            sys.stdout.buffer.write(line)
            shown += 1
            if most is not None and shown > most:
                sys.stdout.flush()
                sys.stderr.write("-- a word\nthe journal was vacuumed\n")
                return 3


if __name__ == "__main__":
    sys.exit(main())
