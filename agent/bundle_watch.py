"""A bundle on disk that may be replaced while the agent runs."""

import logging
from collections.abc import Callable
from pathlib import Path

from agent.clock import Clock
from models.bundle import Bundle
from models.errors import UserError

_SECONDS_BETWEEN_LOOKS = 2.0

# Of every file: name, size, time of the last change, inode.
Look = tuple[tuple[str, int, int, int], ...]

log = logging.getLogger("metalog")


class BundleWatch:
    """Looks every two seconds whether another bundle lies at ``path``.

    load: reads and checks it. A change is acted on when two looks in a row have seen the same: who
    copies a folder file by file is let finish. What cannot be used is refused once, with a warning,
    until it changes again.
    """

    def __init__(
        self, path: Path, bundle: Bundle, load: Callable[[Path], Bundle], clock: Clock
    ) -> None:
        self.path = path
        self._fingerprint = bundle.fingerprint
        self._load = load
        self._clock = clock
        self._looked_at = clock.monotonic()
        self._settled: Look | None = None
        self._seen: Look | None = None
        self._asked = False

    def ask(self) -> None:
        """Have the next ``take`` look at once, and take what is there as it is."""
        self._asked = True

    def take(self) -> Bundle | None:
        """Another bundle than the last one, checked; None where there is none, or none yet."""
        now = self._clock.monotonic()
        asked, self._asked = self._asked, False
        if now - self._looked_at < _SECONDS_BETWEEN_LOOKS and not asked:
            return None
        self._looked_at = now
        look = look_at(self.path)
        before, self._seen = self._seen, look
        if look == self._settled or (look != before and not asked):
            return None
        self._settled = look
        # Also the first time, when nothing has changed since the start: reading all of it again
        # would cost an idle agent its most expensive moment, in time and in memory.
        if Bundle.fingerprint_at(self.path) == self._fingerprint:
            return None
        try:
            bundle = self._load(self.path)
        except UserError as error:
            self.refuse(error)
            return None
        # It may have been put back between the two.
        return None if bundle.fingerprint == self._fingerprint else bundle

    def accept(self, bundle: Bundle) -> None:
        """It is in use from now on."""
        self._fingerprint = bundle.fingerprint

    def refuse(self, error: UserError) -> None:
        log.warning("%s; the bundle in use stays in use", error)


def look_at(path: Path) -> Look:
    """Whether it may have changed; empty where nothing is there."""
    try:
        files = sorted(path.iterdir()) if path.is_dir() else [path]
        found = []
        for file in files:
            status = file.stat()
            found.append((file.name, status.st_size, status.st_mtime_ns, status.st_ino))
    except OSError:
        # Gone, or going: what there is to say, ``load`` says.
        return ()
    return tuple(found)
