"""What the networks of several methods are made of."""

from collections.abc import Iterator

import numpy as np
import pytest
import torch
from hypothesis import given as drawn
from hypothesis import strategies as st
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from trainer.benchmark.papers.classifier import Classifier
from trainer.benchmark.papers.learning import Schedule, learn
from trainer.benchmark.papers.recurrent import Recurrent
from trainer.benchmark.papers.sequences import LONGEST, Padded, by_length, padded
from trainer.benchmark.space import Labelled

EVENTS = 5
TABLE = np.random.default_rng(0).normal(size=(EVENTS, 7)).astype(np.float32)


@drawn(
    st.lists(st.lists(st.integers(0, EVENTS - 1), min_size=1, max_size=9), min_size=1, max_size=6)
)
def test_states_are_those_of_packed_sessions(sessions: list[list[int]]) -> None:
    torch.manual_seed(0)
    recurrent = Recurrent(TABLE, 4, both_ways=True)
    simple = nn.LSTM(7, 4, batch_first=True, bidirectional=True)
    assert recurrent.back is not None
    simple.load_state_dict(
        recurrent.forth.state_dict()
        | {f"{name}_reverse": one for name, one in recurrent.back.state_dict().items()}
    )
    batch = padded([np.array(one, dtype=np.int64) for one in sessions])
    packed = pack_padded_sequence(
        torch.from_numpy(TABLE)[batch.rows], batch.lengths, batch_first=True, enforce_sorted=False
    )
    expected, _ = pad_packed_sequence(simple(packed)[0], batch_first=True)
    found = recurrent(batch)
    assert found.shape == (*batch.rows.shape, recurrent.width)
    assert torch.allclose(found[batch.mask], expected[batch.mask], atol=1e-6)


@drawn(st.lists(st.integers(1, 2 * LONGEST), max_size=200))
def test_parts_in_the_order_of_length_hold_each_session_once(lengths: list[int]) -> None:
    sessions = [np.zeros(length, dtype=np.int64) for length in lengths]
    parts = by_length(sessions)
    order = [int(i) for part in parts for i in part]
    assert sorted(order) == list(range(len(lengths)))
    read = [min(lengths[i], LONGEST) for i in order]
    assert read == sorted(read)


class _Order(nn.Module):
    """Reads the last state alone: what it says depends on the order of events."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm = Recurrent(TABLE, 8)
        self.verdict = nn.Linear(8, 2)

    def forward(self, sessions: Padded) -> Tensor:
        states = self.lstm(sessions)
        read: Tensor = self.verdict(states[torch.arange(len(states)), sessions.lengths - 1])
        return read


def test_a_classifier_learns_an_order_and_reads_no_further_than_it_should() -> None:
    up, down = np.array([0, 1, 2]), np.array([2, 1, 0])
    sessions = Labelled.of([up] * 20, [down] * 4)
    torch.manual_seed(0)
    learner = Classifier(_Order(), Schedule(rate=0.05, epochs=40, patience=40), 0, balanced=True)
    learner.fit(sessions, sessions)
    scores = learner.score([up, down])
    assert scores[0] < 0.5 < scores[1]
    assert learner.fitness(sessions) == 1
    long = np.tile(up, LONGEST)
    other = np.concatenate([long[:LONGEST], down])
    found = learner.score([long, up, other])
    assert found[0] == found[2]
    assert found[1] == pytest.approx(scores[0], abs=1e-6)


def test_no_epoch_begins_after_so_many_steps() -> None:
    network = nn.Linear(1, 1)
    taken: list[int] = []

    def batches(size: int, rng: np.random.Generator) -> Iterator[NDArray[np.intp]]:
        for one in range(4):
            taken.append(one)
            yield np.array([one])

    def loss(chosen: NDArray[np.intp]) -> Tensor:
        return network(torch.ones(1, 1)).sum()  # type: ignore[no-any-return]

    for steps, expected in ((None, 20), (8, 8), (5, 8)):
        taken.clear()
        learn(network, batches, loss, lambda: float("nan"), Schedule(epochs=5, steps=steps), 0)
        assert len(taken) == expected
