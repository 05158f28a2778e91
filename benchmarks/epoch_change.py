"""What the change to another epoch of statistics takes, while nothing is read.

    python -m benchmarks.epoch_change [--sessions 20000] [--epochs 12]

Twice: for sessions by key (some 15 lines of 40 events, many of them alike) and for windows of 120
lines (400 events, no two windows alike), which is the most that a history of so many sessions can
hold. Prints seconds of the change and of writing it down, the size of what the state keeps, and
seconds that 256 sessions take to be described, by the bundle's statistics and by the last epoch's.
"""

import argparse
import time
from collections.abc import Callable

import numpy as np

from models.embedding import DocumentFrequencies, EventEmbedder
from models.epochs import Epochs
from models.history import Events, History
from models.reading import Description
from models.words import shipped_word_table

Draw = Callable[[int], list[Events]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sessions", type=int, default=20_000, help="of the bundle's history")
    parser.add_argument("--epochs", type=int, default=12)
    given = parser.parse_args()
    rng = np.random.default_rng(1)

    def keyed(count: int) -> list[Events]:
        often = [np.repeat(np.arange(6), rng.integers(1, 5, 6)) for _ in range(count)]
        return [row if rng.random() < 0.7 else rng.integers(0, 40, 15) for row in often]

    shares = 1 / np.arange(1, 401)
    shares /= shares.sum()

    def windows(count: int) -> list[Events]:
        return list(rng.choice(400, (count, 120), p=shares))

    measure("sessions by key", keyed, 40, given.sessions, given.epochs)
    measure("windows", windows, 400, given.sessions, given.epochs)


def measure(name: str, draw: Draw, events: int, sessions: int, count: int) -> None:
    words = shipped_word_table()
    rng = np.random.default_rng(2)
    vocabulary = words.words
    templates = tuple(" ".join(rng.choice(vocabulary, 8)) for _ in range(events))
    embedder = EventEmbedder(words, DocumentFrequencies.of(templates))
    epochs = Epochs(History.of(draw(sessions), [], events))
    description = Description(epochs.base, templates, embedder.embed_all(templates), words)
    probe = draw(256)
    before = _seconds(lambda: description.inputs(probe))
    changing, writing, size = [], [], 0
    for number in range(count):
        epochs.collect([row.tolist() for row in draw(2_000)])
        began = time.perf_counter()
        epoch = epochs.advance(float(number), templates)
        vectors = embedder.embed_all(epoch.templates)
        description = Description(epochs.history(), epoch.templates, vectors, words)
        changing.append(time.perf_counter() - began)
        began = time.perf_counter()
        size = len(epoch.to_bytes())
        writing.append(time.perf_counter() - began)
    after = _seconds(lambda: description.inputs(probe))
    rows, held = len(epochs.base.weights), len(epochs.history().weights)
    print(f"{name}: {rows} distinct count vectors in the bundle's history, {held} in the end")
    print(f"  change   median {np.median(changing):.3f} s, most {max(changing):.3f} s")
    print(f"  writing  median {np.median(writing):.3f} s, {size / 1e6:.2f} MB")
    print(f"  256 sessions described in {before:.3f} s before, {after:.3f} s after")


def _seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
