"""Writes a bundle."""

import hashlib
import json
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from export.graph import NetworkShape, Weights, build
from export.steps import build_steps
from models.bundle import (
    CARD,
    HISTORY,
    MANIFEST,
    NETWORK,
    REHEARSAL,
    STEPS,
    TEMPLATES,
    WORDS,
    Manifest,
    pack_words,
)
from models.embedding import EventEmbedder
from models.reading import Description


def write_bundle(
    folder: Path,
    manifest: Manifest,
    shape: NetworkShape,
    weights: Weights,
    templates: tuple[str, ...],
    embedder: EventEmbedder,
    description: Description | None = None,
    rehearsal: Mapping[str, NDArray[np.generic]] | None = None,
    card: Callable[[Manifest], str] | None = None,
) -> Manifest:
    """Write all files of a bundle into an empty folder; returns the manifest with their sums.

    weights: see ``export.graph.build``; templates: of the target, row n of the table is n's vector;
    rehearsal: arrays of rehearsal.npz; card: what README.md says, by default ``model_card``.
    """
    table = embedder.embed_all(templates)
    properties = {"bundle": manifest.name, "metalog": manifest.version}
    model = build(shape, weights, table, properties)
    (folder / NETWORK).write_bytes(model.SerializeToString())
    names = [NETWORK, TEMPLATES, WORDS, CARD]
    if not shape.bidirectional:
        names += STEPS
        steps = build_steps(shape, weights, table.shape[1], properties)
        for name, content in zip(STEPS, (steps.fold, steps.step, steps.head), strict=True):
            (folder / name).write_bytes(content)
    with (folder / TEMPLATES).open("w", encoding="utf-8") as file:
        for number, template in enumerate(templates):
            line = {"id": number, "template": template}
            file.write(json.dumps(line, ensure_ascii=False) + "\n")
    with (folder / WORDS).open("wb") as opened:
        np.savez_compressed(opened, **pack_words(embedder.table, embedder.frequencies))
    if description is not None:
        names.append(HISTORY)
        with (folder / HISTORY).open("wb") as opened:
            np.savez_compressed(opened, **description.arrays())  # type: ignore[arg-type]
    if rehearsal is not None:
        names.append(REHEARSAL)
        with (folder / REHEARSAL).open("wb") as opened:
            np.savez_compressed(opened, **rehearsal)  # type: ignore[arg-type]
    (folder / CARD).write_text((card or model_card)(manifest), encoding="utf-8")
    files = {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in names}
    complete = replace(manifest, files=files)
    (folder / MANIFEST).write_bytes(complete.to_bytes())
    return complete


def revision() -> str | None:
    """The git revision of the running code, None outside of a checkout."""
    try:
        found = subprocess.run(
            ["git", "rev-parse", "HEAD"],
            cwd=Path(__file__).parent,
            capture_output=True,
            text=True,
            timeout=10,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return found.stdout.strip() or None


def model_card(manifest: Manifest) -> str:
    """What a bundle is, what it was trained on and what that is worth, for people."""
    general = all(data["role"] != "target" for data in manifest.data)
    finds = (
        "anomalous sessions in logs of any system, none of which it has seen"
        if general
        else "anomalous sessions in logs of the system named last below"
    )
    limits = (
        "It knows nothing of the system it watches until it has read some hundred sessions there. "
        "Train on\nlogs of that system for better figures."
        if general
        else "It knows the target as it was when the logs were taken: after a release with new log "
        "lines expect\nmore alerts, and train again. It has no opinion on lines without a session "
        "key."
    )
    trained = "\n".join(
        f"| {data['role']} | {data['name']} | {data['sessions']} | {data['normal_labels']} | "
        f"{data['anomaly_labels']} |"
        for data in manifest.data
    )
    rule = manifest.rule
    sessions = (
        f"by key, `{rule.key_regex}`"
        if rule.key_regex
        else f"windows of {rule.window} lines a source"
        if rule.window
        else f"windows of {rule.seconds:g} s a source"
    )
    figures = "Not evaluated when it was exported."
    if manifest.evaluation is not None:
        one = manifest.evaluation
        auroc = "-" if one["auroc"] is None else f"{one['auroc']:.3f}"
        figures = (
            f"On the {one['sessions']} sessions of {one['corpus']} that training did not see "
            f"({one['anomalous']} anomalous), at threshold {one['threshold']:g}: precision "
            f"{100 * one['precision']:.1f}, recall {100 * one['recall']:.1f}, F1 "
            f"{100 * one['f1']:.1f}, AUROC {auroc}. One run, one seed: no promise for other logs."
        )
    return f"""# {manifest.name}

A metalog bundle: finds {finds}.
Made {manifest.created} by metalog {manifest.version}.

| role | system | sessions | normal labels used | anomaly labels used |
|---|---|---|---|---|
{trained}

Sessions: {sessions}. Threshold: {manifest.threshold:g} ({manifest.threshold_origin}).
{manifest.events} event templates, vectors of {manifest.dimension} dimensions.

## Measured

{figures}

## Use

    metalog-agent watch /var/log/app --bundle THIS-FOLDER

## Limits

{limits}
"""
