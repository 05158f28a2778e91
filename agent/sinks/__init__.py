"""Where alerts go."""

from typing import Protocol


class Sink(Protocol):
    """Takes alerts and says which it has got rid of. Never blocks and never raises.

    name: stays the same over restarts, for the alerts that are still to be sent.
    """

    name: str

    def offer(self, alert: str, body: str) -> bool:
        """Take one alert (its id and its JSON); False where there is no room now."""
        ...

    def delivered(self) -> list[str]:
        """Ids of alerts that are done with since the last call."""
        ...

    def close(self, seconds: float) -> None:
        """Deliver what was taken, for at most so long."""
        ...
