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
    folder: Path,
    sequences: Sequence[Sequence[int]],
    expected: NDArray[np.float64],
    host_templates: tuple[str, ...] = (),
) -> float:
    """Largest difference of P(anomaly) between the bundle in ``folder`` and ``expected``.

    Opens the bundle as the agent does, and looks at the plain graph and at the network step by
    step. sequences: event ids of real sessions; expected: what the trained network gives them,
    [sessions]; host_templates: of ids that the bundle does not know. Raises UserError past 1e-5.
    """
    bundle = Bundle.load(folder)
    largest = 0.0
    for stepped in (False, True) if bundle.steps is not None else (False,):
        scorer = Scorer(bundle, "cpu", stepped=stepped)
        scorer.learn(bundle.parser(host_templates))
        scores = np.array([score.probability for score in scorer.score(sequences)])
        largest = max(largest, _difference(scores, expected, sequences))
    return largest


def _difference(
    scores: NDArray[np.float64], expected: NDArray[np.float64], sequences: Sequence[Sequence[int]]
) -> float:
    differences = np.abs(scores - expected)
    difference = float(differences.max())
    if not difference <= LARGEST_DIFFERENCE:
        worst = int(differences.argmax())
        raise UserError(
            f"export: the ONNX network differs from the trained one by {difference:.2g} (at most "
            f"{LARGEST_DIFFERENCE:g} is allowed), worst on a session of {len(sequences[worst])} "
            "events; the bundle was not written. Please report this"
        )
    return difference
