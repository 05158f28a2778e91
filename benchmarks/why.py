"""Whether what an alert names as its reason is the reason: take it away and look at the score.

    python -m benchmarks.why BUNDLE CORPUS [--most 1000] [--seed 0] [--threshold T]

BUNDLE is of `metalog-train export`, CORPUS of `metalog-train prepare`, with labels. Takes the
anomalous sessions that the bundle would alert on and that have two or more distinct events, and
deletes from each all lines of one event: of the one with the largest contribution, of the one that
got most attention, of one drawn at random. Prints by how much the log-odds fall on average, in how
many sessions they fall at all, and how many are no longer alerts.
"""

import argparse
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from models.bundle import Bundle
from models.contribution import contributions, log_odds
from models.scorer import Score, Scorer
from trainer.corpus import ANOMALOUS, Corpus

Session = list[int]


@dataclass(frozen=True)
class Drop:
    """What became of sessions when one event was deleted from each."""

    mean: float
    fell: float
    below: float

    @classmethod
    def between(cls, before: Sequence[Score], after: Sequence[Score], threshold: float) -> "Drop":
        drops = np.array(
            [
                log_odds(one.probability) - log_odds(other.probability)
                for one, other in zip(before, after, strict=True)
            ]
        )
        below = [score.probability < threshold for score in after]
        return cls(float(drops.mean()), float((drops > 0).mean()), float(np.mean(below)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("bundle", type=Path)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--most", type=int, default=1000, help="sessions to look at")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threshold", type=float, help="in the place of the bundle's")
    given = parser.parse_args()
    bundle = Bundle.load(given.bundle)
    threshold = bundle.manifest.threshold if given.threshold is None else given.threshold
    measure(bundle, Corpus.open(given.corpus), given.most, given.seed, threshold)


def measure(bundle: Bundle, corpus: Corpus, most: int, seed: int, threshold: float) -> None:
    draw = np.random.default_rng(seed)
    parser = bundle.parser(())
    events = np.array(parser.parse_masked(corpus.messages))
    scorer = Scorer(bundle, "cpu")
    scorer.learn(parser)
    anomalous = np.flatnonzero(corpus.labels == ANOMALOUS)
    sessions: list[Session] = [
        events[corpus.session(int(index))].tolist() for index in draw.permutation(anomalous)
    ]
    sessions = [one for one in sessions if len(set(one)) > 1][: 4 * most]
    scored = zip(sessions, scorer.score(sessions), strict=True)
    alerts = [(one, score) for one, score in scored if score.probability >= threshold][:most]
    if not alerts:
        raise SystemExit(
            f"{corpus.name}: no anomalous session of two or more events would be an alert at "
            f"{threshold:g}; try --threshold"
        )
    alerted, before = [one for one, _ in alerts], [score for _, score in alerts]
    began = time.perf_counter()
    scorer.score(alerted)
    scoring = time.perf_counter() - began
    began = time.perf_counter()
    found = contributions(scorer, alerted, before)
    looking = time.perf_counter() - began
    chosen = {
        "contribution": [next(iter(one)) for one in found],
        "attention": [_most_attention(*alert) for alert in alerts],
        "at random": [int(draw.choice(sorted(set(one)))) for one in alerted],
    }
    print(
        f"{corpus.name}: {len(alerted)} alerts on anomalous sessions, "
        f"{len({tuple(one) for one in alerted})} different, "
        f"{np.mean([len(set(one)) for one in alerted]):.1f} events each; scored in "
        f"{scoring:.2f} s, explained in {looking:.2f} s"
    )
    print(f"{'deleted':<14}{'mean drop':>10}{'it fell':>10}{'no alert':>10}")
    for name, events_chosen in chosen.items():
        left = [
            [event for event in one if event != away]
            for one, away in zip(alerted, events_chosen, strict=True)
        ]
        drop = Drop.between(before, scorer.score(left), threshold)
        print(f"{name:<14}{drop.mean:>10.2f}{drop.fell:>10.1%}{drop.below:>10.1%}")


def _most_attention(session: Session, score: Score) -> int:
    return int(np.bincount(session, weights=score.weights).argmax())


if __name__ == "__main__":
    main()
