"""The endpoint, which may come, move and go while the agent runs."""

import logging
from typing import TYPE_CHECKING

from agent.metrics.address import Address
from agent.metrics.board import Board

if TYPE_CHECKING:
    from agent.metrics.server import Server

log = logging.getLogger("metalog")


class Endpoint:
    """Serves a board. An address that cannot be had is a warning: alerts matter more."""

    def __init__(self, board: Board) -> None:
        self._board = board
        self._server: Server | None = None
        self._address: Address | None = None

    def listen(self, address: Address | None) -> None:
        """From now on here, and no longer anywhere else; None for nowhere. An address that could
        not be had is tried again."""
        if self._server is not None and address == self._address:
            return
        self._close()
        self._address = address
        if address is None:
            return
        # Takes memory: imported only where somebody wants it.
        from agent.metrics.server import Server

        try:
            self._server = Server(address, self._board)
        except OSError as error:
            log.warning(
                "%s: no metrics there: %s; the agent goes on without, SIGHUP tries again",
                address, error.strerror or error,
                extra={"fields": {"address": str(address)}},
            )  # fmt: skip
            return
        self._board.wanted = True
        here = Address(address.host, self._server.server_address[1])
        log.info("metrics on http://%s/metrics", here, extra={"fields": {"address": str(here)}})

    def _close(self) -> None:
        server, self._server = self._server, None
        self._board.wanted = False
        if server is not None:
            server.shutdown()
            server.server_close()
