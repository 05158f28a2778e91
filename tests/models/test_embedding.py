"""Eq. 1, worked out by hand, and the place of an event without a known word."""

import io
from math import log

import numpy as np
import pytest

from models.bundle import pack_words, unpack_words
from models.embedding import DocumentFrequencies, EventEmbedder
from models.words import WordTable

# Rows of int8 with a scale of 1/4, so that the vectors below are exact.
TABLE = WordTable(
    ["receiving", "block", "disk", "lost", "of"],
    np.array([[4, 0], [0, 8], [-4, 4], [12, 0], [2, 2]], dtype=np.int8),
    np.full(5, 0.25, dtype=np.float32),
)
RECEIVING, BLOCK, DISK, LOST, OF = ((1.0, 0.0), (0.0, 2.0), (-1.0, 1.0), (3.0, 0.0), (0.5, 0.5))

TEMPLATES = (
    "Receiving block <KEY> src: <IP>",  # receiving, block, src (not in the table)
    "block of <NUM> blkinfo",  # block, of, blkinfo (not in the table)
    "diskDisk lost",  # disk, disk, lost
)
FREQUENCIES = DocumentFrequencies.of(TEMPLATES)


def test_document_frequencies_count_templates_and_not_occurrences() -> None:
    assert FREQUENCIES.events == 3
    assert FREQUENCIES.words == {
        "receiving": 1, "block": 2, "src": 1, "of": 1, "blkinfo": 1, "disk": 1, "lost": 1,
    }  # fmt: skip


def test_equation_1_by_hand() -> None:
    embedded = EventEmbedder(TABLE, FREQUENCIES).embed_all(TEMPLATES)
    # "receiving" and "block" once among 3 words; "src" has no vector but counts in n_e.
    first = [
        (1 / 3) * ((1 / 3) * log(3 / 1) * RECEIVING[axis] + (1 / 3) * log(3 / 2) * BLOCK[axis])
        for axis in (0, 1)
    ]
    second = [
        (1 / 3) * ((1 / 3) * log(3 / 2) * BLOCK[axis] + (1 / 3) * log(3 / 1) * OF[axis])
        for axis in (0, 1)
    ]
    # "disk" is w_1 and w_2, each a term with tf 2/3; "lost" has tf 1/3.
    third = [
        (1 / 3)
        * (
            (2 / 3) * log(3 / 1) * DISK[axis]
            + (2 / 3) * log(3 / 1) * DISK[axis]
            + (1 / 3) * log(3 / 1) * LOST[axis]
        )
        for axis in (0, 1)
    ]
    assert embedded.dtype == np.float32
    assert embedded.tolist() == [
        pytest.approx(first, rel=1e-6),
        pytest.approx(second, rel=1e-6),
        pytest.approx(third, rel=1e-6),
    ]
    # The numbers themselves, in case the formula above is wrong in the same way as the code.
    assert embedded[0].tolist() == pytest.approx([0.1220680, 0.0901034], abs=1e-6)
    assert embedded[2].tolist() == pytest.approx([-0.1220680, 0.4882721], abs=1e-6)


def test_a_word_that_training_did_not_meet_counts_as_met_in_one_event() -> None:
    embedder = EventEmbedder(TABLE, DocumentFrequencies.of(("block", "block of", "x")))
    assert embedder.embed("disk").tolist() == pytest.approx(
        [log(3) * DISK[0], log(3) * DISK[1]], rel=1e-6
    )


def test_words_without_a_vector_thin_an_event_out() -> None:
    embedder = EventEmbedder(TABLE, FREQUENCIES)
    alone, beside = embedder.embed("lost"), embedder.embed("lost qwxyz")
    assert beside.tolist() == pytest.approx((alone / 4).tolist(), rel=1e-6)


def test_a_word_made_of_known_ones_counts_a_third_of_their_mean() -> None:
    # "diskblock" is in one event of the training part, as written there; a bundle does not know.
    for frequencies in (FREQUENCIES, DocumentFrequencies(3, {**FREQUENCIES.words, "diskblock": 1})):
        embedded = EventEmbedder(TABLE, frequencies).embed("Diskblock lost")
        pieces = [(log(3 / 1) * DISK[axis] + log(3 / 2) * BLOCK[axis]) / 2 / 3 for axis in (0, 1)]
        expected = [(1 / 2) * (1 / 2) * (pieces[axis] + log(3) * LOST[axis]) for axis in (0, 1)]
        assert embedded.tolist() == pytest.approx(expected, rel=1e-6)
    embedder = EventEmbedder(TABLE, FREQUENCIES)
    embedder.embed("diskblock")
    assert embedder.unknown_events == 0


def test_a_bundle_embeds_jargon_as_training_did() -> None:
    templates = (*TEMPLATES, "diskblock lost", "diskblock of diskblocks", "blkinfo blocks")
    trained = EventEmbedder(TABLE, DocumentFrequencies.of(templates))
    packed = io.BytesIO()
    np.savez(packed, **pack_words(TABLE, trained.frequencies))
    bundled = EventEmbedder(*unpack_words(packed.getvalue()))
    assert np.array_equal(bundled.embed_all(templates), trained.embed_all(templates))


def test_an_event_without_a_known_word_has_a_place_and_is_counted() -> None:
    embedder = EventEmbedder(TABLE, FREQUENCIES)
    embedder.embed("block")
    assert embedder.unknown_events == 0
    places = [embedder.embed(text) for text in ("qwxyz", "<NUM> <*>", "", "12 %% 34")]
    assert embedder.unknown_events == 4
    mean = np.mean([RECEIVING, BLOCK, DISK, LOST, OF], axis=0)
    for place in places:
        assert np.any(place)
        assert place.tolist() == pytest.approx((log(3) * mean).tolist(), rel=1e-6)


def test_the_unknown_event_is_not_lost_where_nothing_was_trained() -> None:
    assert np.any(EventEmbedder(TABLE, DocumentFrequencies(0)).embed("qwxyz"))
    assert np.any(EventEmbedder(TABLE, DocumentFrequencies(1, {"block": 1})).embed("qwxyz"))


def test_no_templates_give_no_rows() -> None:
    assert EventEmbedder(TABLE, FREQUENCIES).embed_all([]).shape == (0, 2)
