"""Sleeping so that anybody may end the sleep."""

import contextlib
import os
import select


class Wakeup:
    """A pipe to oneself.

    Not a threading.Event: set() from a signal handler waits for a lock that the interrupted wait()
    may hold.
    """

    def __init__(self) -> None:
        self._receiver, self._sender = os.pipe()
        os.set_blocking(self._receiver, False)
        os.set_blocking(self._sender, False)
        self._poll = select.poll()
        self._poll.register(self._receiver, select.POLLIN)
        self._closed = False

    def wake(self) -> None:
        """End the present sleep, or the next one. From any thread, from a signal handler."""
        if not self._closed:
            # A full pipe wakes just as well.
            with contextlib.suppress(OSError):
                os.write(self._sender, b"!")

    def sleep(self, seconds: float) -> bool:
        """Whether it was ended by ``wake``."""
        if not self._poll.poll(max(0.0, seconds) * 1000.0):
            return False
        with contextlib.suppress(BlockingIOError):
            while os.read(self._receiver, 4096):
                pass
        return True

    def close(self) -> None:
        if not self._closed:
            self._closed = True
            os.close(self._receiver)
            os.close(self._sender)
