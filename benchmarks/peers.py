"""What else does the agent's work, from the bytes of the same file to scores, put together of parts
that anybody can have: ``benchmarks.pipeline --peers``.

    drain3 + exported GRU   a line at a time through TemplateMiner with the same masks, sessions by
                            the same rule, then the agent's own network with the same weights as
                            torch.onnx.export makes it (``benchmarks.exported``)
    released shape          the same lines and sessions, then the paper's network, GRU and
                            attention, in torch, on batches padded in order of arrival: how the
                            published MetaLog is put together
    rsyslog to /dev/null    no peer but the floor: a tailer that only reads (``benchmarks.tailer``)
One thread each. They get for nothing: the vectors of the events, which events the network is fed
and what it reads beside them, an open state that survives nothing, and that the log is over.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from time import process_time

import numpy as np
import torch
from drain3 import TemplateMiner

from benchmarks import tailer
from benchmarks.exported import BATCH, Exported, Indexed
from benchmarks.parsing import drain3_alone
from models.bundle import Bundle
from models.embedding import DocumentFrequencies, EventEmbedder
from models.flat import Flat
from models.history import Events
from models.lines import FORMATS, LineParser
from models.reading import Reading, fed
from models.session_inputs import SESSION_INPUTS
from models.session_rule import SessionRule
from models.sessions import Entries, Sessionizer
from models.words import Vectors, shipped_word_table
from trainer.datasets.raw import masks_of
from trainer.fit import load_network
from trainer.network import Ensemble, NetworkConfig
from trainer.presets import PRESETS
from trainer.run import Run

PEERS = ("drain3 + exported GRU", "released shape", "rsyslog to /dev/null")


def mined(log: Path, name: str, rule: SessionRule) -> tuple[list[Events], TemplateMiner]:
    """Sessions of the file in the order in which they end."""
    header, miner = LineParser(FORMATS[name]), drain3_alone(masks_of(rule))
    sessions: Sessionizer[int] = Sessionizer(rule)
    raws: list[str] = []
    keys: list[tuple[str, ...]] = []
    sources: list[str] = []
    events: list[int] = []
    times: list[float | None] = []
    with log.open(encoding="utf-8", errors="replace") as file:
        for text in file:
            raw = text.rstrip("\n")
            record = header.parse(raw)
            raws.append(raw)
            keys.append(sessions.keys(raw))
            sources.append(record.source or log.name)
            events.append(int(miner.add_log_message(record.content)["cluster_id"]) - 1)
            times.append(record.time)
    ended = sessions.add_all(Entries(raws, keys, sources, events, times, clock=None))
    ended += sessions.close()
    return [np.array(session.items, dtype=np.int64) for session in ended], miner


class Peers:
    """The ways of one log, each from the beginning whenever it is called."""

    def __init__(self, name: str, bundle: Bundle, run: Path, log: Path) -> None:
        torch.set_num_threads(1)
        self._name, self._log, self._rule = name, log, bundle.manifest.rule
        self._lines = log.read_bytes().count(b"\n")
        # What drain3 finds is the same in every turn: the vectors of its templates, and what the
        # network reads of its sessions, are made here once.
        sessions, miner = mined(log, name, self._rule)
        table = _vectors(miner)
        own = load_network(Run.open(run), torch.device("cpu"))
        paper = NetworkConfig(table.shape[1], **PRESETS["paper"].network)
        self._exported = Exported(own, table)
        self._released = Indexed(Ensemble(paper), table).eval()
        self._reading = _reading(sessions, own.config)
        self._sessions = len(sessions)

    def ways(self) -> dict[str, Callable[[], float | None]]:
        """Processor seconds by name, None where a way cannot be gone here."""
        return dict(zip(PEERS, (self._with_exported, self._as_released, self._floor), strict=True))

    def _with_exported(self) -> float:
        began = process_time()
        sessions, _ = mined(self._log, self._name, self._rule)
        scores = self._exported.run(self._reading)
        return self._done(began, sessions, scores)

    def _as_released(self) -> float:
        began = process_time()
        sessions, _ = mined(self._log, self._name, self._rule)
        scores = self._padded(sessions)
        return self._done(began, sessions, scores)

    def _padded(self, sessions: Sequence[Events]) -> Vectors:
        none = torch.zeros(0)
        found = []
        with torch.inference_mode():
            for start in range(0, len(sessions), BATCH):
                rows = [torch.from_numpy(one) for one in sessions[start : start + BATCH]]
                lengths = torch.tensor([len(row) for row in rows])
                events = torch.nn.utils.rnn.pad_sequence(rows, batch_first=True)
                found.append(self._released(events, lengths, none, none).numpy())
        return np.concatenate(found)

    def _done(self, began: float, sessions: Sequence[Events], scores: Vectors) -> float:
        seconds = process_time() - began
        if not len(sessions) == len(scores) == self._sessions:
            raise SystemExit(
                f"{self._name}: {len(scores)} of {self._sessions} sessions were scored"
            )
        return seconds

    def _floor(self) -> float | None:
        return tailer.seconds(self._log, self._lines)


def _vectors(miner: TemplateMiner) -> Vectors:
    templates = [one.get_template() for one in miner.drain.clusters]
    embedder = EventEmbedder(shipped_word_table(), DocumentFrequencies.of(templates))
    return embedder.embed_all(templates)


def _reading(sessions: Sequence[Events], config: NetworkConfig) -> Reading:
    """Those events that a network with statistics is fed, and zeros in the place of these: what
    the numbers are makes no scoring faster."""
    if config.session:
        sessions = [session[fed(session)] for session in sessions]
    reading = Reading.plain(Flat.of(sessions), config.features)
    beside = np.zeros((len(sessions), SESSION_INPUTS), dtype=np.float32)
    return Reading(
        reading.lengths, reading.places, reading.kinds, reading.events, reading.features,
        beside[:, : config.session],
    )  # fmt: skip
