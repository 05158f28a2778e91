"""What the agent knows, kept over restarts: one SQLite database, one transaction at a time."""

from agent.state.database import NotSavedError
from agent.state.folder import StateFolder, default_folder, sole_folder
from agent.state.glance import Glance, Unsent
from agent.state.store import Adopted, Changes, Retention, Saved, State

__all__ = [
    "Adopted",
    "Changes",
    "Glance",
    "NotSavedError",
    "Retention",
    "Saved",
    "State",
    "StateFolder",
    "Unsent",
    "default_folder",
    "sole_folder",
]
