"""Several inputs in one thread: whoever has something to do gets a turn."""

import logging
import math
from collections.abc import Callable, Mapping
from time import monotonic

from agent.follow import Wakeup
from agent.logs import speaking_of
from agent.metrics.board import Board, Busy
from agent.notify import Notifier
from agent.watching import Watching
from models.errors import UserError

_LONGEST_SLEEP = 1.0

log = logging.getLogger("metalog")


class Rounds:
    """Gives inputs their turns until it is stopped, or, with ``once``, until all are at their end.

    A turn reads a bounded number of bytes of each file, so an input with a backlog does not keep
    the others from theirs; one that waits for its sinks or its disk gives its turn away. Between
    turns the thread sleeps until the first of them is due or a name comes or goes.

    inputs: by name; reload: called between turns after ``hang_up``, may change ``inputs``.
    notifier, board: hear how it goes.
    """

    def __init__(
        self,
        inputs: Mapping[str, Watching],
        wakeup: Wakeup,
        notifier: Notifier | None = None,
        board: Board | None = None,
    ) -> None:
        self.inputs = dict(inputs)
        self.reload: Callable[[Rounds], None] | None = None
        self._wakeup = wakeup
        self._notifier = notifier or Notifier({}, monotonic)
        self._board = board or Board()
        self._sleep = min(_LONGEST_SLEEP, self._notifier.seconds_between_signs or math.inf)
        self._ready = False
        self._stopping = self._asked = False

    def stop(self) -> None:
        """Finish the turn, save, return from ``run``. Safe in a signal handler."""
        self._stopping = True
        for one in list(self.inputs.values()):
            one.stop()
        self._wakeup.wake()

    def hang_up(self) -> None:
        """Reload after this turn. Safe in a signal handler."""
        self._asked = True
        self._wakeup.wake()

    def run(self) -> None:
        """Raises UserError where a state cannot be saved; the others are saved then, too."""
        try:
            self._run()
        except UserError as error:
            self._end(error)
            raise
        self._notifier.stopping()
        if self._stopping:
            log.info("stopping")
        if (problem := self._end(None)) is not None:
            raise problem

    def _tell(self) -> None:
        # Also while nothing is read: to be started again would not help a receiver or a disk.
        self._notifier.alive()
        self._board.turn(self.inputs)
        if not self._ready and all(one.started for one in self.inputs.values()):
            self._ready = True
            self._notifier.ready()
        if self._notifier.listens:
            said = {name: one.status() for name, one in self.inputs.items()}
            self._notifier.status(
                "; ".join(f"{name}: {one}" if name else one for name, one in said.items())
            )

    def _run(self) -> None:
        woken = True
        while not self._stopping:
            if self._asked and self.reload is not None:
                self._asked = False
                self._notifier.reloading()
                self._board.begin(Busy.reloading)
                self.reload(self)
                self._notifier.ready()
                woken = True
            for name, one in list(self.inputs.items()):
                if self._stopping:
                    return
                if not one.ended and (woken or one.seconds_until_due() <= 0):
                    with speaking_of(name):
                        one.turn()
                    self._board.beat()
            self._tell()
            going_on = [one for one in self.inputs.values() if not one.ended]
            if not going_on:
                return
            if not self._stopping:
                due = min(one.seconds_until_due() for one in going_on)
                woken = self._wakeup.sleep(min(self._sleep, due))

    def _end(self, problem: UserError | None) -> UserError | None:
        """Together, as each may wait for its sinks; the first problem."""
        self._board.begin(Busy.stopping)
        for step in (Watching.begin_to_end, Watching.finish):
            for name, one in self.inputs.items():
                try:
                    with speaking_of(name):
                        step(one)
                except UserError as error:
                    problem = problem or error
        return problem
