"""The numbers of a session, brought to the form in which the network reads them."""

import math

import numpy as np

from models.description import EVIDENCE, MEANING, PLAIN, STRUCTURE
from models.history import Floats, History
from models.words import Vectors

SESSION_INPUTS = len(STRUCTURE) + len(MEANING) + len(EVIDENCE) + len(PLAIN)
# What brings each number to about 0 to 1, so that no unit of ours decides how the network starts.
_SCALES = np.array(
    [
        *(3, 3, 3, 3, 3, 2, 1, 2, 2, 2, 3, 3, 3, 3, 3, 2, 3, 3, 2),
        *(3, 3, 0.5, 1, 1, 0.5, 0.5, 1, 1, 3, 3, 1.5, 1.5, 2, 0.5, 2, 0.5),
        *(2, 1, 1, 0.5, 1),
    ]
)
_NEAREST = STRUCTURE.index("distance to nearest")
_SETS = STRUCTURE.index("distance of event sets")
_NEW_PAIRS = STRUCTURE.index("new pairs")
_NEW_EVENTS = STRUCTURE.index("new events")
# The group that each of the session's inputs belongs to: in training, groups are left out whole.
GROUPS = np.array(
    [0] * len(STRUCTURE) + [1] * len(MEANING) + [2] * len(EVIDENCE) + [0] * len(PLAIN)
)
# Places among the session's inputs: whether a known session has this very count vector, and what
# speaks of bad news.
FAMILIAR = SESSION_INPUTS - len(PLAIN) + PLAIN.index("count vector known")
SEVERITIES = [
    len(STRUCTURE) + MEANING.index(name)
    for name in (
        *("largest severity", "mean severity", "largest tone", "mean tone"),
        *("keyword", "share of keywords", "largest rarity x severity"),
        *("mean rarity x severity", "largest rarity x tone", "mean rarity x tone"),
        "mean rarity x keyword",
    )
]


def session_inputs(numbers: Floats, history: History) -> Vectors:
    """What the network reads of sessions: float32 [sessions, SESSION_INPUTS].

    numbers: of ``Describer.sessions``. What is plain about a session is 0 where nobody knows which
    sessions of the history are normal: "known" would not mean "normal" there.

    Given as they are, only scaled, and not as tail probabilities among the history's own sessions:
    those were no better with labels, and frequent anomalies in a history without labels push the
    tails (docs/experiments.md).
    """
    plain = np.stack(
        [
            np.full(len(numbers), math.log10(max(history.sessions, 1)) / 4),
            numbers[:, _NEAREST] == 0,
            numbers[:, _SETS] == 0,
            numbers[:, _NEW_PAIRS] == 0,
            numbers[:, _NEW_EVENTS] == 0,
        ],
        axis=1,
    )
    scaled = np.clip(numbers / _SCALES, -2, 3)
    return np.concatenate([scaled, plain * history.labelled], axis=1).astype(np.float32)
