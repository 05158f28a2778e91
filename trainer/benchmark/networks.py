"""The network as a method of the benchmark: one fit in a temporary run for each seed."""

import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from models.errors import UserError
from trainer.batches import Rows
from trainer.benchmark.protocols import Protocol
from trainer.benchmark.task import Task
from trainer.evaluate import test_part
from trainer.fit import FitOptions, Interrupted, choose_device, load_network, start, train
from trainer.predict import predict
from trainer.presets import PRESETS, Preset, preset
from trainer.run import Run
from trainer.splits import Seen

# The network with the labels of one side only.
TARGET_ONLY, SOURCE_ONLY = "target-only", "source-only"
NETWORKS = (*PRESETS, TARGET_ONLY, SOURCE_ONLY)

_DEVICE = "cpu"


def check_possible(name: str, protocol: Protocol) -> None:
    """Raises UserError where a network cannot be trained in a protocol."""
    if protocol is not Protocol.BILATERAL:
        raise UserError(
            f"--methods {name}: not available in this protocol yet ({protocol.value}); "
            f"bilateral has {', '.join(NETWORKS)}"
        )


def _preset(name: str) -> Preset:
    if name in (TARGET_ONLY, SOURCE_ONLY):
        return preset("default", learn_from=name.removesuffix("-only"))
    return preset(name)


class Network:
    """A preset, trained by Algorithm 1 on the sources and the target's labelled sessions."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.threshold = 0.5
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
        run = start(options)
        try:
            run = train(run, _DEVICE)
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
        scores = predict(
            load_network(self._run, choose_device(_DEVICE)),
            part.table,
            part.sequences,
            part.inputs,
        )
        return scores
