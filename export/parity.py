"""The parity check: a bundle scores real sessions as the trained network does, or is not made."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.bundle import Bundle
from models.errors import UserError
from models.scorer import Scorer

LARGEST_DIFFERENCE = 1e-5


def check_parity(
    folder: Path, sequences: Sequence[Sequence[int]], expected: NDArray[np.float64]
) -> float:
    """Largest difference of P(anomaly) between the bundle in ``folder`` and ``expected``.

    Opens the bundle as the agent does. sequences: event ids of real sessions; expected: what the
    trained network gives them, [sessions]. Raises UserError past 1e-5.
    """
    scorer = Scorer(Bundle.load(folder), "cpu")
    scores = np.array([score.probability for score in scorer.score(sequences)])
    difference = float(np.abs(scores - expected).max())
    if not difference <= LARGEST_DIFFERENCE:
        worst = int(np.abs(scores - expected).argmax())
        raise UserError(
            f"export: the ONNX network differs from the trained one by {difference:.2g} (at most "
            f"{LARGEST_DIFFERENCE:g} is allowed), worst on a session of {len(sequences[worst])} "
            "events; the bundle was not written. Please report this"
        )
    return difference
