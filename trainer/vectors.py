"""Word vectors from wherever the user has them."""

import gzip
import re
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.errors import UserError
from models.words import WordTable, shipped_word_table

_HEADER = re.compile(rb"^\d+ \d+$")


def load_word_table(name: str | None) -> WordTable:
    """The word table of ``--vectors``.

    name: None for the shipped table; a file in word2vec or GloVe text form (also .gz), in
    word2vec's binary form (.bin), a .npz of metalog, a folder with words.txt and vectors.npy, or a
    name that gensim's downloader knows, such as ``glove-wiki-gigaword-300``. Raises UserError.
    """
    if name is None:
        return shipped_word_table()
    path = Path(name)
    if path.is_dir():
        return _from_folder(path)
    if path.suffix == ".npz":
        return WordTable.load(path)
    if path.exists():
        return _from_file(path)
    if "/" in name or path.suffix:
        raise UserError(
            f"{name}: no such word-vector file; without --vectors the shipped ones are taken"
        )
    return _from_download(name)


def _from_folder(path: Path) -> WordTable:
    try:
        words = (path / "words.txt").read_text(encoding="utf-8").split("\n")
        vectors = np.load(path / "vectors.npy", mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: no word vectors: {error}") from None
    words = words[: len(vectors)]
    if vectors.ndim != 2 or len(words) != len(vectors):
        raise UserError(
            f"{path}: {len(words)} words, vectors of shape {vectors.shape}: a row a word expected"
        )
    return WordTable.from_vectors(words, vectors)


def _from_file(path: Path) -> WordTable:
    binary = path.suffix == ".bin"
    if not binary:
        _check_rows(path)
    from gensim.models import KeyedVectors

    try:
        loaded = KeyedVectors.load_word2vec_format(
            str(path), binary=binary, no_header=not binary and not _has_header(path)
        )
    except (OSError, ValueError, EOFError) as error:
        raise UserError(f"{path}: cannot be read as word vectors: {error}") from None
    return _from_keyed(str(path), loaded.index_to_key, loaded.vectors)


def _from_download(name: str) -> WordTable:
    import gensim.downloader

    try:
        loaded = gensim.downloader.load(name)
    except Exception as error:
        # The downloader raises ValueError for an unknown name and whatever urllib has otherwise.
        raise UserError(
            f"--vectors {name}: neither a file nor to be had through gensim's downloader: {error}"
        ) from None
    return _from_keyed(name, loaded.index_to_key, loaded.vectors)


def _from_keyed(name: str, words: list[str], vectors: NDArray[np.floating]) -> WordTable:
    """Lower-case words, each once: the first, so the most frequent, of those that fold into one."""
    first: dict[str, int] = {}
    for row, word in enumerate(words):
        if "\n" not in word:
            first.setdefault(word.lower(), row)
    if not first:
        raise UserError(f"{name}: no words in it")
    return WordTable.from_vectors(list(first), vectors[list(first.values())])


def _open(path: Path) -> gzip.GzipFile:
    with path.open("rb") as file:
        packed = file.read(2) == b"\x1f\x8b"
    return gzip.open(path) if packed else path.open("rb")  # type: ignore[return-value]


def _has_header(path: Path) -> bool:
    with _open(path) as file:
        return _HEADER.match(file.readline().strip()) is not None


def _check_rows(path: Path) -> None:
    """Every row must have as many numbers as the first: gensim's own message names no line."""
    width = 0
    try:
        with _open(path) as file:
            for number, line in enumerate(file, start=1):
                if number == 1 and _HEADER.match(line.strip()):
                    continue
                count = line.rstrip().count(b" ")
                if not width:
                    width = count
                if count != width or not width:
                    raise UserError(
                        f"{path}, line {number}: {count} numbers, expected {width or 'some'} as in "
                        "the rows before: a word and its vector, separated by single blanks"
                    )
    except (OSError, EOFError, zlib.error) as error:
        raise UserError(f"{path}: cannot be read: {error}") from None
    if not width:
        raise UserError(f"{path}: is empty; rows of a word and its vector were expected")
