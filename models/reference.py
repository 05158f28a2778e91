"""The reference: a system's own sessions, as the measure of how odd another one is."""

import math

import numpy as np

from models.description import EVIDENCE, MEANING, PLAIN, RANKED, STRUCTURE
from models.history import Floats
from models.words import Vectors

SESSION_INPUTS = 2 * RANKED + len(EVIDENCE) + len(PLAIN)
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
    [0] * len(STRUCTURE)
    + [1] * len(MEANING)
    + [2] * len(EVIDENCE)
    + [0] * len(STRUCTURE)
    + [1] * len(MEANING)
    + [0] * len(PLAIN)
)
# Places among the session's inputs: whether a known session has this very count vector, and what
# speaks of bad news.
FAMILIAR = 2 * RANKED + len(EVIDENCE) + PLAIN.index("count vector known")
SEVERITIES = [
    len(STRUCTURE) + MEANING.index(name)
    for name in (
        *("largest severity", "mean severity", "largest tone", "mean tone"),
        *("keyword", "share of keywords", "largest rarity x severity"),
        *("mean rarity x severity", "largest rarity x tone", "mean rarity x tone"),
        "mean rarity x keyword",
    )
]


class Reference:
    """The numbers of a system's own sessions, each described by a history it was no part of.

    values: [sessions, ranked numbers], any order; kept sorted by column. Without any (nobody knows
    which sessions are normal) a session's inputs are its scaled numbers, the others are 0: frequent
    anomalies would push the tails, and "known" would not mean normal.
    """

    def __init__(self, values: Floats) -> None:
        self.values = np.sort(np.asarray(values, dtype=np.float32)[:, :RANKED], axis=0)

    def inputs(self, numbers: Floats, own: bool = False) -> Vectors:
        """What the network reads of sessions: float32 [sessions, SESSION_INPUTS].

        numbers: of ``Describer.sessions``. own: the sessions are among those of the reference, so
        that none counts as its own equal.
        """
        scaled = np.clip(numbers / _SCALES, -2, 3)
        size = len(self.values)
        if not size:
            nothing = np.zeros((len(numbers), RANKED + len(PLAIN)))
            return np.concatenate([scaled, nothing], axis=1).astype(np.float32)
        tails = np.empty((len(numbers), RANKED))
        for column in range(RANKED):
            values = numbers[:, column].astype(np.float32) - np.float32(1e-4)
            larger = size - np.searchsorted(self.values[:, column], values, "left") - own
            tails[:, column] = math.log10(size - own + 1) - np.log10(np.maximum(larger, 0) + 0.5)
        plain = np.stack(
            [
                np.full(len(numbers), math.log10(max(size, 1)) / 4),
                numbers[:, _NEAREST] == 0,
                numbers[:, _SETS] == 0,
                numbers[:, _NEW_PAIRS] == 0,
                numbers[:, _NEW_EVENTS] == 0,
            ],
            axis=1,
        )
        return np.concatenate([scaled, tails / 3, plain], axis=1).astype(np.float32)
