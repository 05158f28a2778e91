"""Options that say which bundle judges sessions and how."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

AlertsPerDayOption = Annotated[
    float | None,
    typer.Option(
        metavar="NUMBER",
        help="Keep the threshold where about so many sessions a day are anomalous, before they are "
        "grouped.  [default: a fixed threshold]",
    ),
]
WarmUpOption = Annotated[
    str | None,
    typer.Option(
        "--warmup",
        metavar="DURATION",
        help="With a bundle that knows no system yet, learn what is normal here for so long, or "
        "2,000 sessions, and alert only on what is beyond doubt; 0 or --threshold: not at all.  "
        "[default: 1h]",
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
ProviderOption = Annotated[
    Provider | None, typer.Option(help="Where the network runs.  [default: auto]")
]
