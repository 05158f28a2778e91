"""Drain that compares a line with many templates at once."""

from collections.abc import Collection, Sequence
from operator import eq
from typing import cast

import numpy as np
from drain3.drain import Drain, LogCluster, Node
from numpy.typing import NDArray

# Fewer are compared faster one by one.
_MANY = 12
# Fewer are compared faster with all tokens at once than token by token.
_FEW = 500
_WILDCARD, _NEVER = -1, -2


class IndexedDrain(Drain):
    """Drain with the same answers, in time that hardly grows with the templates of a leaf.

    A host whose lines differ in unmasked words fills one leaf with thousands of templates, and
    plain Drain compares each new line with all of them, token by token, in Python (10 ms a line at
    10,000 templates). Here they are columns of numbers, and a line with more words that no template
    has than may differ is compared with none. Clusters are never evicted.
    """

    def __init__(self, *, depth: int, sim_th: float, max_children: int, param_str: str) -> None:
        super().__init__(depth=depth, sim_th=sim_th, max_children=max_children, param_str=param_str)
        self._words: dict[str, int] = {}
        # Of large leaves, by the identity of their lists of clusters, which only grow.
        self._leaves: dict[int, _Columns] = {}
        self._leaf_of: dict[int, _Columns] = {}
        self._lengths: dict[int, _Length] = {}

    def add_seq_to_prefix_tree(self, root_node: Node, cluster: LogCluster) -> None:
        tokens = cluster.log_template_tokens
        if tokens:
            # As Drain does it, but that copies the list of the leaf.
            leaf = cast(list[int], self._leaf(root_node, tokens).cluster_ids)
            leaf.append(cluster.cluster_id)
            self._index(leaf, cluster)
        else:
            super().add_seq_to_prefix_tree(root_node, cluster)
        self._length(tokens).put(cluster, self._numbers(tokens))

    def _leaf(self, root_node: Node, tokens: Sequence[str]) -> Node:
        """Where a template of these tokens belongs: Drain's own rules."""
        node = root_node.key_to_child_node.setdefault(str(len(tokens)), Node())
        for token in tokens[: max(0, min(self.max_node_depth, len(tokens)) - 1)]:
            children = node.key_to_child_node
            if token not in children and (
                self.has_numbers(token)
                or len(children) + (self.param_str not in children) >= self.max_children
            ):
                token = self.param_str
            node = children.setdefault(token, Node())
        return node

    def _index(self, leaf: list[int], cluster: LogCluster) -> None:
        if len(leaf) < _MANY:
            return
        columns = self._leaves.get(id(leaf))
        if columns is None:
            columns = self._leaves[id(leaf)] = _Columns(len(cluster.log_template_tokens))
            added = list(filter(None, map(self.id_to_cluster.get, leaf)))
        else:
            added = [cluster]
        for one in added:
            columns.put(one.cluster_id, self._numbers(one.log_template_tokens))
            self._leaf_of[one.cluster_id] = columns

    def add_log_message(self, content: str) -> tuple[LogCluster, str]:
        cluster, change = super().add_log_message(content)
        if change == "cluster_template_changed":
            tokens = cluster.log_template_tokens
            numbers = self._numbers(tokens)
            self._length(tokens).put(cluster, numbers)
            columns = self._leaf_of.get(cluster.cluster_id)
            if columns is not None:
                columns.put(cluster.cluster_id, numbers)
        return cluster, change

    def match(self, content: str, full_search_strategy: str = "never") -> LogCluster | None:
        if full_search_strategy != "fallback":
            return super().match(content, full_search_strategy)
        tokens = self.get_content_as_tokens(content)
        cluster = self.tree_search(self.root_node, tokens, 1.0, True)
        length = self._lengths.get(len(tokens))
        if cluster is not None or length is None:
            return cluster
        found = length.fitting(tuple(tokens), self._sought(tokens))
        if len(found) > 1:
            # Of equally good ones, Drain takes the first of its tree.
            wanted = set(found)
            order = self.get_clusters_ids_for_seq_len(len(tokens))
            return self.id_to_cluster[next(one for one in order if one in wanted)]
        return self.id_to_cluster[found[0]] if found else None

    def fast_match(
        self,
        cluster_ids: Collection[int],
        tokens: Sequence[str],
        sim_th: float,
        include_params: bool,
    ) -> LogCluster | None:
        columns = self._leaves.get(id(cluster_ids))
        if columns is None:
            return super().fast_match(cluster_ids, tokens, sim_th, include_params)
        found = columns.most_alike(self._sought(tokens), sim_th, include_params)
        return None if found is None else self.id_to_cluster[found]

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

    def _length(self, tokens: Sequence[str]) -> "_Length":
        found = self._lengths.get(len(tokens))
        if found is None:
            found = self._lengths[len(tokens)] = _Length(len(tokens))
        return found

    def _numbers(self, tokens: Sequence[str]) -> NDArray[np.int32]:
        words = self._words
        return np.array(
            [
                _WILDCARD if token == self.param_str else words.setdefault(token, len(words))
                for token in tokens
            ],
            dtype=np.int32,
        )

    def _sought(self, tokens: Sequence[str]) -> NDArray[np.int32]:
        return np.array([self._words.get(token, _NEVER) for token in tokens], dtype=np.int32)


class _Columns:
    """Templates of as many tokens, a column each, in the order in which they came.

    numbers: int32 [tokens, room], what each token is; wildcards: of each; clusters: their ids.
    """

    def __init__(self, tokens: int) -> None:
        self._numbers = np.empty((tokens, 16), dtype=np.int32)
        self._wildcards = np.empty(16, dtype=np.int32)
        self._clusters = np.empty(16, dtype=np.int64)
        self._place_of: dict[int, int] = {}
        self._most_wildcards = 0

    def __len__(self) -> int:
        return len(self._place_of)

    def put(self, cluster: int, numbers: NDArray[np.int32]) -> None:
        """Add the cluster, or take in its changed template."""
        place = self._place_of.get(cluster)
        if place is None:
            place = self._place_of[cluster] = len(self._place_of)
            if place == len(self._clusters):
                self._numbers = np.concatenate([self._numbers, self._numbers], axis=1)
                self._wildcards = np.concatenate([self._wildcards, self._wildcards])
                self._clusters = np.concatenate([self._clusters, self._clusters])
            self._clusters[place] = cluster
        self._numbers[:, place] = numbers
        wildcards = int((numbers == _WILDCARD).sum())
        self._wildcards[place] = wildcards
        self._most_wildcards = max(self._most_wildcards, wildcards)

    def most_alike(
        self, sought: NDArray[np.int32], sim_th: float, include_params: bool
    ) -> int | None:
        """The cluster with most equal tokens, of several the first with most wildcards; None where
        even that has too few."""
        count, tokens = len(self), len(sought)
        known = tokens - int((sought == _NEVER).sum())
        most = known + (self._most_wildcards if include_params else 0)
        if most / tokens < sim_th:
            return None
        if count < _FEW:
            same = (self._numbers[:, :count] == sought[:, None]).sum(axis=0, dtype=np.int32)
        else:
            same = np.zeros(count, dtype=np.int32)
            for numbers, number in zip(self._numbers[:, :count], sought.tolist(), strict=True):
                if number != _NEVER:
                    same += numbers == number
        wildcards = self._wildcards[:count]
        if include_params:
            same += wildcards
        best = int(np.argmax(same * (tokens + 1) + wildcards))
        if float(same[best]) / tokens < sim_th:
            return None
        return int(self._clusters[best])

    def fitting(self, sought: NDArray[np.int32]) -> list[int]:
        """Clusters that take these tokens one by one: those with the most wildcards."""
        count = len(self)
        if not count or int((sought == _NEVER).sum()) > self._most_wildcards:
            return []
        fits = np.ones(count, dtype=np.bool_)
        for numbers, number in zip(self._numbers[:, :count], sought.tolist(), strict=True):
            fits &= (numbers == number) | (numbers == _WILDCARD)
        places = np.flatnonzero(fits)
        if not len(places):
            return []
        wildcards = self._wildcards[places]
        return [int(one) for one in self._clusters[places[wildcards == wildcards.max()]]]


class _Length:
    """All templates of one number of tokens, to find those that take a line."""

    def __init__(self, tokens: int) -> None:
        self._wild = _Columns(tokens)
        self._whole: dict[tuple[str, ...], list[int]] = {}
        self._tokens: dict[int, tuple[str, ...]] = {}

    def put(self, cluster: LogCluster, numbers: NDArray[np.int32]) -> None:
        """Add the cluster, or take in its changed template."""
        before = self._tokens.get(cluster.cluster_id)
        if before is not None:
            left = self._whole[before]
            left.remove(cluster.cluster_id)
            if not left:
                del self._whole[before]
        tokens = self._tokens[cluster.cluster_id] = tuple(cluster.log_template_tokens)
        self._whole.setdefault(tokens, []).append(cluster.cluster_id)
        if (numbers == _WILDCARD).any():
            self._wild.put(cluster.cluster_id, numbers)

    def fitting(self, tokens: tuple[str, ...], sought: NDArray[np.int32]) -> list[int]:
        """Clusters that take these tokens one by one: those with the most wildcards."""
        return self._wild.fitting(sought) or self._whole.get(tokens, [])
