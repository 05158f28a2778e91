"""TCA: events of the sources and of the target in one space where the two are alike.

Pan et al., "Domain Adaptation via Transfer Component Analysis", IEEE Transactions on Neural
Networks 22(2), 2011 (section III): with K the kernel matrix of the events of either side, L of the
maximum mean discrepancy between them and H of centring, the components are the leading
eigenvectors W of (K L K + mu I)^-1 K H K (Eq. 9), and an event's are its kernel values with those
events times W. No label is read.

Departures: components are centred and scaled, all by one number, for networks. What is left open
there: what is made alike are events, each once; the kernel is Gaussian with the median of their
distances as its width; mu is 0.01, and there are 32 components.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import eigh
from scipy.spatial.distance import cdist

from models.words import Vectors
from trainer.benchmark.papers.settings import Material

COMPONENTS = 32
# With 1 the sides are as far apart as before, here where they have some dozens of events.
TRADE_OFF = 0.01
# Events of either side in the kernel matrix: with twice as many it takes eight times as long.
_MOST = 1000
_SAMPLING = 7


def transferred(material: Material) -> Vectors:
    """Components of all events of the space, float32 [events, COMPONENTS at most].

    Found on known events alone; others have theirs by the kernel. Where one side has no event
    that is known, nothing can be made alike, and the vectors of the material come back.
    """
    space = material.space
    of_target = np.arange(len(space.known)) < space.target_events
    sides = [np.flatnonzero(space.known & which) for which in (~of_target, of_target)]
    if not all(len(side) for side in sides):
        return material.vectors
    rng = np.random.default_rng(_SAMPLING)
    source, target = (rng.permutation(side)[:_MOST] for side in sides)
    vectors = material.vectors.astype(np.float64)
    chosen = vectors[np.concatenate([source, target])]
    width = _median_distance(chosen)
    weights = components(_gaussian(chosen, chosen, width), len(source))
    found = _gaussian(vectors, chosen, width) @ weights
    middle, spread = found[space.known].mean(axis=0), found[space.known].var(axis=0).mean()
    scaled: Vectors = ((found - middle) / np.sqrt(spread or 1.0)).astype(np.float32)
    return scaled


def components(kernel: NDArray[np.float64], sources: int) -> NDArray[np.float64]:
    """W of Eq. 9, float64 [events, COMPONENTS at most], the leading component first.

    kernel: of the events with each other, the first ``sources`` of them of the sources.
    """
    events = len(kernel)
    side = np.where(np.arange(events) < sources, 1 / sources, -1 / (events - sources))
    apart = kernel @ side
    centred = kernel - kernel.mean(axis=0)
    count = min(COMPONENTS, events - 1)
    # K L K and K H K without L and H: L is side times its transpose, H is its own square.
    _, found = eigh(
        centred.T @ centred,
        np.outer(apart, apart) + TRADE_OFF * np.eye(events),
        subset_by_index=(events - count, events - 1),
    )
    weights: NDArray[np.float64] = found[:, ::-1]
    return weights


def _median_distance(vectors: NDArray[np.float64]) -> float:
    distances = cdist(vectors, vectors)[np.triu_indices(len(vectors), 1)]
    median = float(np.median(distances)) if len(distances) else 0.0
    return median if median > 0 else 1.0


def _gaussian(
    some: NDArray[np.float64], others: NDArray[np.float64], width: float
) -> NDArray[np.float64]:
    kernel: NDArray[np.float64] = np.exp(-cdist(some, others, "sqeuclidean") / (2 * width**2))
    return kernel
