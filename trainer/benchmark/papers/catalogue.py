"""The methods of the papers by name, as ``--methods`` has them: ``logrobust:a``.

Behind ``neurallog`` a sentence model may be named, as in ``neurallog/sentences=all-MiniLM-L6-v2``.
"""

from collections.abc import Callable
from functools import partial

from models.errors import UserError
from trainer.benchmark.papers.deeplog import DeepLog
from trainer.benchmark.papers.logrobust import LogRobust
from trainer.benchmark.papers.logtad import LogTAD
from trainer.benchmark.papers.logtransfer import LogTransfer
from trainer.benchmark.papers.neurallog import NeuralLog
from trainer.benchmark.papers.pca import PrincipalComponents
from trainer.benchmark.papers.plelog import PLELog
from trainer.benchmark.papers.sentences import pretrained
from trainer.benchmark.papers.settings import Given
from trainer.benchmark.papers.tca import transferred
from trainer.benchmark.papers.trial import Compared
from trainer.benchmark.protocols import Protocol, Setting

# With the blocks of the paper's tables that they stand in.
_KINDS: dict[str, tuple[Callable[[str, Given], Compared], str]] = {
    "deeplog": (DeepLog, "c"),
    "logrobust": (LogRobust, "abd"),
    "plelog": (PLELog, "abd"),
    "neurallog": (NeuralLog, "d"),
    "tca-plelog": (partial(PLELog, adapt=transferred), "e"),
    "tca-logrobust": (partial(LogRobust, adapt=transferred), "e"),
    "logtransfer": (LogTransfer, "f"),
    "logtad": (LogTAD, "f"),
    "pca": (PrincipalComponents, "d"),
}


def _named() -> dict[str, Callable[[], Compared]]:
    """A kind with one block alone goes by its name alone."""
    return {
        name: partial(make, name, Given(letter))
        for kind, (make, letters) in _KINDS.items()
        for letter in letters
        for name in [f"{kind}:{letter}" if len(letters) > 1 else kind]
    }


PAPERS = _named()
_SENTENCES = "neurallog/sentences="


def is_paper(name: str) -> bool:
    return name in PAPERS or name.startswith(_SENTENCES)


def with_sentences(model: str) -> str:
    """NeuralLog's name with a sentence model."""
    return _SENTENCES + model


def paper(name: str) -> Compared:
    """Raises UserError where its sentence model cannot be had."""
    if name.startswith(_SENTENCES):
        return NeuralLog(name, Given.SOURCE, pretrained(name.removeprefix(_SENTENCES)))
    return PAPERS[name]()


def check_given(name: str, setting: Setting) -> None:
    """Raises UserError where the protocol does not give a method what it is given in the paper, or
    it cannot be made."""
    given = paper(name).given
    if setting.protocol is Protocol.ZERO_SHOT and given is Given.SOURCE:
        return
    if setting.protocol is not Protocol.BILATERAL:
        needs = {
            Given.SOURCE: "nothing of the target",
            Given.ADAPTED: "what block (e) of the paper's tables has of the target",
        }.get(given, "labels of the target")
        which = "bilateral and zero-shot" if given is Given.SOURCE else "bilateral"
        raise UserError(f"--methods {name}: is given {needs}, which only --protocol {which} does")
    if given is Given.ALL and not setting.reserved:
        raise UserError(
            f"--methods {name}: sees all labels of the target's training part; say with --reserve "
            "how many of the anomalies that has, such as 0.3"
        )
