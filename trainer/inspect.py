"""``metalog-train inspect``: what is in a corpus, a run or a bundle."""

from pathlib import Path
from typing import Any

from models.bundle import Bundle
from models.errors import UserError
from trainer.corpus import Corpus
from trainer.run import Run


def inspect(path: Path) -> dict[str, Any]:
    """A description, ready for JSON; its ``kind`` is corpus, run or bundle. Raises UserError."""
    if not path.exists():
        raise UserError(
            f"{path}: no such file or folder; give what `metalog-train prepare`, `fit` or `export` "
            "wrote"
        )
    if (path / "corpus.json").exists():
        return _corpus(Corpus.open(path))
    if (path / "run.json").exists():
        return _run(Run.open(path))
    if (path / "manifest.json").exists() or path.suffix == ".tar":
        return _bundle(Bundle.load(path))
    raise UserError(
        f"{path}: neither a corpus (corpus.json), a run (run.json) nor a bundle (manifest.json); "
        "give what `metalog-train prepare`, `fit` or `export` wrote"
    )


def _corpus(corpus: Corpus) -> dict[str, Any]:
    origin = corpus.origin
    return {
        "kind": "corpus",
        "name": corpus.name,
        **corpus.counts,
        "parsed": origin.parsed,
        "rule": _set(origin.rule),
        "fingerprint": corpus.fingerprint,
        "provenance": {
            "format": origin.format,
            "inputs": origin.inputs,
            "created": origin.created,
            "metalog": origin.version,
        },
    }


def _run(run: Run) -> dict[str, Any]:
    step, steps, over = run.progress()
    return {
        "kind": "run",
        "name": run.path.name,
        "preset": run.preset.to_json(),
        "seed": run.seed,
        "fractions": _set(run.fractions),
        "steps": step,
        "of_steps": steps,
        "finished": over,
        "threshold": run.threshold,
        "threshold_origin": run.threshold_origin,
        "network": run.network.to_json(),
        "systems": [{"role": kind, **_set(role)} for kind, role in run.systems_named],
        "metalog": run.version,
    }


def _bundle(bundle: Bundle) -> dict[str, Any]:
    manifest = bundle.manifest
    return {
        "kind": "bundle",
        "name": manifest.name,
        "created": manifest.created,
        "metalog": manifest.version,
        "revision": manifest.revision,
        "fingerprint": bundle.fingerprint,
        "threshold": manifest.threshold,
        "threshold_origin": manifest.threshold_origin,
        "rule": _set(manifest.rule),
        "live_idle": manifest.live_idle,
        "events": manifest.events,
        "dimension": manifest.dimension,
        "words": len(bundle.words),
        "network": manifest.network,
        "data": manifest.data,
        "evaluation": manifest.evaluation,
        "files": manifest.files,
    }


def _set(value: Any) -> dict[str, Any]:
    """Fields of a dataclass that are set."""
    fields = value.__dataclass_fields__
    return {name: v for name in fields if (v := getattr(value, name)) is not None}


def readable(description: dict[str, Any]) -> str:
    """The description for people: a line a field, nested ones indented."""
    return "\n".join(_lines(description, ""))


def _lines(value: Any, indent: str) -> list[str]:
    lines: list[str] = []
    for name, item in value.items():
        label = f"{indent}{name.replace('_', ' ')}:"
        if isinstance(item, dict):
            lines += [label, *_lines(item, indent + "  ")]
        elif isinstance(item, list) and item and isinstance(item[0], dict):
            lines.append(label)
            for entry in item:
                first, *rest = _lines(entry, indent + "    ")
                lines += [f"{indent}  - {first.strip()}", *rest]
        else:
            shown = f"{item:,}" if isinstance(item, int) and not isinstance(item, bool) else item
            lines.append(f"{label} {shown}")
    return lines
