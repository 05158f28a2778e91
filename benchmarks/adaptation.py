"""What `metalog-train adapt` is worth, and what it costs: figures of a new system by the number of
labels, and of the old ones before and after.

    python -m benchmarks.adaptation BUNDLE --target CORPUS [--old CORPUS]... [--labels 0,20,50,200]
        [--picks random,suggest] [--seeds 5] [--anomalies 0.05] [--json FILE]

BUNDLE has never met the target; it was trained on the old systems. Of each system 30 % of the
sessions are a history without labels, drawn by the seed, and the others are the test. Of the
target's history some get their labels: as many as --labels says, drawn at random or picked by
`suggest`. The figures of an old system are those of a bundle that is adapted to it without a label:
before, from BUNDLE, after, from the one that was adapted to the target. Its threshold is a guess
that may jump while the scores hardly move; so "kept" is the F1 with as many alarms as before.
--anomalies thins the anomalies of every system to that share.
"""

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import precision_recall_curve

from models.bundle import Bundle
from models.scorer import Scorer
from trainer.adapt import AdaptOptions, adapt
from trainer.benchmark.protocols import Protocol, Setting, Split, draw, thinned
from trainer.choice import choose
from trainer.corpus import Corpus, CorpusWriter
from trainer.datasets.by_bundle import OwnLogs
from trainer.metrics import figures, percent
from trainer.sighting import see
from trainer.splits import Fractions, Indices
from trainer.systems import System

_SETTING = Setting(Protocol.UNLABELLED, Fractions(normal=0.3))


@dataclass(frozen=True)
class Outcome:
    """One bundle, tested. system: its name; after: what the network had learnt before, "" for
    BUNDLE's own; best_f1: with the threshold that nobody knows; kept_f1: of an old system, with as
    many alarms as before; seconds: that the adaptation took."""

    system: str
    after: str
    pick: str
    labels: int
    anomalous: int
    seed: int
    f1: float | None
    best_f1: float
    kept_f1: float | None
    auroc: float | None
    seconds: float


@dataclass(frozen=True)
class Trial:
    """One system, thinned and split by one seed; its history lies in ``folder``, without labels."""

    corpus: Corpus
    split: Split
    folder: Path
    seed: int

    @classmethod
    def of(cls, path: Path, share: float | None, seed: int, workspace: Path) -> "Trial":
        corpus = thinned(Corpus.open(path), share, seed)
        split = draw(_SETTING, [], corpus, seed)
        folder = workspace / f"{corpus.name}-{seed}"
        if not folder.exists():
            _write_history(corpus, split.unlabelled, folder)
        return cls(corpus, split, folder, seed)

    def adapted(self, bundle: Path, labelled: Indices, output: Path) -> tuple[float, int]:
        """Seconds that it took, and how many of the labels were of anomalies."""
        labels = np.asarray(self.corpus.labels)
        file = output.with_suffix(".csv")
        rows = [f"{self.corpus.keys[i]},{labels[i]}\n" for i in labelled]
        file.write_text("".join(rows))
        given = (file,) if rows else ()
        began = time.perf_counter()
        adapt(AdaptOptions(bundle, OwnLogs((self.folder,)), output, given, seed=self.seed))
        return time.perf_counter() - began, int(labels[labelled].sum())

    def tested(self, bundle: Path, alarms: int | None) -> dict[str, Any]:
        """Figures on the test part, scored as on a host. alarms: sessions to be called anomalous
        for ``kept_f1``."""
        loaded = Bundle.load(bundle)
        system = System(self.corpus, self.split.test, loaded.templates, 0)
        parser = system.parser(loaded.manifest.drain)
        sequences = system.sequences(self.split.test, parser)
        scorer = Scorer(loaded, "cpu")
        scorer.learn(parser)
        scores = np.array([score.probability for score in scorer.score(sequences)])
        labels = np.asarray(self.corpus.labels)[self.split.test].astype(np.int64)
        precision, recall, _ = precision_recall_curve(labels, scores)
        best = np.max(2 * precision * recall / np.maximum(precision + recall, 1e-12))
        found = figures(labels, scores, loaded.manifest.threshold)
        kept = None
        if alarms is not None:
            # One session of a tie more or less; of no alarm, none.
            cut = np.sort(scores)[-alarms] if alarms else np.inf
            kept = figures(labels, scores, float(cut))["f1"]
        return {**found, "best_f1": float(best), "kept_f1": kept}

    def picked(self, pick: str, bundle: Path, count: int) -> Indices:
        """Sessions of the history that get their labels, by their numbers in the corpus."""
        history = self.split.unlabelled
        rng = np.random.default_rng([self.seed, 5])
        if pick == "random":
            return rng.permutation(history)[:count]
        seen = see(Bundle.load(bundle), Corpus.open(self.folder), rng)
        chosen = choose(seen.sequences, seen.labels, seen.scores, seen.threshold, count)
        places: NDArray[np.int64] = seen.sessions[[one.place for one in chosen]]
        return history[places]


def _write_history(corpus: Corpus, sessions: Indices, folder: Path) -> None:
    writer = CorpusWriter()
    for index in sessions:
        row = [writer.message(corpus.messages[i]) for i in corpus.session(index)]
        writer.add(corpus.keys[index], row, -1, None)
    writer.write(folder, corpus.origin, {})


def measure(
    bundle: Path,
    target: Path,
    old: Sequence[Path],
    labels: Sequence[int],
    picks: Sequence[str],
    seed: int,
    share: float | None,
    workspace: Path,
) -> list[Outcome]:
    """All outcomes of one seed."""
    found: list[Outcome] = []
    alarms: dict[str, int] = {}

    def test(trial: Trial, start: Path, after: str, pick: str, chosen: Indices) -> Path:
        output = workspace / f"{trial.corpus.name}-{after}-{pick}-{len(chosen)}-{seed}"
        seconds, anomalous = trial.adapted(start, chosen, output)
        name = trial.corpus.name
        result = trial.tested(output, alarms.get(name))
        alarms.setdefault(name, result["true_positives"] + result["false_positives"])
        outcome = Outcome(
            name, after, pick, len(chosen), anomalous, seed, result["f1"],
            round(result["best_f1"], 6), result["kept_f1"] if after else None, result["auroc"],
            round(seconds, 1),
        )  # fmt: skip
        print(json.dumps(asdict(outcome)), flush=True)
        found.append(outcome)
        return output

    none = np.zeros(0, dtype=np.int64)
    others = [Trial.of(path, share, seed, workspace) for path in old]
    for one in others:
        test(one, bundle, "", "", none)
    trial = Trial.of(target, share, seed, workspace)
    for count in labels:
        for pick in picks if count else ("",):
            chosen = trial.picked(pick, bundle, count) if count else none
            adapted = test(trial, bundle, "", pick, chosen)
            if count:
                for one in others:
                    test(one, adapted, f"{pick}-{count}", "", none)
    return found


def summary(outcomes: Sequence[Outcome]) -> str:
    """A line for each system and way, means over the seeds."""
    rows: dict[tuple[str, str, str, int], list[Outcome]] = {}
    for one in outcomes:
        rows.setdefault((one.system, one.after, one.pick, one.labels), []).append(one)
    lines = [
        f"{'system':<14}{'after':<14}{'pick':<10}{'labels':>6}{'F1':>14}{'best':>7}{'kept':>7}{'AUROC':>7}{'s':>7}"
    ]
    for (system, after, pick, count), group in sorted(rows.items()):
        f1 = [one.f1 for one in group if one.f1 is not None]
        kept = [one.kept_f1 for one in group if one.kept_f1 is not None]
        auroc = [one.auroc for one in group if one.auroc is not None]
        spread = statistics.stdev(f1) if len(f1) > 1 else 0.0
        lines.append(
            f"{system:<14}{after:<14}{pick:<10}{count:>6}"
            f"{percent(statistics.fmean(f1)):>8} ±{percent(spread):>4}"
            f"{percent(statistics.fmean(one.best_f1 for one in group)):>7}"
            f"{percent(statistics.fmean(kept) if kept else None):>7}"
            f"{percent(statistics.fmean(auroc)):>7}"
            f"{max(one.seconds for one in group):>7.1f}"
        )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n\n")[0])
    parser.add_argument("bundle", type=Path)
    parser.add_argument("--target", type=Path, required=True)
    parser.add_argument("--old", type=Path, action="append", default=[])
    parser.add_argument("--labels", default="0,20,50,200")
    parser.add_argument("--picks", default="random,suggest")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--anomalies", type=float)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    labels = [int(count) for count in given.labels.split(",")]
    outcomes: list[Outcome] = []
    for seed in range(given.first_seed, given.first_seed + given.seeds):
        with tempfile.TemporaryDirectory(prefix="metalog-adaptation-") as folder:
            outcomes += measure(
                given.bundle, given.target, given.old, labels, given.picks.split(","), seed,
                given.anomalies, Path(folder),
            )  # fmt: skip
    print(summary(outcomes))
    if given.json is not None:
        given.json.write_text(json.dumps([asdict(one) for one in outcomes], indent=2) + "\n")


if __name__ == "__main__":
    main()
