"""The scorer: P(anomaly) of sessions, with ONNX Runtime."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.bundle import Bundle
from models.errors import UserError
from models.events import EventParser
from models.history import Events, History
from models.reading import Description, Inputs
from models.words import Vectors

_LARGEST_BATCH = 256
# Sessions x length x length: the attention holds several such float32 arrays at once, and the agent
# must stay small. 2000 lines, the longest session by default, go alone.
_MOST_CELLS = 4_000_000


class Score(NamedTuple):
    """probability: of an anomaly. weights: float32 [length], attention on each event, sum 1."""

    probability: float
    weights: Vectors


class Scorer:
    """Scores sessions of event ids with the network of a bundle.

    provider: "cpu", "cuda" or "auto" (CUDA where ONNX Runtime has it, else the CPU). Raises
    UserError where ONNX Runtime is missing, has no such provider or refuses the network.
    """

    def __init__(self, bundle: Bundle, provider: str = "auto") -> None:
        self._session = _open(bundle.network, provider)
        self._embedder = bundle.embedder()
        self._features = bundle.manifest.features
        self._trained = bundle.manifest.events
        self._description = bundle.description()
        self._words = bundle.words
        self._host: list[Vectors] = []
        self._host_templates: list[str] = []
        self._host_matrix: Vectors | None = None

    @property
    def provider(self) -> str:
        return str(self._session.get_providers()[0])

    @property
    def history(self) -> History | None:
        """What sessions are described by; None where the network reads no statistics."""
        return None if self._description is None else self._description.history

    def learn(self, parser: EventParser) -> list[int]:
        """Embed the host events of ``parser`` that are new or whose template changed; their ids."""
        changed = sorted(parser.take_changed())
        for event in changed:
            row = event - self._trained
            template = parser.template(event)
            vector = self._embedder.embed(template)
            if row < len(self._host):
                self._host[row] = vector
                self._host_templates[row] = template
            else:
                self._host.append(vector)
                self._host_templates.append(template)
            self._host_matrix = None
        # A run of ids at a time: each call copies the traits of all events.
        start = 0
        for place in range(1, len(changed) + 1):
            if place == len(changed) or changed[place] != changed[place - 1] + 1:
                self._describe(changed[start] - self._trained, changed[place - 1] + 1)
                start = place
        return changed

    def _describe(self, row: int, stop: int) -> None:
        if self._description is not None and row < len(self._host):
            last = stop - self._trained
            self._description.learn(
                self._trained + row, self._host_templates[row:last], np.stack(self._host[row:last])
            )

    def renew(self, history: History, templates: Sequence[str]) -> None:
        """From here on describe sessions by this history, a newer one of the bundle's.

        templates: of the history's events, by id; what ``learn`` knows beyond them, and of them,
        stays known. Only where the network reads statistics.
        """
        vectors = self._embedder.embed_all(templates)
        self._description = Description(history, templates, vectors, self._words)
        self._describe(0, self._trained + len(self._host))

    def score(self, sessions: Sequence[Sequence[int]]) -> list[Score]:
        """Scores in the order given. A session's score does not depend on the others.

        sessions: event ids, the bundle's or a learnt host event's; at least one event each.
        """
        if self._description is None:
            return self._score(sessions, None)
        rows = [np.asarray(events, dtype=np.int64) for events in sessions]
        inputs = self._description.inputs(rows)
        read = [row[places] for row, places in zip(rows, inputs.places, strict=True)]
        scores = []
        for row, places, score in zip(rows, inputs.places, self._score(read, inputs), strict=True):
            weights = np.zeros(len(row), dtype=np.float32)
            weights[places] = score.weights
            scores.append(Score(score.probability, weights))
        return scores

    def _score(
        self, sessions: Sequence[Sequence[int] | Events], inputs: Inputs | None
    ) -> list[Score]:
        scores: list[Score | None] = [None] * len(sessions)
        order = sorted(range(len(sessions)), key=lambda i: len(sessions[i]))
        start = 0
        while start < len(order):
            stop = start + 1
            while (
                stop < len(order)
                and stop - start < _LARGEST_BATCH
                and (stop - start + 1) * len(sessions[order[stop]]) ** 2 <= _MOST_CELLS
            ):
                stop += 1
            chosen = order[start:stop]
            found = self._run([sessions[i] for i in chosen], chosen, inputs)
            for i, score in zip(chosen, found, strict=True):
                scores[i] = score
            start = stop
        return [score for score in scores if score is not None]

    def _run(
        self, batch: Sequence[Sequence[int] | Events], chosen: Sequence[int], inputs: Inputs | None
    ) -> list[Score]:
        lengths = np.array([len(events) for events in batch], dtype=np.int64)
        ids = np.zeros((len(batch), int(lengths.max())), dtype=np.int64)
        for row, events in enumerate(batch):
            ids[row, : len(events)] = events
        features = np.zeros((*ids.shape, self._features), dtype=np.float32)
        session = np.zeros((len(batch), 0), dtype=np.float32)
        if inputs is not None:
            session = inputs.session[list(chosen)]
            for row, i in enumerate(chosen):
                features[row, : lengths[row]] = inputs.features[i]
        probability, weights = self._session.run(
            ["probability", "weights"],
            {
                "event_ids": ids,
                "lengths": lengths,
                "features": features,
                "session": session,
                "host_vectors": self._host_vectors(),
            },
        )
        return [
            Score(float(p), row[:length])
            for p, row, length in zip(probability, weights, lengths, strict=True)
        ]

    def _host_vectors(self) -> NDArray[np.float32]:
        if self._host_matrix is None:
            rows = self._host or [np.zeros(self._embedder.dimension, dtype=np.float32)]
            self._host_matrix = np.stack(rows)
        return self._host_matrix


def _open(network: bytes, provider: str) -> Any:
    try:
        import onnxruntime
    except ImportError:
        raise UserError(
            "ONNX Runtime is not installed: pip install 'metalog[cpu]', or 'metalog[gpu]' on a "
            "machine with CUDA (one of them, never both)"
        ) from None
    available = onnxruntime.get_available_providers()
    cuda = "CUDAExecutionProvider"
    if provider == "cuda" and cuda not in available:
        raise UserError(
            "--provider cuda: this ONNX Runtime has no CUDA provider: install 'metalog[gpu]' "
            "(and remove onnxruntime first), or take --provider cpu"
        )
    providers = ["CPUExecutionProvider"]
    if cuda in available and provider in ("auto", "cuda"):
        providers.insert(0, cuda)
    options = onnxruntime.SessionOptions()
    # The agent runs beside what it watches: one thread, and none that spins while it waits.
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 3
    try:
        return onnxruntime.InferenceSession(network, options, providers=providers)
    except Exception as error:
        # ONNX Runtime raises a family of its own that shares no base but Exception.
        reason = str(error).split("\n")[0]
        raise UserError(f"network.onnx: ONNX Runtime cannot open it: {reason}") from None
