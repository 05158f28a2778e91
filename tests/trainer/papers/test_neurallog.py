"""NeuralLog with the sentence model of one's choice."""

from collections.abc import Sequence

import numpy as np
import torch

from models.words import Vectors, shipped_word_table
from trainer.benchmark.papers.neurallog import NeuralLog, positions
from trainer.benchmark.papers.sentences import word_means
from trainer.benchmark.papers.sequences import LONGEST
from trainer.benchmark.papers.settings import Given
from trainer.benchmark.task import Examination, Task


def test_a_message_is_the_mean_of_its_words_whatever_their_order() -> None:
    table = shipped_word_table()
    found = word_means(["disk error <NUM>", "Error: disk!", "disk disk error", "", "zzqxj 12"])
    disk, error = table.vector("disk"), table.vector("error")
    assert disk is not None
    assert error is not None
    assert found.dtype == np.float32
    assert np.allclose(found[0], (disk + error) / 2, atol=1e-6)
    assert np.array_equal(found[0], found[1])
    assert np.allclose(found[2], (2 * disk + error) / 3, atol=1e-6)
    assert np.allclose(found[3:], table.mean()), "nothing known in it"


def test_a_word_outside_the_table_is_its_pieces() -> None:
    table = shipped_word_table()
    assert "datanode" not in table
    data, node = (table.vector(piece) for piece in table.pieces("datanode"))
    assert data is not None
    assert node is not None
    assert np.allclose(word_means(["datanode"])[0], (data + node) / 2, atol=1e-6)


def test_no_two_positions_are_alike() -> None:
    assert len(torch.unique(positions(), dim=0)) == LONGEST


def test_the_sentence_model_is_asked_once_for_all_events_and_decides_what_is_read(
    given: tuple[Task, Examination],
) -> None:
    task, examination = given
    asked: list[Sequence[str]] = []

    def blind(texts: Sequence[str]) -> Vectors:
        asked.append(texts)
        return np.zeros((len(texts), 5), dtype=np.float32)

    method = NeuralLog("neurallog", Given.SOURCE, blind)
    method.fit(task)
    scores = method.score(examination.sequences)
    assert [tuple(one) for one in asked] == [task.space.templates]
    lengths = np.array([len(one) for one in examination.sequences])
    by_length = [set(scores[lengths == one].round(5)) for one in np.unique(lengths)]
    assert all(len(values) == 1 for values in by_length), "where all events are alike"
    sighted = NeuralLog("neurallog", Given.SOURCE)
    sighted.fit(task)
    found = sighted.score(examination.sequences)
    assert len(set(found.round(5))) > len(by_length)
