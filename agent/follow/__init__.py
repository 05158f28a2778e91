"""Following files that grow, rotate, vanish and come back.

Knows nothing of what the lines are for.
"""

from agent.follow.events import Event, Kind, LoggingRecorder, Recorder
from agent.follow.follower import Follower
from agent.follow.lines import LineBatch
from agent.follow.position import Position
from agent.follow.selection import NotFollowableError, Selection
from agent.follow.wakeup import Wakeup

__all__ = [
    "Event",
    "Follower",
    "Kind",
    "LineBatch",
    "LoggingRecorder",
    "NotFollowableError",
    "Position",
    "Recorder",
    "Selection",
    "Wakeup",
]
