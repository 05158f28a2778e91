"""``metalog-train evaluate``: figures on sessions that training has not seen."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.errors import UserError
from models.events import EventParser
from models.reading import Description, Inputs
from models.words import Vectors
from trainer.batches import Rows
from trainer.corpus import NORMAL, UNLABELLED, Corpus
from trainer.fit import choose_device, load_network
from trainer.kinds import kinds, to_json
from trainer.metrics import figures
from trainer.predict import predict
from trainer.presets import Statistics
from trainer.progress import counted, stage
from trainer.run import Run
from trainer.splits import Indices, unseen
from trainer.systems import System
from trainer.views import Known, described_by_others


@dataclass(frozen=True)
class Evaluation:
    """figures: ready for JSON; kinds: of the anomalies, one JSON-ready object each, see
    ``trainer.kinds``; predictions: one JSON-ready object a scored session."""

    figures: dict[str, Any]
    kinds: list[dict[str, Any]]
    predictions: list[dict[str, Any]]


@dataclass(frozen=True)
class Part:
    """Sessions of one system on their way to the network. table: the system's own rows, trained
    templates first, then the events met in this part; sequences: rows of it. inputs: what the
    network reads beside the events. description: gives the same of other sessions; None where it
    reads nothing, or where these sessions describe each other."""

    corpus: Corpus
    sessions: Indices
    parser: EventParser
    table: Vectors
    sequences: list[Rows]
    inputs: Inputs | None
    description: Description | None = None


def evaluate(
    run: Run, *, on: Path | None = None, threshold: float | None = None, device: str = "auto"
) -> Evaluation:
    """Score the unseen part of the target, or of another corpus.

    Raises UserError where nothing is left that was not trained on.
    """
    part = test_part(run, on)
    network = load_network(run, choose_device(device))
    scores = predict(network, part.table, part.sequences, part.inputs)
    threshold = run.threshold if threshold is None else threshold
    labels = np.asarray(part.corpus.labels)[part.sessions].astype(np.int64)
    known = labels != UNLABELLED
    result = {
        "run": run.path.name,
        "corpus": part.corpus.name,
        "fingerprint": part.corpus.fingerprint,
        "preset": run.preset.name,
        "seed": run.seed,
        "labels": {
            role.name: {"normal": role.normal_labels, "anomalous": role.anomaly_labels}
            for role in run.roles
        },
        "left_out": len(part.corpus) - len(part.sessions),
        "unlabelled": int((~known).sum()),
        "new_events": len(part.parser.host_templates),
        **figures(labels[known], scores[known], threshold),
    }
    keys = [part.corpus.keys[index] for index in part.sessions]
    with stage("sorting anomalies by kind"):
        found = kinds(part.sequences, labels, scores >= threshold)
    return Evaluation(
        result,
        to_json(found, part.parser.templates, keys),
        _predictions(part, labels, scores, threshold),
    )


def test_part(run: Run, on: Path | None, only: Indices | None = None) -> Part:
    """What may be scored, with the events that ``score`` on a host would give it.

    only: of the target, in the place of all that training has not seen.
    """
    if on is None:
        if run.target.path is None:
            raise UserError(
                f"{run.path}: was trained for no target; say with --on CORPUS what to evaluate on"
            )
        system = run.systems()[-1]
        sessions = unseen(system.corpus, system.seen) if only is None else only
        where = "the target"
    else:
        system = _as_target(run, Corpus.open(on))
        trained_on = run.trained_on()
        total = len(system.corpus)
        every = counted("looking for unseen sessions", range(total), total)
        sessions = np.array(
            [i for i in every if system.corpus.digest(i) not in trained_on], dtype=np.int64
        )
        where = str(on)
    if not len(sessions):
        raise UserError(
            f"{run.path}: was trained on every session of {where}; a score of those says nothing. "
            "Evaluate on another corpus, or fit with smaller fractions"
        )
    parser = system.parser(run.drain)
    sequences = system.sequences(sessions, parser)
    table = run.embedder().embed_all(parser.templates)
    description = _description(run, system, parser, table)
    if description is not None:
        inputs: Inputs | None = description.inputs(sequences)
    else:
        inputs = _by_each_other(run, parser, table, sequences)
    return Part(system.corpus, sessions, parser, table, sequences, inputs, description)


def _description(
    run: Run, system: System, parser: EventParser, table: Vectors
) -> Description | None:
    """The history that training left, of the target alone; None where the network reads none."""
    if not run.network.session or run.target.path is None:
        return None
    if system.templates != run.target_templates()[0]:
        return None
    description = run.description()
    description.learn(len(system.templates), parser.host_templates, table[parser.trained :])
    return description


def _by_each_other(
    run: Run, parser: EventParser, table: Vectors, sequences: list[Rows]
) -> Inputs | None:
    """Another system has no history: each of its sessions is described by the others, without a
    label. None where the network reads nothing beside the events."""
    if not run.network.session:
        return None
    labelled = run.preset.statistics is Statistics.LABELLED
    presumed = np.full(len(sequences), NORMAL if labelled else UNLABELLED, dtype=np.int64)
    known = Known(parser.templates, table, run.words()[0], sequences, presumed)
    return described_by_others(known, np.random.default_rng(run.seed))


def _as_target(run: Run, corpus: Corpus) -> System:
    """A corpus with the templates that were mined from it, or, a system never seen, with none."""
    for system in run.systems():
        if system.corpus.fingerprint == corpus.fingerprint:
            return System(corpus, system.seen, system.templates, 0)
    if corpus.origin.name == run.target.name:
        # More logs of the target: they meet the templates that training left.
        return System(corpus, np.zeros(0, dtype=np.int64), run.target_templates()[0], 0)
    return System(corpus, np.zeros(0, dtype=np.int64), (), 0)


def _predictions(
    part: Part, labels: NDArray[np.int64], scores: NDArray[np.float64], threshold: float
) -> list[dict[str, Any]]:
    names: Sequence[str] = part.corpus.keys
    return [
        {
            "key": names[index],
            "score": round(float(score), 6),
            "anomalous": bool(score >= threshold),
            "lines": len(sequence),
            "label": None if label == UNLABELLED else int(label),
        }
        for index, score, label, sequence in zip(
            part.sessions, scores, labels, part.sequences, strict=True
        )
    ]
