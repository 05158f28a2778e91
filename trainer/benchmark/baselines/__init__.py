"""Simple rules on the same split and labels as the network: what it has to beat.

Each is ``fit`` and ``score`` of ``trainer.benchmark.task.Method``. ``history`` holds what they
share: which sessions they take for normal, and where their thresholds come from.
"""

from trainer.benchmark.baselines.counts import CountDistance, CountKnn, CountLogistic, CountTree
from trainer.benchmark.baselines.events import Keywords, Length, NewEvent
from trainer.benchmark.baselines.history import Baseline, Needs
from trainer.benchmark.baselines.rarity import PairRarity, Rarity
from trainer.benchmark.protocols import Protocol

BASELINES: dict[str, type[Baseline]] = {
    kind.name: kind
    for kind in (
        NewEvent,
        CountDistance,
        CountKnn,
        CountTree,
        CountLogistic,
        Length,
        Keywords,
        Rarity,
        PairRarity,
    )
}

_GIVEN: dict[Protocol, frozenset[Needs]] = {
    Protocol.BILATERAL: frozenset(Needs),
    Protocol.BUDGET: frozenset(Needs),
    Protocol.UNLABELLED: frozenset({Needs.NOTHING, Needs.HISTORY}),
    Protocol.ZERO_SHOT: frozenset({Needs.NOTHING}),
}


def possible(protocol: Protocol) -> list[str]:
    """Names of the baselines that a protocol gives enough to."""
    return [name for name, kind in BASELINES.items() if kind.needs in _GIVEN[protocol]]
