"""The rows of the comparison, in the order of the paper's tables."""

from collections.abc import Iterable
from dataclasses import dataclass

from trainer.benchmark.baselines import BASELINES
from trainer.benchmark.baselines.history import Needs
from trainer.benchmark.papers.catalogue import with_sentences


@dataclass(frozen=True)
class Row:
    """block: its letter in the paper, empty for what is not there; method: as ``benchmark
    --methods`` has it; title: as it is to be read; given: what it learns from."""

    block: str
    method: str
    title: str
    given: str


OWN = "default"
_NEURALLOG = "neurallog"
_FEW = "few labels of the target"
_ALL = "all labels of the target's training part"
_SOURCE = "labels of the source"
_ADAPTED = "labels of the source, events of the target"
_BOTH = "labels of the source, few of the target"

ROWS = (
    Row("a1", "plelog:a", "PLELog", _FEW),
    Row("a2", "logrobust:a", "LogRobust", _FEW),
    Row("b1", "plelog:b", "PLELog", _ALL),
    Row("b2", "logrobust:b", "LogRobust", _ALL),
    Row("c", "deeplog", "DeepLog", "normal sessions of the target"),
    Row("d1", "plelog:d", "PLELog", _SOURCE),
    Row("d2", "logrobust:d", "LogRobust", _SOURCE),
    Row("d3", _NEURALLOG, "NeuralLog", _SOURCE),
    Row("d4", "pca", "PCA", _SOURCE),
    Row("e1", "tca-plelog", "TCA, PLELog", _ADAPTED),
    Row("e2", "tca-logrobust", "TCA, LogRobust", _ADAPTED),
    Row("f1", "logtad", "LogTAD", _BOTH),
    Row("f2", "logtransfer", "LogTransfer", _BOTH),
    Row("", "words", "metalog, preset words", _BOTH),
    Row("ours", OWN, "metalog, preset default", _BOTH),
)
_NEEDED = {
    Needs.NOTHING: "nothing",
    Needs.HISTORY: "normal sessions of the target",
    Needs.LABELS: _FEW,
}
RULES = tuple(
    Row("", name, f"rule: {name}", _NEEDED[kind.needs]) for name, kind in BASELINES.items()
)
# Those that the paper's figures 6 and 7 have.
ZERO_SHOT = tuple(row for row in ROWS if row.method in ("plelog:d", "logrobust:d", OWN))


def row_of(method: str) -> str:
    """The method of the row that this one fills: NeuralLog's has any sentence model."""
    return _NEURALLOG if method.startswith(with_sentences("")) else method


def model_of(method: str) -> str:
    """The sentence model of NeuralLog, empty for others and where none was chosen."""
    return method.removeprefix(with_sentences("")) if row_of(method) != method else ""


def with_model(methods: Iterable[str], model: str) -> tuple[str, ...]:
    """The same, NeuralLog's with this sentence model."""
    return tuple(with_sentences(model) if name == _NEURALLOG else name for name in methods)
