"""Words by row and rows by word, held against a dictionary."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.word_index import WordIndex

WORDS = st.lists(
    st.text(st.characters(exclude_characters="\n", exclude_categories=["Cs"])), unique=True
)


@given(WORDS, st.lists(st.text()))
def test_it_answers_as_a_dictionary_does(words: list[str], others: list[str]) -> None:
    index = WordIndex(words)
    rows = {word: row for row, word in enumerate(words)}
    assert list(index) == words
    assert len(index) == len(words)
    for word in [*words, *others, *(word[:-1] for word in words)]:
        assert index.row(word) == rows.get(word)


@given(WORDS.filter(bool))
def test_what_was_saved_is_what_is_read(words: list[str]) -> None:
    again = WordIndex.from_bytes(bytes(WordIndex(words)))
    assert list(again) == words
    assert [again.row(word) for word in words] == list(range(len(words)))


def test_words_of_one_checksum_are_told_apart() -> None:
    # Both have the CRC-32 0x4ddb0c25.
    index = WordIndex(["plumless", "disk", "buckeroo"])
    assert [index.row(word) for word in ("plumless", "buckeroo", "disk")] == [0, 2, 1]
    assert WordIndex(["plumless"]).row("buckeroo") is None


def test_a_newline_in_a_word_is_refused() -> None:
    with pytest.raises(ValueError, match="newline"):
        WordIndex(["disk", "fa\nn"])
