"""``metalog-train adapt``: from a bundle to one of the user's own system, without its sources."""

import tempfile
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path

import numpy as np

from export.recovery import weights_of
from models.bundle import MANIFEST, REHEARSAL, Bundle, Manifest
from models.errors import UserError
from models.placing import check_free
from models.words import Vectors
from trainer.bundling import export_bundle
from trainer.corpus import ANOMALOUS, NORMAL, UNLABELLED, Corpus
from trainer.datasets.by_bundle import OwnLogs, gather
from trainer.fit import Progress, learn
from trainer.lessons import FEWEST_NORMAL, rehearsed
from trainer.network import NetworkConfig
from trainer.presets import ADAPTATION, Preset, Statistics
from trainer.rehearsal import Rehearsal
from trainer.run import Role, Run
from trainer.splits import FEWEST_ANOMALIES, Fractions
from trainer.systems import System

# Of fewer sessions nobody can say what is usual among them.
FEWEST_SESSIONS = 20


@dataclass(frozen=True)
class AdaptOptions:
    """labels: files of labels for sessions of ``logs``, or of sessions with labels."""

    bundle: Path
    logs: OwnLogs
    output: Path
    labels: tuple[Path, ...] = ()
    name: str | None = None
    seed: int = 0
    force: bool = False


@dataclass(frozen=True)
class Adapted:
    """What came of it. sessions, normal, anomalous: of the user's logs and labels; trained: whether
    the network's weights were moved; difference: see ``export_bundle``."""

    manifest: Manifest
    sessions: int
    normal: int
    anomalous: int
    lines: dict[str, int]
    trained: bool
    difference: float


def adapt(
    options: AdaptOptions,
    reading: AbstractContextManager[Callable[[int], None]] | None = None,
    training: AbstractContextManager[Progress] | None = None,
    note: Callable[[str], None] = lambda text: None,
) -> Adapted:
    """Write the adapted bundle. reading gives what is told the bytes of the logs that were read,
    training what is told the steps; one after the other, as two bars cannot share a terminal.

    Raises UserError, and writes nothing then, where the bundle lacks what adaptation needs or the
    logs are too few; ``trainer.interrupts.Interrupted`` after Ctrl-C.
    """
    bundle = Bundle.load(options.bundle, rehearsal=True)
    rehearsal = _rehearsal(options.bundle, bundle)
    if options.output.suffix != ".tar":
        check_free(options.output, kind="bundle", replace=options.force, marker=MANIFEST)
    name = options.name or options.output.absolute().name.removesuffix(".tar")
    with tempfile.TemporaryDirectory(prefix="metalog-adapt-") as folder:
        with reading or nullcontext() as progress:
            corpus, lines = gather(
                bundle, options.logs, options.labels, Path(folder) / "corpus", name=name,
                progress=progress,
            )  # fmt: skip
        _check_enough(corpus)
        sessions = np.arange(len(corpus))
        first_row = len(rehearsal.vectors)
        system = System.mined(corpus, sessions, first_row, bundle.manifest.drain)
        run = _start(bundle, system, Path(folder) / "run", options.seed)
        embedder = bundle.embedder()
        run.save_systems([system], embedder)
        run.save()
        lessons = rehearsed(run, rehearsal.sessions(run.preset.longest), system, embedder)
        table: Vectors = np.concatenate([rehearsal.vectors, embedder.embed_all(system.templates)])
        first = weights_of(bundle.network, run.network.shape())
        with training or nullcontext() as steps:
            run = learn(run, lessons, table, "cpu", steps, first)
        manifest, difference = export_bundle(
            run, options.output, name=name, replace=options.force, note=note,
            rehearsal=rehearsal.arrays(),
        )  # fmt: skip
    return Adapted(
        manifest,
        len(corpus),
        corpus.counts["normal"],
        corpus.counts["anomalous"],
        lines,
        bool(run.preset.steps),
        difference,
    )


def _rehearsal(path: Path, bundle: Bundle) -> Rehearsal:
    if not bundle.manifest.network.get("session"):
        raise UserError(
            f"{path}: its network reads no statistics, so it cannot be adapted; fit one with "
            "--preset default"
        )
    if bundle.rehearsal is None:
        raise UserError(
            f"{path}: lacks {REHEARSAL}, without which a network forgets what it knew; export the "
            "run again: `metalog-train export RUN`"
        )
    return Rehearsal.from_arrays(bundle.rehearsal)


def _check_enough(corpus: Corpus) -> None:
    if len(corpus) < FEWEST_SESSIONS:
        raise UserError(
            f"--logs: {len(corpus)} sessions; at least {FEWEST_SESSIONS} are needed to see what is "
            "usual there. Give more logs, or check --key-regex and --window"
        )


def _start(bundle: Bundle, system: System, path: Path, seed: int) -> Run:
    manifest = bundle.manifest
    try:
        path.mkdir(parents=True)
        network = NetworkConfig.from_json(manifest.network)
    except (KeyError, TypeError) as error:
        raise UserError(
            f"bundle {manifest.name}: its network is not described as this metalog does: {error}; "
            "fit and export it again"
        ) from None
    return Run(
        path=path,
        preset=_preset(system.labels(system.seen).tolist()),
        fractions=Fractions(1, 1, 1),
        seed=seed,
        vectors=None,
        drain=manifest.drain,
        network=network,
        roles=(Role.of(system),),
        version=version("metalog"),
        threshold=manifest.threshold,
        threshold_origin=manifest.threshold_origin,
        inherited=tuple({**one, "role": "source"} for one in manifest.data),
    )


def _preset(labels: list[int]) -> Preset:
    """How to go on, by what is known of the user's sessions; without a label nothing is learnt but
    the history and the threshold."""
    normal, anomalous = labels.count(NORMAL), labels.count(ANOMALOUS)
    enough = normal >= FEWEST_NORMAL and anomalous >= FEWEST_ANOMALIES
    whole = UNLABELLED not in labels and enough
    chosen = ADAPTATION[Statistics.LABELLED if whole else Statistics.UNLABELLED]
    return chosen if normal + anomalous else replace(chosen, steps=0)
