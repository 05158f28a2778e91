"""The target of a run that has none: a system never seen, of which there is no session."""

from pathlib import Path

import numpy as np

from models.lines import FORMATS
from models.masks import DEFAULT_MASKS
from models.session_rule import SessionRule
from trainer.corpus import Corpus, Origin
from trainer.datasets.raw import LIVE_IDLE

NAME = "unknown"
# Sessions of the systems that are learnt from have about so many lines (18 to 55 in the middle),
# and a quiet host is to hear of them before the day is over.
WINDOW = 20


def unknown_system() -> Corpus:
    """A corpus without sessions. Its origin says how lines of any system are to be read: each by
    the form that it has itself, in windows of one file, with the masks that suit all."""
    nothing = np.zeros(0, dtype=np.int64)
    return Corpus(
        path=Path(NAME),
        origin=Origin(
            name=NAME,
            format="any",
            line_format=FORMATS["any"],
            rule=SessionRule(window=WINDOW),
            masks=DEFAULT_MASKS,
            parsed=False,
            live_idle=LIVE_IDLE,
        ),
        counts=dict.fromkeys(
            ("sessions", "anomalous", "normal", "unlabelled", "events", "messages", "templates"), 0
        ),
        fingerprint="",
        messages=(),
        keys=(),
        events=nothing.astype(np.int32),
        offsets=np.zeros(1, dtype=np.int64),
        labels=nothing.astype(np.int8),
        times=nothing.astype(np.float64),
    )
