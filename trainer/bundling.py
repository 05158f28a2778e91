"""``metalog-train export``: from a run to a bundle."""

import shutil
import tarfile
from collections.abc import Callable, Mapping
from dataclasses import replace as replaced
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from export.parity import check_parity
from export.writing import model_card, revision, write_bundle
from models.bundle import MANIFEST, Manifest
from models.errors import UserError
from models.placing import check_free, placed_file, placed_folder
from models.signing import SIGNATURE, SigningKey
from trainer.corpus import Corpus
from trainer.evaluate import evaluate
from trainer.fit import load_network
from trainer.predict import predict
from trainer.progress import stage
from trainer.rehearsal import Rehearsal
from trainer.run import Role, Run

# Real sessions of the target that the parity check scores both ways.
_CHECKED_SESSIONS = 1000


def export_bundle(
    run: Run,
    output: Path,
    *,
    name: str | None = None,
    replace: bool = False,
    sign: SigningKey | None = None,
    note: Callable[[str], None] = lambda text: None,
    rehearsal: Mapping[str, NDArray[np.generic]] | None = None,
    card: Callable[[Manifest], str] = model_card,
) -> tuple[Manifest, float]:
    """Write, check and open the bundle of a run; ``output`` ending in .tar makes one file.

    sign: with this key. card: what README.md says. rehearsal: what the bundle that it goes on from
    carried; by default a sample of what the run was trained on, where its network reads statistics.
    Returns its manifest and the largest difference to the trained network. Raises UserError, and
    leaves nothing behind, where the check fails.
    """
    if output.suffix != ".tar":
        check_free(output, kind="bundle", replace=replace, marker=MANIFEST)
    elif output.exists() and not replace:
        raise UserError(f"{output}: exists; name another file, or --force to replace it")
    systems = run.systems()
    system = systems[-1]
    network = load_network(run, torch.device("cpu"))
    embedder = run.embedder()
    evaluation = None
    if run.untouched:
        note("evaluating on the unseen part of the target")
        evaluation = evaluate(run, device="cpu").figures
    if evaluation is not None and not evaluation["sessions"]:
        # What training left has no labels.
        evaluation = None
    name = name or output.absolute().name.removesuffix(".tar")
    manifest = _manifest(run, system.corpus, name, evaluation, len(system.templates))
    description = run.description() if run.network.session else None
    if rehearsal is None and description is not None:
        rng = np.random.default_rng([run.seed, 4])
        with stage("sampling sessions for adapt"):
            rehearsal = Rehearsal.of(run, systems, embedder, rng).arrays()
    weights = {key: value.numpy() for key, value in network.state_dict().items()}

    def fill(folder: Path) -> tuple[Manifest, float]:
        with stage("writing the bundle"):
            complete = write_bundle(
                folder, manifest, run.network.shape(), weights, system.templates, embedder,
                description, rehearsal, card,
            )  # fmt: skip
        if sign is not None:
            (folder / SIGNATURE).write_bytes(sign.sign((folder / MANIFEST).read_bytes()))
        note("checking the ONNX network against the trained one")
        # Without a target, on what a host might send: a source as a system never seen.
        checked = system if len(system.corpus) else replaced(systems[0], templates=())
        # Of a target that training has not met, all events are such as a host meets.
        known = checked.seen if len(checked.seen) else np.arange(len(checked.corpus))
        parser = checked.parser(run.drain)
        sequences = checked.sequences(known[:: max(1, len(known) // _CHECKED_SESSIONS)], parser)
        table = embedder.embed_all(parser.templates)
        inputs = None
        if description is not None:
            description.learn(parser.trained, parser.host_templates, table[parser.trained :])
            inputs = description.inputs(sequences)
        expected = predict(network, table, sequences, inputs)
        found = [row.tolist() for row in sequences]
        with stage("scoring sessions as the agent does"):
            return complete, check_parity(folder, found, expected, parser.host_templates)

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
        data=[*run.inherited, *(_learnt(kind, role) for kind, role in run.systems_named)],
        evaluation=evaluation,
    )


def _learnt(kind: str, role: Role) -> dict[str, Any]:
    return {
        "role": kind,
        "name": role.name,
        "fingerprint": role.fingerprint,
        "sessions": role.sessions,
        "normal_labels": role.normal_labels,
        "anomaly_labels": role.anomaly_labels,
    }
