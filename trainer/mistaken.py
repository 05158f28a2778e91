"""What lies at a path in the place of what was asked for, and the command that makes the latter."""

import shlex
from pathlib import Path

_MARKS = {"corpus.json": "a corpus", "run.json": "a run", "manifest.json": "a bundle"}


def no_corpus(path: Path) -> str:
    """The error of whoever wanted a corpus."""
    if _kind(path) is not None:
        return f"{path}: is {_kind(path)}, no corpus: give what `metalog-train prepare` wrote"
    named = shlex.quote(str(path))
    logs, output = (named, "CORPUS") if path.is_file() else ("LOG", named)
    return (
        f"{path}: {_found(path)}, no corpus; make one with `metalog-train prepare {logs} --format "
        f"FORMAT -o {output}`"
    )


def no_run(path: Path) -> str:
    """The error of whoever wanted a run."""
    named = shlex.quote(str(path))
    if _kind(path) == "a corpus":
        return (
            f"{path}: is a corpus, no run; train on it with `metalog-train fit --source CORPUS "
            f"--target {named} -o RUN`"
        )
    if _kind(path) == "a bundle":
        return (
            f"{path}: is a bundle, no run: give what `metalog-train fit` wrote; `metalog-train "
            f"inspect {named}` says what is in the bundle"
        )
    return (
        f"{path}: {_found(path)}, no run; make one with `metalog-train fit --source CORPUS "
        f"--target CORPUS -o {'RUN' if path.is_file() else named}`"
    )


def _kind(path: Path) -> str | None:
    return next((kind for mark, kind in _MARKS.items() if (path / mark).is_file()), None)


def _found(path: Path) -> str:
    if path.is_file():
        return "is a file"
    return "is a folder" if path.exists() else "is not there"
