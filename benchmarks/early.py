"""How early anomalies are told of, and what that costs: ``python -m benchmarks.early RUN BUNDLE``.

The part of the target that training has not seen, each session handed over event by event: at which
one it would be told of (``Scorer.score_open``), and how many normal sessions are told of on the way
that are under the threshold in the end. Of long sessions about 100 beginnings are tried. A sample,
drawn by a fixed seed.
"""

import argparse
from pathlib import Path

import numpy as np

from models.bundle import Bundle
from models.scorer import Scorer
from trainer.corpus import ANOMALOUS, NORMAL
from trainer.evaluate import test_part
from trainer.run import Run

_TRIED = 100


def first_told(scorer: Scorer, session: list[int], threshold: float) -> int | None:
    """Events that had come when it was told of; None where that was not before its end."""
    step = max(1, len(session) // _TRIED)
    beginnings = [session[:stop] for stop in range(1, len(session), step)]
    beginnings = [
        one for one, odd in zip(beginnings, scorer.remarkable(beginnings), strict=True) if odd
    ]
    for beginning, score in zip(beginnings, scorer.score_open(beginnings), strict=True):
        if score.probability >= threshold:
            return len(beginning)
    return None


def main() -> None:
    arguments = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    arguments.add_argument("run", type=Path)
    arguments.add_argument("bundle", type=Path)
    arguments.add_argument("--normal", type=int, default=1000)
    arguments.add_argument("--anomalous", type=int, default=500)
    given = arguments.parse_args()
    part, bundle = test_part(Run.open(given.run), None), Bundle.load(given.bundle)
    scorer, threshold = Scorer(bundle, "cpu"), bundle.manifest.threshold
    scorer.learn(part.parser)
    labels = np.array([part.corpus.labels[index] for index in part.sessions])
    rng = np.random.default_rng(0)
    for name, label, most in (
        ("normal", NORMAL, given.normal), ("anomalous", ANOMALOUS, given.anomalous),
    ):  # fmt: skip
        places = rng.permutation(np.flatnonzero(labels == label))[:most]
        sessions = [part.sequences[place].tolist() for place in places]
        late = np.array([score.probability >= threshold for score in scorer.score(sessions)])
        told = [first_told(scorer, session, threshold) for session in sessions]
        early = np.array([one is not None for one in told])
        print(
            f"{name}: {len(sessions)} sessions, {late.sum()} anomalous at the end, {early.sum()} "
            f"told of before it, {(early & ~late).sum()} of these not at the end"
        )
        shares = [one / len(row) for one, row in zip(told, sessions, strict=True) if one]
        if shares:
            events = np.median([one for one in told if one])
            print(f"  told of at event {events:.0f}, {np.median(shares):.0%} of the way (medians)")


if __name__ == "__main__":
    main()
