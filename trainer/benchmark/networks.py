"""The network as a method of the benchmark: one fit in a temporary run for each seed.

``default``, ``words``, ``paper`` are presets. ``target-only`` and ``source-only`` are the preset
``default`` with the labels of one side. Behind any of them ``/field=value`` changes a field of the
preset or of its network, as in ``paper/attention=none/anomaly_share=0.3``.
"""

import json
import tempfile
from collections.abc import Sequence
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from models.errors import UserError
from models.history import History
from models.reading import Description, Inputs
from trainer.batches import Rows
from trainer.benchmark.protocols import Protocol
from trainer.benchmark.task import Task
from trainer.evaluate import Part, test_part
from trainer.fit import FitOptions, choose_device, load_network, start, train
from trainer.interrupts import Interrupted
from trainer.network import NetworkConfig
from trainer.predict import predict
from trainer.presets import PRESETS, Preset, Statistics, preset
from trainer.run import Run
from trainer.splits import Seen

# The network with the labels of one side only.
TARGET_ONLY, SOURCE_ONLY = "target-only", "source-only"
NETWORKS = (*PRESETS, TARGET_ONLY, SOURCE_ONLY)

_DEVICE = "cpu"
# Sessions of the first epoch of a system that nothing is known of. The next begins when there are
# twice as many, and so on.
_FIRST_EPOCH = 100


def is_network(name: str) -> bool:
    return name.split("/")[0] in NETWORKS


def check_possible(name: str, protocol: Protocol) -> None:
    """Raises UserError where a network cannot be trained in a protocol, or a field is not one."""
    chosen = _preset(name)
    if protocol is Protocol.BILATERAL:
        return
    if name.split("/")[0] in (TARGET_ONLY, SOURCE_ONLY):
        raise UserError(f"--methods {name}: needs labels of both sides; only bilateral has them")
    if chosen.statistics is Statistics.NONE:
        raise UserError(
            f"--methods {name}: learns from labels of the target, which --protocol "
            f"{protocol.value} does not have; take default"
        )


def _preset(name: str) -> Preset:
    base, *changes = name.split("/")
    if base in (TARGET_ONLY, SOURCE_ONLY):
        chosen = preset("default", learn_from=base.removesuffix("-only"))
    else:
        chosen = preset(base)
    for change in changes:
        key, _, value = change.partition("=")
        try:
            parsed = json.loads(value)
        except ValueError:
            parsed = value
        if key in {field.name for field in fields(NetworkConfig)}:
            chosen = replace(chosen, network={**chosen.network, key: parsed})
        elif key in {field.name for field in fields(Preset)} - {"name", "network", "statistics"}:
            chosen = replace(chosen, **{key: parsed})
        else:
            raise UserError(
                f"--methods {name}: {key!r} is no field of a preset or of its network; write "
                "preset/field=value"
            )
    return chosen


class Network:
    """A preset, trained by Algorithm 1 on the sources and what the protocol gives of the target."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.threshold = self.published_threshold = 0.5
        self._workspace = tempfile.TemporaryDirectory(prefix="metalog-benchmark-")
        self._run: Run | None = None
        self._tested = np.zeros(0, dtype=np.int64)

    def fit(self, task: Task) -> None:
        torch.set_num_threads(1)
        options = FitOptions(
            sources=tuple(source.path for source in task.sources),
            target=task.target.path,
            run=Path(self._workspace.name) / "run",
            preset=_preset(self.name),
            fractions=task.setting.fractions,
            device=_DEVICE,
            seed=task.seed,
            seen=Seen(task.split.sources, task.split.labelled, task.split.unlabelled),
        )
        try:
            run = train(start(options), _DEVICE)
        except Interrupted:
            raise KeyboardInterrupt from None
        self._run, self._tested = run, task.split.test
        self.threshold = run.threshold

    def score(self, sequences: Sequence[Rows]) -> NDArray[np.float64]:
        """``sequences`` are those of the test part: their sessions are parsed again here, by what
        the run itself has kept, as ``evaluate`` does."""
        if self._run is None or len(sequences) != len(self._tested):
            raise ValueError("a network scores the whole test part of the task it was fitted to")
        part = test_part(self._run, None, self._tested)
        inputs = part.inputs
        if inputs is not None and not len(self._run.seen_of_target()):
            inputs = _as_it_goes(self._run, part)
        network = load_network(self._run, choose_device(_DEVICE))
        return predict(network, part.table, part.sequences, inputs)


def _as_it_goes(run: Run, part: Part) -> Inputs:
    """Sessions of a system that nothing was known of, each described by those that came before its
    epoch: what an agent knows that learns while it watches.

    They come in random order by the run's seed: not every corpus knows its times.
    """
    order = np.random.default_rng([run.seed, 3]).permutation(len(part.sequences))
    words, _ = run.words()
    nothing = np.zeros(0, dtype=np.float32)
    places: list[NDArray[np.intp]] = [np.zeros(0, dtype=np.intp)] * len(order)
    features = [nothing] * len(order)
    session: list[NDArray[np.float32]] = [nothing] * len(order)
    known, stop = 0, _FIRST_EPOCH
    while known < len(order):
        before = [part.sequences[i] for i in order[:known]]
        history = History.of(before, [], len(part.parser.templates), labelled=False)
        description = Description(history, part.parser.templates, part.table, words)
        epoch = order[known:stop]
        found = description.inputs([part.sequences[i] for i in epoch])
        for row, index in enumerate(epoch):
            places[index], features[index] = found.places[row], found.features[row]
            session[index] = found.session[row]
        known, stop = min(stop, len(order)), 2 * stop
    return Inputs(places, features, np.stack(session))
