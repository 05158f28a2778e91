"""``metalog-train export``: from a run to a bundle."""

import shutil
import tarfile
from collections.abc import Callable
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from export.parity import check_parity
from export.writing import revision, write_bundle
from models.bundle import MANIFEST, Manifest
from models.errors import UserError
from models.placing import check_free, placed_file, placed_folder
from trainer.corpus import Corpus
from trainer.evaluate import evaluate
from trainer.fit import load_network
from trainer.predict import predict
from trainer.run import Run

# Real sessions of the target that the parity check scores both ways.
_CHECKED_SESSIONS = 1000


def export_bundle(
    run: Run,
    output: Path,
    *,
    name: str | None = None,
    replace: bool = False,
    note: Callable[[str], None] = lambda text: None,
) -> tuple[Manifest, float]:
    """Write, check and open the bundle of a run; ``output`` ending in .tar makes one file.

    Returns its manifest and the largest difference to the trained network. Raises UserError, and
    leaves nothing behind, where the check fails.
    """
    if output.suffix != ".tar":
        check_free(output, kind="bundle", replace=replace, marker=MANIFEST)
    elif output.exists() and not replace:
        raise UserError(f"{output}: exists; name another file, or --force to replace it")
    system = run.systems()[-1]
    network = load_network(run, torch.device("cpu"))
    embedder = run.embedder()
    note("evaluating on the unseen part of the target")
    evaluation = evaluate(run, device="cpu").figures if _has_test_part(run) else None
    if evaluation is not None and not evaluation["sessions"]:
        # What training left has no labels.
        evaluation = None
    name = name or output.absolute().name.removesuffix(".tar")
    manifest = _manifest(run, system.corpus, name, evaluation, len(system.templates))
    description = run.description() if run.network.session else None
    weights = {key: value.numpy() for key, value in network.state_dict().items()}

    def fill(folder: Path) -> tuple[Manifest, float]:
        complete = write_bundle(
            folder, manifest, run.network.shape(), weights, system.templates, embedder, description
        )
        note("checking the ONNX network against the trained one")
        sessions = system.seen[:: max(1, len(system.seen) // _CHECKED_SESSIONS)]
        sequences = system.sequences(sessions, system.parser(run.drain))
        table = embedder.embed_all(system.templates)
        inputs = None if description is None else description.inputs(sequences)
        expected = predict(network, table, sequences, inputs)
        return complete, check_parity(folder, [row.tolist() for row in sequences], expected)

    if output.suffix != ".tar":
        with placed_folder(output, kind="bundle", replace=replace, marker=MANIFEST) as folder:
            return fill(folder)
    staged = output.with_name(f".{output.name}.folder")
    try:
        with placed_folder(staged, kind="bundle", replace=True) as folder:
            result = fill(folder)
        with placed_file(output) as file, tarfile.open(file, "w") as archive:
            for member in sorted(staged.iterdir()):
                archive.add(member, member.name)
    finally:
        shutil.rmtree(staged, ignore_errors=True)
    return result


def _has_test_part(run: Run) -> bool:
    return len(run.seen_of_target()) < run.target.sessions


def _manifest(
    run: Run, corpus: Corpus, name: str, evaluation: dict[str, Any] | None, events: int
) -> Manifest:
    origin = corpus.origin
    return Manifest(
        name=name,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        version=version("metalog"),
        revision=revision(),
        threshold=run.threshold,
        threshold_origin=run.threshold_origin,
        line_format=origin.line_format,
        rule=origin.rule,
        live_idle=origin.live_idle,
        masks=origin.masks,
        drain=run.drain,
        events=events,
        dimension=run.network.dimension,
        features=run.network.features,
        network=run.network.to_json(),
        data=[
            {
                "role": "target" if role is run.target else "source",
                "name": role.name,
                "fingerprint": role.fingerprint,
                "sessions": role.sessions,
                "normal_labels": role.normal_labels,
                "anomaly_labels": role.anomaly_labels,
            }
            for role in run.roles
        ],
        evaluation=evaluation,
    )
