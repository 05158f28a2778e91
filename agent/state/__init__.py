"""What the agent knows, kept over restarts: one SQLite database, one transaction at a time."""

from agent.state.chronicle import Chronicle, KeptAlert
from agent.state.database import NotSavedError
from agent.state.folder import StateFolder, default_folder, sole_folder
from agent.state.glance import Glance, Unsent
from agent.state.requests import Requests, Told
from agent.state.store import Adopted, Changes, Retention, Saved, State
from agent.state.undelivered import AlertTexts, Undelivered

__all__ = [
    "Adopted",
    "AlertTexts",
    "Changes",
    "Chronicle",
    "Glance",
    "KeptAlert",
    "NotSavedError",
    "Requests",
    "Retention",
    "Saved",
    "State",
    "StateFolder",
    "Told",
    "Undelivered",
    "Unsent",
    "default_folder",
    "sole_folder",
]
