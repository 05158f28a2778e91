"""Drain that compares a line with many templates at once."""

from collections.abc import Collection, Sequence
from operator import eq

import numpy as np
from drain3.drain import Drain, LogCluster, Node
from numpy.typing import NDArray

# Fewer are compared faster one by one.
_MANY = 12
_WILDCARD, _NEVER = -1, -2


class IndexedDrain(Drain):
    """Drain with the same answers, in time that hardly grows with the templates of a leaf.

    A host whose lines differ in unmasked words fills one leaf with thousands of templates, and
    plain Drain compares each new line with all of them, token by token, in Python (10 ms a line at
    10,000 templates). Here they are rows of numbers. Clusters are never evicted.
    """

    def __init__(self, *, depth: int, sim_th: float, max_children: int, param_str: str) -> None:
        super().__init__(depth=depth, sim_th=sim_th, max_children=max_children, param_str=param_str)
        self._words: dict[str, int] = {}
        self._rows: dict[int, _Rows] = {}

    def add_seq_to_prefix_tree(self, root_node: Node, cluster: LogCluster) -> None:
        super().add_seq_to_prefix_tree(root_node, cluster)
        tokens = cluster.log_template_tokens
        rows = self._rows.setdefault(len(tokens), _Rows(len(tokens)))
        rows.put(cluster, self._numbers(tokens))

    def add_log_message(self, content: str) -> tuple[LogCluster, str]:
        cluster, change = super().add_log_message(content)
        if change == "cluster_template_changed":
            tokens = cluster.log_template_tokens
            self._rows[len(tokens)].put(cluster, self._numbers(tokens))
        return cluster, change

    def match(self, content: str, full_search_strategy: str = "never") -> LogCluster | None:
        if full_search_strategy != "fallback":
            return super().match(content, full_search_strategy)
        tokens = self.get_content_as_tokens(content)
        cluster = self.tree_search(self.root_node, tokens, 1.0, True)
        rows = self._rows.get(len(tokens))
        if cluster is not None or rows is None:
            return cluster
        found = rows.fitting(tuple(tokens), self._sought(tokens))
        if len(found) > 1:
            # Of equally good ones, Drain takes the first of its tree.
            order = self.get_clusters_ids_for_seq_len(len(tokens))
            return self.id_to_cluster[min(found, key=list(order).index)]
        return self.id_to_cluster[found[0]] if found else None

    def fast_match(
        self,
        cluster_ids: Collection[int],
        tokens: Sequence[str],
        sim_th: float,
        include_params: bool,
    ) -> LogCluster | None:
        if len(cluster_ids) < _MANY or not tokens:
            return super().fast_match(cluster_ids, tokens, sim_th, include_params)
        rows = self._rows[len(tokens)]
        places = rows.places(cluster_ids)
        same = (rows.numbers[places] == self._sought(tokens)).sum(axis=1)
        wildcards = rows.wildcards[places]
        if include_params:
            same += wildcards
        best = int(np.argmax(same * (len(tokens) + 1) + wildcards))
        if float(same[best]) / len(tokens) < sim_th:
            return None
        return self.id_to_cluster[int(rows.clusters[places[best]])]

    def get_seq_distance(
        self, seq1: Sequence[str], seq2: Sequence[str], include_params: bool
    ) -> tuple[float, int]:
        if not seq1:
            return 1.0, 0
        wildcards = seq1.count(self.param_str)
        same = sum(map(eq, seq1, seq2))
        if wildcards and self.param_str in seq2:
            # A wildcard equals nothing, not even itself.
            same -= sum(a == b == self.param_str for a, b in zip(seq1, seq2, strict=True))
        return (same + wildcards if include_params else same) / len(seq1), wildcards

    def _numbers(self, tokens: Sequence[str]) -> list[int]:
        words = self._words
        return [
            _WILDCARD if token == self.param_str else words.setdefault(token, len(words))
            for token in tokens
        ]

    def _sought(self, tokens: Sequence[str]) -> NDArray[np.int32]:
        return np.array([self._words.get(token, _NEVER) for token in tokens], dtype=np.int32)


class _Rows:
    """All templates of one number of tokens.

    numbers: int32 [rows, tokens], what each token is; wildcards: of each row; clusters: their ids.
    """

    def __init__(self, tokens: int) -> None:
        self.numbers = np.empty((8, tokens), dtype=np.int32)
        self.wildcards = np.empty(8, dtype=np.int64)
        self.clusters = np.empty(8, dtype=np.int64)
        self._row_of: dict[int, int] = {}
        self._whole: dict[tuple[str, ...], list[int]] = {}
        self._tokens: list[tuple[str, ...]] = []
        self._wild: NDArray[np.int64] | None = None
        self._leaves: dict[int, tuple[Collection[int], NDArray[np.int64]]] = {}

    def put(self, cluster: LogCluster, numbers: list[int]) -> None:
        """Add the cluster, or take in its changed template."""
        tokens = cluster.log_template_tokens
        row = self._row_of.get(cluster.cluster_id)
        if row is None:
            row = self._row_of[cluster.cluster_id] = len(self._row_of)
            self._tokens.append(tokens)
            if row == len(self.clusters):
                self.numbers = np.concatenate([self.numbers, np.empty_like(self.numbers)])
                self.wildcards = np.concatenate([self.wildcards, np.empty_like(self.wildcards)])
                self.clusters = np.concatenate([self.clusters, np.empty_like(self.clusters)])
            self.clusters[row] = cluster.cluster_id
        else:
            self._whole[self._tokens[row]].remove(cluster.cluster_id)
            self._tokens[row] = tokens
        self._whole.setdefault(tokens, []).append(cluster.cluster_id)
        self.numbers[row] = numbers
        self.wildcards[row] = numbers.count(_WILDCARD)
        if self.wildcards[row]:
            self._wild = None

    def fitting(self, tokens: tuple[str, ...], sought: NDArray[np.int32]) -> list[int]:
        """Clusters that take these tokens one by one: those with the most wildcards."""
        if self._wild is None:
            self._wild = np.flatnonzero(self.wildcards[: len(self._row_of)])
        wild = self._wild
        if len(wild):
            templates = self.numbers[wild]
            fits = ((templates == sought) | (templates == _WILDCARD)).all(axis=1)
            if fits.any():
                rows = wild[fits]
                wildcards = self.wildcards[rows]
                return [int(self.clusters[row]) for row in rows[wildcards == wildcards.max()]]
        return self._whole.get(tokens, [])

    def places(self, cluster_ids: Collection[int]) -> NDArray[np.int64]:
        """Rows of the clusters of one leaf, in their order."""
        # Drain replaces the list of a leaf when a cluster joins it, and never changes one; the list
        # that is kept here cannot give its identity to another.
        known = self._leaves.get(id(cluster_ids))
        if known is not None and known[0] is cluster_ids:
            return known[1]
        # Rows are in the order in which clusters came, as are their ids.
        ids = np.fromiter(cluster_ids, dtype=np.int64, count=len(cluster_ids))
        places = np.searchsorted(self.clusters[: len(self._row_of)], ids)
        if len(self._leaves) >= 64:
            self._leaves.clear()
        self._leaves[id(cluster_ids)] = (cluster_ids, places)
        return places
