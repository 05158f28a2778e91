"""What the pieces of an unknown word say of it: ``python -m benchmarks.word_pieces FOLDER``

FOLDER holds words.txt and vectors.npy (float16 [words, 100]) of a larger table of the same vectors
than the shipped one, so the true vectors of words that the shipped table lacks are known: here
those that lie near to words of computing, which is what the jargon of logs looks like. Each is put
together from pieces of the shipped table and held against its own vector. Error: squared distance
to it, as a share of that of the zero vector, which is what a word without pieces gets.
"""

import argparse
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.words import WordTable, shipped_word_table

COMPUTING = (
    *("software", "server", "kernel", "protocol", "linux", "cpu", "socket", "cache", "database"),
    *("unix", "interface", "hardware", "firmware", "byte", "buffer", "processor", "ethernet"),
    *("router", "compiler", "bios", "directory", "password"),
)
_SHARES = (1.0, 1 / 2, 1 / 3, 1 / 4)
Floats = NDArray[np.float64]


def main() -> None:
    arguments = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    arguments.add_argument("folder", type=Path)
    folder = arguments.parse_args().folder
    words = (folder / "words.txt").read_text(encoding="utf-8").split()
    vectors = np.load(folder / "vectors.npy", allow_pickle=False).astype(np.float64)
    table = shipped_word_table()
    row = {word: number for number, word in enumerate(words)}
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    centre = unit[[row[word] for word in COMPUTING]].mean(axis=0)
    nearness = unit @ (centre / np.linalg.norm(centre))
    missing = np.array([len(word) > 3 and word not in table for word in words])
    print(f"{int(missing.sum())} words of four letters or more that the shipped table lacks")
    print("near to computing  words  with pieces  cosine  error at x " + _titles())
    for least in (0.45, 0.35, 0.3, -1.0):
        chosen = np.flatnonzero(missing & (nearness > least))
        name = f"above {least:g}" if least >= 0 else "any"
        print(_line(name, table, [words[i] for i in chosen], vectors[chosen]))


def _titles() -> str:
    return "  ".join(f"{share:.2f}" for share in _SHARES)


def _line(name: str, table: WordTable, words: list[str], true: Floats) -> str:
    made = [_mean(table, word) for word in words]
    kept = [i for i, one in enumerate(made) if one is not None]
    composed = np.array([one for one in made if one is not None])
    true = true[kept]
    lengths = np.linalg.norm(composed, axis=1) * np.linalg.norm(true, axis=1)
    cosine = ((composed * true).sum(axis=1) / lengths).mean()
    errors = [((true - share * composed) ** 2).sum() / (true**2).sum() for share in _SHARES]
    shown = "  ".join(f"{error:.2f}" for error in errors)
    share = len(kept) / len(words)
    return f"{name:17s}  {len(words):5d}  {share:11.0%}  {cosine:6.2f}             {shown}"


def _mean(table: WordTable, word: str) -> Floats | None:
    found = [table.vector(piece) for piece in table.pieces(word)]
    known = [one for one in found if one is not None]
    return np.mean(known, axis=0).astype(np.float64) if known else None


if __name__ == "__main__":
    main()
