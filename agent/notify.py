"""Words to the service manager: the protocol of sd_notify(3), one datagram a message."""

import logging
import os
import socket
from collections.abc import Callable, Mapping
from time import CLOCK_MONOTONIC, clock_gettime

# A status line longer than that is of no use to anybody; systemd takes 4 KiB.
_LONGEST_STATUS = 512

log = logging.getLogger("metalog")


class Notifier:
    """Tells the service manager how the agent is; without one, as at a terminal, says nothing.

    ``alive`` is for the main loop: it is told to the watchdog at half of the time that it gives,
    so that it comes only from a loop that goes on. Nothing raises: a service manager that cannot be
    reached is no reason to stop reading logs.

    environment: ``NOTIFY_SOCKET`` (a path, or ``@name`` for an abstract socket), ``WATCHDOG_USEC``
    and ``WATCHDOG_PID``. clock: seconds that never go back.
    """

    def __init__(self, environment: Mapping[str, str], clock: Callable[[], float]) -> None:
        self._clock = clock
        self._status = ""
        self._told_at: float | None = None
        self._socket: socket.socket | None = None
        self._address = address_of(environment.get("NOTIFY_SOCKET", ""))
        self._watchdog = _watchdog_seconds(environment) if self._address else None
        if self._address:
            try:
                self._socket = socket.socket(
                    socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC
                )
                # A manager that does not read must not hold the loop.
                self._socket.setblocking(False)
            except OSError as error:
                log.warning("the service manager cannot be told anything: %s", error)

    @property
    def listens(self) -> bool:
        """Whether there is anybody to tell."""
        return self._socket is not None

    @property
    def seconds_between_signs(self) -> float | None:
        """How often ``alive`` must be called at least, None where nobody waits for it."""
        return None if self._watchdog is None else self._watchdog / 2

    def ready(self) -> None:
        """It has begun, or has read its configuration again: nothing is missed from here on."""
        self._send("READY=1")

    def reloading(self) -> None:
        """It reads its configuration again. ``ready`` must follow, also where that was refused."""
        microseconds = int(clock_gettime(CLOCK_MONOTONIC) * 1e6)
        self._send(f"RELOADING=1\nMONOTONIC_USEC={microseconds}")

    def stopping(self) -> None:
        """It finishes: what is to be saved and sent takes up to some seconds."""
        self._send("STOPPING=1")

    def status(self, text: str) -> None:
        """One line for people (``systemctl status``); told when it is another than before."""
        text = " ".join(text.split())[:_LONGEST_STATUS]
        if text != self._status:
            self._status = text
            self._send(f"STATUS={text}")

    def alive(self) -> None:
        """The loop goes on. Cheap: most calls say nothing."""
        if self._watchdog is None:
            return
        now = self._clock()
        # A third, not half: calls come when a piece of work is done, and the next one may be long.
        if self._told_at is None or now - self._told_at >= self._watchdog / 3:
            self._told_at = now
            self._send("WATCHDOG=1")

    def _send(self, message: str) -> None:
        if self._socket is None:
            return
        try:
            self._socket.sendto(message.encode(), self._address)
        except OSError as error:
            log.debug("the service manager was not told %s: %s", message.partition("=")[0], error)


def address_of(path: str) -> bytes | str:
    """Of a socket as ``NOTIFY_SOCKET`` says it; empty for none that can be used."""
    if path.startswith("@"):
        return b"\0" + os.fsencode(path[1:])
    return path if path.startswith("/") else ""


def _watchdog_seconds(environment: Mapping[str, str]) -> float | None:
    given, whose = environment.get("WATCHDOG_USEC", ""), environment.get("WATCHDOG_PID", "")
    if not given.isdecimal() or int(given) == 0 or (whose and whose != str(os.getpid())):
        return None
    return int(given) / 1e6
