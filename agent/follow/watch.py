"""Hearing of new, moved and deleted names sooner than by listing folders.

Nothing depends on it. Without it, or when it dies, names are noticed a second later.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from agent.follow.events import Event, Kind, Recorder

if TYPE_CHECKING:
    from watchdog.events import FileSystemEvent
    from watchdog.observers.api import BaseObserver, ObservedWatch

# Each watch is a thread of watchdog's. The folders beyond are noticed by listing them.
_MOST_WATCHES = 64


@dataclass(frozen=True, slots=True)
class _Watched:
    watch: ObservedWatch
    identity: tuple[int, int]


class FolderWatch:
    """Calls ``changed``, from another thread, when a name comes or goes in one of the folders."""

    def __init__(self, changed: Callable[[], None], recorder: Recorder) -> None:
        self._changed = changed
        self._recorder = recorder
        self._watched: dict[str, _Watched] = {}
        self._observer: BaseObserver | None = None
        self._told = False
        try:
            from watchdog.observers import Observer

            # "Filesystem events were lost", it says of an overflow. Nothing is: see above.
            logging.getLogger("watchdog").setLevel(logging.CRITICAL)
            self._observer = Observer()
            self._observer.daemon = True
            self._observer.start()
        except Exception as error:  # the platform's library decides what it raises
            self._give_up(error)

    @property
    def is_alive(self) -> bool:
        return self._observer is not None and self._observer.is_alive()

    def watch(self, folders: Iterable[str]) -> None:
        """Watch these folders, as many as there is room for, and no others."""
        if self._observer is None:
            return
        if not self._observer.is_alive():
            self._give_up(RuntimeError("watchdog's thread has ended"))
            return
        wanted: dict[str, tuple[int, int]] = {}
        for folder in folders:
            if len(wanted) >= _MOST_WATCHES:
                break
            # The folder itself, not a link to it: that is what would be watched otherwise.
            real = os.path.realpath(folder)
            try:
                status = Path(real).stat()
            except OSError:
                continue
            wanted[real] = (status.st_dev, status.st_ino)
        try:
            self._adjust(self._observer, wanted)
        except Exception as error:  # as above
            self._give_up(error)

    def close(self) -> None:
        observer, self._observer = self._observer, None
        self._watched.clear()
        if observer is not None and observer.is_alive():
            observer.stop()
            observer.join(timeout=2.0)

    def _adjust(self, observer: BaseObserver, wanted: dict[str, tuple[int, int]]) -> None:
        from watchdog import events

        class Handler(events.FileSystemEventHandler):
            def __init__(self, changed: Callable[[], None]) -> None:
                self._changed = changed

            def on_any_event(self, event: FileSystemEvent) -> None:
                self._changed()

        alive = {emitter.watch for emitter in observer.emitters if emitter.is_alive()}
        for folder, watched in list(self._watched.items()):
            # Deleted and made again: the watch belongs to the folder that is gone.
            if wanted.get(folder) != watched.identity or watched.watch not in alive:
                del self._watched[folder]
                if watched.watch in {emitter.watch for emitter in observer.emitters}:
                    observer.unschedule(watched.watch)
        for folder, identity in wanted.items():
            if folder in self._watched:
                continue
            watch = observer.schedule(
                Handler(self._changed),
                folder,
                # Only names: opening and reading files must not wake us, we do that ourselves.
                event_filter=[
                    events.FileCreatedEvent,
                    events.FileMovedEvent,
                    events.FileDeletedEvent,
                    events.DirCreatedEvent,
                    events.DirMovedEvent,
                    events.DirDeletedEvent,
                ],
            )
            self._watched[folder] = _Watched(watch, identity)

    def _give_up(self, error: Exception) -> None:
        if not self._told:
            self._told = True
            self._recorder.record(
                Event(
                    Kind.WATCH_FAILED,
                    "",
                    f"{error}; new files are noticed by listing folders every second instead "
                    "(on Linux, see the sysctl fs.inotify.max_user_watches)",
                )
            )
        self.close()
