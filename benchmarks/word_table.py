"""What the shipped form of the word table costs: int8 rows against the float16 they were made from.

    python benchmarks/word_table.py RUN WORDS

RUN: a run of `metalog-train fit` with the shipped table; WORDS: the folder with words.txt and
vectors.npy (float16) that the table was made from. Prints, for the unseen part of the target, how
far event vectors and scores move when the float16 vectors are put in the place of the int8 ones.
"""

import sys
from pathlib import Path

import numpy as np
import torch

from models.embedding import EventEmbedder
from models.words import WordTable
from trainer.evaluate import test_part
from trainer.fit import load_network
from trainer.metrics import figures
from trainer.predict import predict
from trainer.run import Run


def main() -> None:
    run = Run.open(Path(sys.argv[1]))
    folder = Path(sys.argv[2])
    table, frequencies = run.words()
    exact = np.load(folder / "vectors.npy").astype(np.float32)
    names = (folder / "words.txt").read_text(encoding="utf-8").split("\n")[: len(exact)]
    rows = {name: row for row, name in enumerate(names)}
    kept = [word for word in table.words if word in rows]
    # Rows that are floats already and scales of one: the same arithmetic without the rounding.
    reference = WordTable(
        kept,
        exact[[rows[word] for word in kept]],
        np.ones(len(kept), dtype=np.float32),
    )
    part = test_part(run, None)
    network = load_network(run, torch.device("cpu"))
    labels = np.asarray(part.corpus.labels)[part.sessions].astype(np.int64)
    results = {}
    for name, words in (("int8", table), ("float16", reference)):
        vectors = EventEmbedder(words, frequencies).embed_all(part.parser.templates)
        results[name] = (vectors, predict(network, vectors, part.sequences, part.inputs))
    (small, scores), (full, expected) = results["int8"], results["float16"]
    error = np.linalg.norm(small - full, axis=1) / np.maximum(np.linalg.norm(full, axis=1), 1e-9)
    print(f"event vectors: relative error median {np.median(error):.4f}, largest {error.max():.4f}")
    print(f"scores: largest change {np.abs(scores - expected).max():.4f}")
    flipped = (scores >= run.threshold) != (expected >= run.threshold)
    print(f"verdicts that change: {flipped.sum()} of {len(flipped)}")
    for name, (_, found) in results.items():
        one = figures(labels, found, run.threshold)
        print(f"{name:8} F1 {100 * one['f1']:.2f}  AUROC {100 * (one['auroc'] or 0):.2f}")


if __name__ == "__main__":
    main()
