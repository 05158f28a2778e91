"""A training loop that stops where held sessions say so."""

import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

# Largest norm of a gradient: long sessions now and then have one that throws an LSTM out.
_CLIP = 5.0


@dataclass(frozen=True)
class Schedule:
    """Adam. patience: epochs without a better held loss after which nothing more is learnt. steps:
    no epoch begins after so many batches, None sets no bound."""

    rate: float = 1e-3
    batch: int = 64
    epochs: int = 20
    patience: int = 4
    steps: int | None = None


def learn(
    module: nn.Module,
    batches: Callable[[int, np.random.Generator], Iterator[NDArray[np.intp]]],
    loss: Callable[[NDArray[np.intp]], Tensor],
    held: Callable[[], float],
    schedule: Schedule,
    seed: int,
) -> None:
    """Leaves the module with the weights of the epoch whose held loss was least, in ``eval``.

    batches: of a size, by a generator, for each epoch; loss: of a batch; held: loss of sessions
    that are not learnt from, called without gradients, NaN where there are none: then the last
    weights stay.
    """
    rng = np.random.default_rng(seed)
    optimiser = torch.optim.Adam(
        [one for one in module.parameters() if one.requires_grad], lr=schedule.rate
    )
    best, kept, waited, taken = float("inf"), None, 0, 0
    for _ in range(schedule.epochs):
        if schedule.steps is not None and taken >= schedule.steps:
            break
        module.train()
        for chosen in batches(schedule.batch, rng):
            optimiser.zero_grad()
            loss(chosen).backward()  # type: ignore[no-untyped-call]
            nn.utils.clip_grad_norm_(module.parameters(), _CLIP)
            optimiser.step()
            taken += 1
        module.eval()
        with torch.no_grad():
            found = held()
        if found < best:
            best, kept, waited = found, copy.deepcopy(module.state_dict()), 0
        elif not np.isnan(found):
            waited += 1
            if waited >= schedule.patience:
                break
    if kept is not None:
        module.load_state_dict(kept)
    module.eval()
