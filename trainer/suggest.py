"""``metalog-train suggest``: sessions of a user's logs that are worth a label, in a file."""

import tempfile
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from models.bundle import Bundle
from models.errors import UserError
from models.sessions import Session
from trainer.choice import Choice, Ground, choose
from trainer.corpus import Corpus
from trainer.datasets.by_bundle import OwnLogs, gather
from trainer.datasets.raw import contents_of
from trainer.progress import stage
from trainer.questions import write
from trainer.sighting import Reason, Sighting, see

_MOST_REASONS = 10


@dataclass(frozen=True)
class SuggestOptions:
    """labels: files of what is labelled already. count: sessions to choose. output: a new file."""

    bundle: Path
    logs: OwnLogs
    output: Path
    labels: tuple[Path, ...] = ()
    count: int = 20
    seed: int = 0
    force: bool = False


@dataclass(frozen=True)
class Suggested:
    """sessions: that were looked at, of ``all`` in the logs; grounds: how many were chosen for
    each; lines: counts of those read; by_bundle, threshold: see Sighting."""

    sessions: int
    all: int
    grounds: Mapping[Ground, int]
    lines: Mapping[str, int]
    by_bundle: bool
    threshold: float

    @property
    def chosen(self) -> int:
        return sum(self.grounds.values())


def suggest(options: SuggestOptions, progress: Callable[[int], None] | None = None) -> Suggested:
    """Choose sessions and write them. progress gets the bytes of the logs that were read.

    Raises UserError, and writes nothing then.
    """
    if options.count < 1:
        raise UserError(f"-n {options.count}: expected 1 or more")
    if options.output.exists() and not options.force:
        raise UserError(
            f"{options.output}: exists, and may hold answers; `metalog-train label "
            f"{options.output}` goes on with it; else name another file with -o, or --force to "
            "replace it"
        )
    bundle = Bundle.load(options.bundle)
    rng = np.random.default_rng(options.seed)
    with tempfile.TemporaryDirectory(prefix="metalog-suggest-") as folder:
        corpus, lines = gather(
            bundle, options.logs, options.labels, Path(folder) / "corpus", name="logs",
            progress=progress,
        )  # fmt: skip
        with stage("scoring sessions"):
            sighting = see(bundle, corpus, rng)
        with stage("choosing"):
            choices = choose(
                sighting.sequences, sighting.labels, sighting.scores, sighting.threshold,
                options.count,
            )  # fmt: skip
        if not choices:
            raise UserError(
                f"{options.output}: nothing to ask: every kind of session has a label; next: "
                "metalog-train adapt BUNDLE --logs LOG --labels FILE -o BUNDLE2"
            )
        with stage("reading what they say"):
            write(options.output, _records(bundle, options.logs, sighting, choices))
    return Suggested(
        sessions=len(sighting.sessions),
        all=len(corpus),
        grounds=Counter(choice.ground for choice in choices),
        lines=lines,
        by_bundle=sighting.by_bundle,
        threshold=sighting.threshold,
    )


def _records(
    bundle: Bundle, logs: OwnLogs, sighting: Sighting, choices: list[Choice]
) -> list[dict[str, Any]]:
    corpus = sighting.corpus
    places = [choice.place for choice in choices]
    numbers = [int(sighting.sessions[place]) for place in places]
    told = _told(bundle, logs, corpus, numbers)
    return [
        {
            "id": corpus.keys[number],
            "label": None,
            "score": round(float(sighting.scores[choice.place]), 6),
            "ground": choice.ground.value,
            "copies": choice.copies,
            "why": [_why(reason) for reason in reasons[:_MOST_REASONS]],
            **told[number],
        }
        for number, choice, reasons in zip(numbers, choices, sighting.reasons(places), strict=True)
    ]


def _why(reason: Reason) -> dict[str, Any]:
    return {
        "template": reason.template,
        "weight": round(reason.weight, 4),
        "count": reason.count,
        "new": reason.new,
        "line": reason.line + 1,
    }


def _told(
    bundle: Bundle, logs: OwnLogs, corpus: Corpus, numbers: list[int]
) -> dict[int, dict[str, Any]]:
    """What the logs say of sessions: where, when, and all lines."""
    sessions: dict[int, Session[str]] = {}
    zoned = False
    if logs.corpus() is None:
        # Read once more: the lines of all sessions together may not fit into the memory.
        wanted = {number: corpus.keys[number] for number in numbers}
        sessions, zoned = contents_of(logs.raw(bundle), wanted)
    told: dict[int, dict[str, Any]] = {}
    for number in numbers:
        session = sessions.get(number)
        # Of sessions that came cut and masked, or with a label file, there are no other lines.
        told[number] = (
            {"events": [corpus.messages[i] for i in corpus.session(number)]}
            if session is None
            else {
                "source": session.source,
                "first_time": _iso(session.first_time, zoned),
                "last_time": _iso(session.last_time, zoned),
                "events": session.items,
            }
        )
    return told


def _iso(seconds: float | None, zoned: bool) -> str | None:
    if seconds is None:
        return None
    try:
        moment = datetime.fromtimestamp(seconds, UTC)
    except (OverflowError, ValueError, OSError):
        return None
    return (moment if zoned else moment.replace(tzinfo=None)).isoformat(timespec="seconds")
