"""Tokens, and the word table: its round trip, its error bound, what it refuses."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from models.errors import UserError
from models.words import WordTable, shipped_word_table, tokenize


@pytest.mark.parametrize(
    ("template", "words"),
    [
        ("Receiving block <KEY> src: <IP>", ["receiving", "block", "src"]),
        ("java.io.IOException: dataNode", ["java", "io", "io", "exception", "data", "node"]),
        ("PacketResponder <NUM> terminating", ["packet", "responder", "terminating"]),
        ("DATA TLB error interrupt", ["data", "tlb", "error", "interrupt"]),
        ("file_not-found2times", ["file", "not", "found", "times"]),
        ("HTTPServer getURL aB", ["http", "server", "get", "url", "a", "b"]),
        ("<*>Served<*>", ["served"]),
        ("naïve", ["na", "ve"]),
        ("<NUM> <*> 12:30", []),
        ("", []),
    ],
)
def test_tokens(template: str, words: list[str]) -> None:
    assert tokenize(template) == words


@given(st.text())
def test_tokens_are_lower_case_letters_of_the_text(text: str) -> None:
    tokens = tokenize(text)
    assert all(token.isascii() and token.isalpha() and token.islower() for token in tokens)
    letters = iter(text.lower())
    assert all(letter in letters for token in tokens for letter in token)


VECTORS = arrays(
    np.float32,
    st.tuples(st.integers(1, 20), st.integers(1, 12)),
    elements=st.floats(-1e6, 1e6, width=32),
)


@given(VECTORS)
def test_a_component_is_off_by_at_most_1_254_of_the_largest(vectors: np.ndarray) -> None:
    names = [f"w{i}" for i in range(len(vectors))]
    table = WordTable.from_vectors(names, vectors)
    for name, vector in zip(names, vectors, strict=True):
        held = table.vector(name)
        assert held is not None
        bound = np.abs(vector).max() / 254
        assert np.abs(held - vector).max() <= bound * (1 + 1e-5) + 1e-30


@given(VECTORS)
def test_what_was_saved_is_what_is_loaded(
    tmp_path_factory: pytest.TempPathFactory, vectors: np.ndarray
) -> None:
    path = tmp_path_factory.mktemp("words") / "words.npz"
    table = WordTable.from_vectors([f"w{i}" for i in range(len(vectors))], vectors)
    table.save(path)
    loaded = WordTable.load(path)
    assert loaded.words == table.words
    assert np.array_equal(loaded.rows, table.rows)
    assert np.array_equal(loaded.scales, table.scales)


def test_a_word_that_is_not_there_has_no_vector() -> None:
    table = WordTable.from_vectors(["disk"], np.ones((1, 3)))
    assert table.vector("Disk") is None
    assert "disk" in table
    assert "Disk" not in table


@pytest.mark.parametrize(
    ("word", "pieces"),
    [
        ("datanode", ("data", "node")),
        ("databases", ("database",)),
        ("xdatabase", ("database",)),
        ("lostdatabase", ("lost", "database")),
        ("nodes", ("node",)),
        # The longest first, though "data" and "basic" would leave nothing over.
        ("databasic", ("data", "basic")),
        ("databaseic", ("database",)),
        # More than a quarter is left over, or pieces of three letters would be needed.
        ("metanode", ()),
        ("lossofdata", ()),
        ("tlbtlb", ()),
        ("", ()),
        ("e", ()),
    ],
)
def test_pieces_of_a_word_that_is_not_there(word: str, pieces: tuple[str, ...]) -> None:
    words = ["data", "node", "database", "basic", "lost", "tlb"]
    assert WordTable.from_vectors(words, np.eye(6)).pieces(word) == pieces


@given(st.text("abc", max_size=60), st.sets(st.text("abc", min_size=1, max_size=6), min_size=1))
def test_pieces_are_words_of_the_table_in_their_order(word: str, words: set[str]) -> None:
    table = WordTable.from_vectors(sorted(words), np.ones((len(words), 2)))
    pieces = table.pieces(word)
    assert all(piece in table and len(piece) >= 4 for piece in pieces)
    rest = iter(word)
    assert all(letter in rest for piece in pieces for letter in piece)
    assert not pieces or 4 * sum(map(len, pieces)) >= 3 * len(word)


def test_a_row_of_zeros_stays_zero() -> None:
    table = WordTable.from_vectors(["nothing"], np.zeros((1, 3)))
    held = table.vector("nothing")
    assert held is not None
    assert not held.any()


def test_pruning_keeps_the_first_and_the_named_in_their_order() -> None:
    table = WordTable.from_vectors(list("abcdef"), np.eye(6))
    pruned = table.pruned(["e", "a", "zebra"], 2)
    assert pruned.words == ("a", "b", "e")
    assert np.array_equal(pruned.rows, table.rows[[0, 1, 4]])
    assert np.array_equal(pruned.scales, table.scales[[0, 1, 4]])
    assert table.pruned([], 99).words == table.words


def test_the_shipped_table() -> None:
    table = shipped_word_table()
    assert table.dimension == 100
    assert len(table) > 30_000
    assert all(word in table for word in ("block", "exception", "terminating", "instance"))
    king, queen, disk = (table.vector(word) for word in ("king", "queen", "disk"))
    assert king is not None and queen is not None and disk is not None
    assert king @ queen > 5 * abs(king @ disk)


def test_vectors_must_be_numbers() -> None:
    vectors = np.ones((3, 2))
    vectors[1, 0] = np.nan
    with pytest.raises(UserError, match="'odd'"):
        WordTable.from_vectors(["fine", "odd", "good"], vectors)


@pytest.mark.parametrize(
    ("words", "rows", "scales"), [(2, (3, 4), 2), (2, (2, 4), 3), (2, (2,), 2), (0, (0, 4), 0)]
)
def test_a_table_whose_parts_do_not_fit_is_refused(
    words: int, rows: tuple[int, ...], scales: int
) -> None:
    with pytest.raises(UserError, match="word table"):
        WordTable(
            [f"w{i}" for i in range(words)],
            np.zeros(rows, dtype=np.int8),
            np.ones(scales, dtype=np.float32),
        )


def test_a_damaged_file_is_refused_wherever_it_is_cut(tmp_path: Path) -> None:
    path = tmp_path / "words.npz"
    WordTable.from_vectors(list("abc"), np.eye(3)).save(path)
    whole = path.read_bytes()
    for size in range(0, len(whole), 7):
        path.write_bytes(whole[:size])
        with pytest.raises(UserError, match=r"words\.npz"):
            WordTable.load(path)
    path.write_text("not an archive at all")
    with pytest.raises(UserError):
        WordTable.load(path)
    np.save(path.with_suffix(".npy"), np.zeros(3))
    with pytest.raises(UserError):
        WordTable.load(path.with_suffix(".npy"))
    with pytest.raises(UserError):
        WordTable.load(tmp_path / "absent.npz")
