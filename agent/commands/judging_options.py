"""Options that say which bundle judges sessions and how, and what they come to."""

from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from models.bundle import Bundle
from models.errors import UserError
from models.session_rule import SessionRule

AlertsPerDayOption = Annotated[
    float | None,
    typer.Option(
        metavar="NUMBER",
        help="Keep the threshold where about so many sessions a day are anomalous, before they are "
        "grouped.  [default: a fixed threshold]",
    ),
]
WarmUpOption = Annotated[
    str,
    typer.Option(
        "--warmup",
        metavar="DURATION",
        help="With a bundle that knows no system yet, learn what is normal here for so long, or "
        "2,000 sessions, and alert only on what is beyond doubt; 0 or --threshold: not at all.",
    ),
]
HistoryOption = Annotated[
    list[str] | None,
    typer.Option(
        metavar="FILE",
        help="Learn what is normal from old logs at once: a file, .gz, or a glob in quotes; "
        "repeatable.",
    ),
]
VerifyOption = Annotated[
    Path | None,
    typer.Option(
        metavar="KEY",
        help="Take only bundles signed by the owner of this ed25519 public key (PEM).",
    ),
]


class Provider(StrEnum):
    """Where the network runs."""

    auto = "auto"
    cpu = "cpu"
    cuda = "cuda"


BundleOption = Annotated[
    Path | None,
    typer.Option(
        metavar="BUNDLE", help="What `metalog-train export` wrote.  [default: the shipped one]"
    ),
]
ThresholdOption = Annotated[
    float | None,
    typer.Option(help="Anomalous from this score on; 0 alerts on all.  [default: the bundle's]"),
]
KeyOption = Annotated[
    str | None,
    typer.Option(help="Sessions by key: a regex with one group.  [default: the bundle's rule]"),
]
WindowOption = Annotated[
    int | None,
    typer.Option(help="Sessions of so many lines a source.  [default: the bundle's rule]"),
]
EndOption = Annotated[
    str | None, typer.Option(help="A line that matches ends its session.  [default: the bundle's]")
]
ProviderOption = Annotated[Provider, typer.Option(help="Where the network runs.")]


def bundle_of(path: Path | None, load: Callable[[Path], Bundle] = Bundle.load) -> Bundle:
    """The user's, or the one that travels with metalog. Raises UserError."""
    place = place_of(path)
    if path is not None or place.exists():
        return load(place)
    raise UserError(
        "no bundle: give one with --bundle; `metalog-train prepare`, `fit` and `export` make it "
        "from your logs"
    )


def place_of(path: Path | None) -> Path:
    """Where that bundle is."""
    return path or Path(__file__).parents[2] / "models" / "pretrained" / "bundle"


def rule_of(
    bundle: Bundle,
    key_regex: str | None,
    window: int | None,
    idle: float | None,
    end_regex: str | None,
) -> SessionRule:
    return bundle.manifest.rule.overridden(
        key_regex=key_regex, window=window, idle=idle, end_regex=end_regex
    )


def threshold_of(bundle: Bundle, given: float | None) -> float:
    """The user's, or the bundle's. Raises UserError for what is no probability."""
    if given is None:
        return bundle.manifest.threshold
    if not 0 <= given <= 1:
        raise UserError(f"--threshold {given}: a score lies between 0 and 1")
    return given


def knows_nothing(bundle: Bundle) -> str:
    """What to say of such a bundle where nothing is learnt before sessions are judged."""
    return (
        f"bundle {bundle.manifest.name} knows no system yet, so hardly anything looks odd to it: "
        "follow the logs for a while, or give old ones with `watch --once --history FILE`"
    )
