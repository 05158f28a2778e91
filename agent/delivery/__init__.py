"""Getting alerts to their sinks: what waits, when it is tried again, and what is given up."""

from agent.delivery.courier import Backlog, Courier
from agent.delivery.schedule import Outage, RetrySchedule
from agent.delivery.tally import Tally
from agent.delivery.waiting import Limits, Parcel, Waiting

__all__ = [
    "Backlog",
    "Courier",
    "Limits",
    "Outage",
    "Parcel",
    "RetrySchedule",
    "Tally",
    "Waiting",
]
