"""Word vectors of the user's own, from every form they come in, to a bundle of their dimension."""

import gzip
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from models.bundle import Bundle
from models.errors import UserError
from models.scorer import Scorer
from models.words import WordTable, shipped_word_table, tokenize
from tests.trainer.conftest import Demo, fit_tiny
from trainer.bundling import export_bundle
from trainer.evaluate import evaluate
from trainer.fit import train
from trainer.vectors import load_word_table

WORDS = {"block": [1.0, -2.0, 0.5], "Served": [0.25, 4.0, 1.0], "served": [9.0, 9.0, 9.0]}


def text_of(words: dict[str, list[float]], header: bool = False) -> bytes:
    rows = [" ".join([word, *map(repr, vector)]) for word, vector in words.items()]
    if header:
        rows.insert(0, f"{len(words)} {len(next(iter(words.values())))}")
    return "".join(f"{row}\n" for row in rows).encode()


def as_text(folder: Path) -> Path:
    (folder / "glove.txt").write_bytes(text_of(WORDS))
    return folder / "glove.txt"


def with_header(folder: Path) -> Path:
    (folder / "word2vec.txt").write_bytes(text_of(WORDS, header=True))
    return folder / "word2vec.txt"


def packed(folder: Path) -> Path:
    (folder / "glove.txt.gz").write_bytes(gzip.compress(text_of(WORDS)))
    return folder / "glove.txt.gz"


def packed_with_header(folder: Path) -> Path:
    (folder / "word2vec.gz").write_bytes(gzip.compress(text_of(WORDS, header=True)))
    return folder / "word2vec.gz"


def binary(folder: Path) -> Path:
    from gensim.models import KeyedVectors

    vectors = KeyedVectors(3)
    vectors.add_vectors(list(WORDS), np.array(list(WORDS.values()), dtype=np.float32))
    vectors.save_word2vec_format(str(folder / "vectors.bin"), binary=True)
    return folder / "vectors.bin"


@pytest.mark.parametrize("make", [as_text, with_header, packed, packed_with_header, binary])
def test_files_of_words(tmp_path: Path, make: Callable[[Path], Path]) -> None:
    table = load_word_table(str(make(tmp_path)))
    # Lower case; of two that fold into one the first, the more frequent one, stays.
    assert table.words == ("block", "served")
    assert table.dimension == 3
    for word, name in (("block", "block"), ("served", "Served")):
        found = table.vector(word)
        assert found is not None
        assert np.abs(found - WORDS[name]).max() <= max(map(abs, WORDS[name])) / 250


def test_a_folder_and_a_table_of_metalog(tmp_path: Path) -> None:
    (tmp_path / "words.txt").write_text("block\nserved\n")
    np.save(tmp_path / "vectors.npy", np.array([WORDS["block"], WORDS["Served"]], dtype=np.float16))
    from_folder = load_word_table(str(tmp_path))
    assert from_folder.words == ("block", "served")
    from_folder.save(tmp_path / "table.npz")
    again = load_word_table(str(tmp_path / "table.npz"))
    assert np.array_equal(again.rows, from_folder.rows)
    assert load_word_table(None).words == shipped_word_table().words


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"a 1 2 3\nb 1 2\n", "line 2: 2 numbers, expected 3"),
        (b"2 3\na 1 2 3\nb 1 2 3 4\n", "line 3: 4 numbers, expected 3"),
        (b"a 1 2\n\nb 1 2\n", "line 2: 0 numbers"),
        (b"a\tb\n", "line 1: 0 numbers"),
        (b"just some words here\nand others over there\n", "cannot be read"),
        (b"9 3\na 1 2 3\n", "cannot be read"),
        (b"a 1 nan 3\n", "no number|not finite"),
        (b"", "is empty"),
        (b"2 3\n", "is empty"),
        (gzip.compress(text_of(WORDS) * 50)[:-20], "cannot be read"),
        (gzip.compress(text_of(WORDS))[:12] + b"\xff" * 40, "cannot be read"),
    ],
)
def test_files_that_are_none(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / ("vectors.gz" if content[:2] == b"\x1f\x8b" else "vectors.txt")
    path.write_bytes(content)
    with pytest.raises(UserError, match=message) as caught:
        load_word_table(str(path))
    assert "\n" not in str(caught.value)


def test_names_of_nothing(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no such word-vector file"):
        load_word_table(str(tmp_path / "absent.txt"))
    with pytest.raises(UserError, match="no word vectors"):
        load_word_table(str(tmp_path))
    (tmp_path / "words.txt").write_text("a\nb\n")
    np.save(tmp_path / "vectors.npy", np.ones((5, 3)))
    with pytest.raises(UserError, match="a row a word"):
        load_word_table(str(tmp_path))
    (tmp_path / "bad.npz").write_bytes(b"PK\x03\x04 and no more")
    with pytest.raises(UserError, match=r"bad\.npz"):
        load_word_table(str(tmp_path / "bad.npz"))


def test_300_dimensions_from_prepare_to_score(demo: Demo, tmp_path: Path) -> None:
    systems = (demo.source, demo.target)
    words = sorted({word for one in systems for line in one.lines() for word in tokenize(line)})
    rng = np.random.default_rng(0)
    vectors = {word: rng.normal(size=300).round(4).tolist() for word in words}
    path = tmp_path / "vectors.300d.txt"
    path.write_bytes(text_of(vectors))

    run = fit_tiny(
        [demo.corpus(demo.source)], demo.corpus(demo.target), tmp_path / "run", vectors=str(path)
    )
    train(run, "cpu")
    assert run.network.dimension == 300
    manifest, difference = export_bundle(run, tmp_path / "bundle")
    assert manifest.dimension == 300
    assert difference <= 1e-5
    bundle = Bundle.load(tmp_path / "bundle")
    held = bundle.words.vector("order")
    assert held is not None
    assert np.abs(held - vectors["order"]).max() < 0.05

    # A line of the target and one with words that only the table knows.
    part = evaluate(run, device="cpu").predictions
    parser = bundle.parser()
    scorer = Scorer(bundle, "cpu")
    session = next(one for one in demo.target.sessions if one.key == part[0]["key"])
    from models.lines import LineParser

    lines = LineParser(bundle.manifest.line_format)
    events = parser.parse([lines.parse(raw).content for _, raw in session.lines])
    scorer.learn(parser)
    [score] = scorer.score([events])
    assert score.probability == pytest.approx(part[0]["score"], abs=1e-5)


def test_a_large_table_is_pruned_to_what_is_frequent_or_used() -> None:
    table = WordTable.from_vectors([f"w{i}" for i in range(50)], np.eye(50))
    assert table.pruned({"w49", "w3"}, 10).words == (*(f"w{i}" for i in range(10)), "w49")
