"""The lines of the run: each of them can be told from all others, on disk and in an alert."""

import re

# A session is one line of each. The last one ends it.
WORDS = ("opened", "paid", "shipped", "refused", "closed")
END = "closed"
# Sessions are numbered through; those of one file lie together.
SESSIONS_A_FILE = 10**6

_LINE = re.compile(rb"Mar  1 12:00:00 web shop\[311\]: order ord-(\d+) ([a-z]+)")


def line(session: int, word: int) -> str:
    return f"Mar  1 12:00:00 web shop[311]: order ord-{session} {WORDS[word]}\n"


def read(line: bytes) -> tuple[int, int] | None:
    """Session and word of a line, None when it is not whole."""
    match = _LINE.fullmatch(line)
    if match is None or (word := match[2].decode()) not in WORDS:
        return None
    return int(match[1]), WORDS.index(word)
