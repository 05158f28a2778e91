"""Equal beginnings of sessions, found once: what a one-directional network has read so far of two
sessions is the same as long as the two are."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Places = NDArray[np.int64]


class Prefixes(NamedTuple):
    """The distinct prefixes of a batch of sessions, by length: a trie, level by level.

    sizes: [longest session], how many prefixes there are of each length; kinds: [prefixes], the
    last thing in each; parents: [prefixes], what it continues, counted within the level before (0
    on the first). of: [sessions, longest], the prefix that ends at each place of a session; past
    the end of the session, its last.
    """

    sizes: Places
    kinds: Places
    parents: Places
    of: Places


def prefixes(kinds: Places, lengths: Places) -> Prefixes:
    """kinds: what the sessions are made of, numbers from 0, one session after another; lengths:
    [sessions], at least 1 each. Memory: a few arrays [sessions, longest]."""
    longest = int(lengths.max())
    steps = np.arange(longest)
    real = steps < lengths[:, None]
    # Big-endian, so that bytes are in the order of the numbers; 0 is past the end.
    padded = np.zeros(real.shape, dtype=">u4")
    padded[real] = kinds + 1
    order = np.argsort(padded.view(np.dtype((np.void, 4 * longest))).ravel(), kind="stable")
    ordered = padded[order].astype(np.int64)
    # In this order, what shares a prefix stands together, the shorter first: a prefix is new where
    # the session before has another one.
    new = np.ones(ordered.shape, dtype=np.bool_)
    new[1:] = np.logical_or.accumulate(ordered[1:] != ordered[:-1], axis=1)
    new &= ordered > 0
    within = new.cumsum(axis=0) - 1
    sizes = new.sum(axis=0)
    level, row = np.nonzero(new.T)
    parents = np.where(level > 0, within[row, level - 1], 0)
    last = np.minimum(steps, lengths[order][:, None] - 1)
    of = np.empty(ordered.shape, dtype=np.int64)
    of[order] = np.take_along_axis(within + (np.cumsum(sizes) - sizes), last, axis=1)
    return Prefixes(sizes, ordered[row, level] - 1, parents, of)
